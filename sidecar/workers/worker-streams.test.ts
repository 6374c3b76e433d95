import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { FromWorker } from "./messages.ts";
import { createWorkerStreams, maxLinesAhead, type WorkerConsole } from "./worker-streams.ts";

/** A console that sends what the test says, as long as it may. */
function createRig() {
  const sent: FromWorker[] = [];
  const log: string[] = [];
  let send = (_line: string): boolean => assert.fail("nobody watches");
  const console: WorkerConsole = {
    ask: () => assert.fail("nobody asks"),
    watch(query, receiver) {
      log.push(`watch ${query}`);
      send = (line) => receiver.send(line);
      return { resume: () => void log.push("resume"), close: () => void log.push("close") };
    },
  };
  const load = Promise.withResolvers<WorkerConsole>();
  const streams = createWorkerStreams(
    () => load.promise,
    (message) => void sent.push(message),
  );
  return {
    streams,
    sent,
    log,
    send: (line: string) => send(line),
    load: async () => {
      load.resolve(console);
      await new Promise(setImmediate);
    },
  };
}

describe("the streams of a worker's console", () => {
  it("send each line under the number of their stream, until they are closed", async () => {
    const { streams, sent, log, send, load } = createRig();
    streams.open(7, "text=orders");
    await load();
    assert.equal(send('{"type":"figures"}'), true);
    assert.deepEqual(sent, [{ kind: "line", id: 7, text: '{"type":"figures"}' }]);
    streams.close(7);
    streams.close(7);
    assert.deepEqual(log, ["watch text=orders", "close"]);
  });

  it("are so many lines ahead of who reads them, and go on with each that was taken", async () => {
    const { streams, log, send, load } = createRig();
    streams.open(1, "");
    await load();
    const taken = Array.from({ length: maxLinesAhead }, () => send("{}"));
    assert.deepEqual(taken, [...Array<boolean>(maxLinesAhead - 1).fill(true), false]);
    streams.lineTaken(1);
    streams.lineTaken(2);
    assert.deepEqual(log, ["watch ", "resume"]);
    assert.equal(send("{}"), false);
  });

  it("that are closed before the console is loaded never begin", async () => {
    const { streams, log, load } = createRig();
    streams.open(1, "");
    streams.close(1);
    await load();
    assert.deepEqual(log, []);
  });
});
