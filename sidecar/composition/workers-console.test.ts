import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { maxViewers } from "../console/feed.ts";
import type { WorkerProcess } from "../workers/worker-process.ts";
import { createWorkersConsole } from "./workers-console.ts";

/** Workers that answer with what they were asked, and send what the test says. */
function createRig(count = 2) {
  const log: string[] = [];
  const listening = new Map<number, WorkerProcess>();
  const lines = new Map<number, (line: string) => void>();
  let change = (): void => undefined;

  const start = (worker: number): void => {
    listening.set(worker, {
      pid: worker,
      listening: Promise.resolve(),
      exited: new Promise(() => undefined),
      ask: (path, _withinMs, body = null) =>
        Promise.resolve({ status: 200, text: `${worker} ${path} ${body}` }),
      watch(query, receive) {
        log.push(`watch ${worker} ${query}`);
        lines.set(worker, receive);
        return {
          lineTaken: () => void log.push(`taken ${worker}`),
          close: () => void log.push(`close ${worker}`),
        };
      },
      stop: () => undefined,
      kill: () => undefined,
    });
    change();
  };
  const backend = createWorkersConsole({
    workers: {
      listening,
      onChange(run) {
        change = run;
        return () => void (change = () => undefined);
      },
    },
    count,
    answerWithinMs: 1_000,
  });
  const ask = (name: string, query: string, fields: Record<string, unknown> | null = null) =>
    backend.ask({ name, query: new URLSearchParams(query), fields });
  const watch = (query = "") => {
    const received: string[] = [];
    const state = { takes: true };
    const watching = backend.watch(new URLSearchParams(query), {
      send(line) {
        received.push(line);
        return state.takes;
      },
    });
    return { watching, received, state };
  };
  return {
    backend,
    log,
    start,
    end(worker: number) {
      listening.delete(worker);
      change();
    },
    ask,
    watch,
    send: (worker: number, line: string) => lines.get(worker)?.(line),
  };
}

const workersLine = (shown: number, listening: readonly number[]) =>
  JSON.stringify({ type: "workers", shown, count: 2, listening });

describe("the console of several workers", () => {
  it("asks the worker that the page names, else the first that runs", async () => {
    const { start, ask } = createRig();
    assert.equal((await ask("channels", "")).status, 503);
    start(2);
    assert.equal((await ask("channels", "")).text, "2 /console/channels? null");
    assert.match((await ask("channels", "worker=1")).text, /Worker 1 does not answer/);
    start(1);
    const { text } = await ask("publish", "worker=1", { event: "e" });
    assert.equal(text, '1 /console/publish?worker=1 {"event":"e"}');
    for (const wrong of ["0", "3", "1.5", "x", "-1"]) {
      assert.match((await ask("channels", `worker=${wrong}`)).text, /^[12] /);
    }
  });

  it("passes on all of the worker that is shown, and what the others refuse", () => {
    const { start, log, watch, send } = createRig();
    start(1);
    start(2);
    const { received } = watch("worker=2&text=orders&contents=");
    assert.deepEqual(log, ["watch 1 only=refusals", "watch 2 worker=2&text=orders&contents="]);
    send(1, '{"worker":1}');
    send(2, '{"worker":2}');
    assert.deepEqual(received, [workersLine(2, [1, 2]), '{"worker":1}', '{"worker":2}']);
    assert.deepEqual(log.slice(2), ["taken 1", "taken 2"]);
  });

  it("says which workers run, and follows one that was started again", () => {
    const { start, end, log, watch } = createRig();
    start(1);
    const { received, watching } = watch();
    start(2);
    end(1);
    start(1);
    assert.deepEqual(received, [
      workersLine(1, [1]),
      workersLine(1, [1, 2]),
      workersLine(1, [2]),
      workersLine(1, [2, 1]),
    ]);
    assert.deepEqual(log, ["watch 1 ", "watch 2 only=refusals", "watch 1 "]);
    watching?.close();
    assert.deepEqual(log.slice(3).toSorted(), ["close 1", "close 2"]);
    end(1);
    assert.equal(received.length, 4);
  });

  it("has workers wait for a page that does not read", () => {
    const { start, log, watch, send } = createRig();
    start(1);
    const { watching, state } = watch();
    state.takes = false;
    send(1, "{}");
    send(1, "{}");
    assert.deepEqual(log, ["watch 1 "]);
    state.takes = true;
    watching?.resume();
    assert.deepEqual(log, ["watch 1 ", "taken 1", "taken 1"]);
  });

  it("is open in so many pages, and one that is closed makes room once", () => {
    const { start, watch } = createRig();
    start(1);
    const pages = Array.from({ length: maxViewers }, () => watch().watching);
    assert.equal(watch().watching, null);
    pages[0]?.close();
    pages[0]?.close();
    assert.ok(watch().watching);
    assert.equal(watch().watching, null);
  });
});
