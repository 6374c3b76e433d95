import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { waitFor } from "../testing/eventually.ts";
import type { FromWorker } from "./messages.ts";
import { parseFromWorker } from "./messages.ts";
import { createWorkerLink } from "./worker-link.ts";

function link() {
  const sent: FromWorker[] = [];
  let quits = 0;
  let receive = (_message: unknown): void => assert.fail("nobody listens");
  let lose = (): void => assert.fail("nobody listens");
  const made = createWorkerLink(
    {
      send: (message) => void sent.push(message),
      onMessage: (run) => (receive = run),
      onLost: (run) => (lose = run),
    },
    () => (quits += 1),
  );
  made.serve({
    pages: { "/readyz": () => ({ status: 200, text: "ok\n" }) },
    actions: { "/hold": (query) => ({ status: 200, text: `for ${query.get("for")}` }) },
    loadConsole: () =>
      Promise.resolve({
        ask: ({ name, query, fields }) =>
          Promise.resolve({ status: 200, text: `${name} ${query} ${JSON.stringify(fields)}` }),
        watch(query, receiver) {
          receiver.send(`{"of":"${query}"}`);
          return { resume: () => undefined, close: () => undefined };
        },
      }),
  });
  return {
    link: made,
    sent,
    receive: (message: unknown) => receive(message),
    lose: () => lose(),
    quits: () => quits,
  };
}

describe("createWorkerLink", () => {
  it("answers pages and actions, each under the number of its question", async () => {
    const { sent, receive } = link();
    receive({ kind: "question", id: 1, path: "/readyz" });
    receive({ kind: "question", id: 2, path: "/hold?for=30s" });
    receive({ kind: "question", id: 3, path: "/constructor" });
    await waitFor(() => sent.length === 3);
    assert.deepEqual(sent, [
      { kind: "answer", id: 1, answer: { status: 200, text: "ok\n" } },
      { kind: "answer", id: 2, answer: { status: 200, text: "for 30s" } },
      { kind: "answer", id: 3, answer: { status: 404, text: "Not found." } },
    ]);
    assert.deepEqual(sent.map(parseFromWorker), sent);
  });

  it("answers for the console what its page asks, and what it is to do", async () => {
    const { sent, receive } = link();
    receive({ kind: "question", id: 1, path: "/console/channels?page=2", body: null });
    receive({ kind: "question", id: 2, path: "/console/publish?", body: '{"event":"e"}' });
    receive({ kind: "watch", id: 3, query: "text=a" });
    receive({ kind: "line_taken", id: 3 });
    receive({ kind: "unwatch", id: 3 });
    receive({ kind: "watch", id: 4, query: "text=b" });
    await waitFor(() => sent.length === 3);
    assert.deepEqual(
      new Set(sent),
      new Set([
        { kind: "answer", id: 1, answer: { status: 200, text: "channels page=2 null" } },
        { kind: "answer", id: 2, answer: { status: 200, text: 'publish  {"event":"e"}' } },
        { kind: "line", id: 4, text: '{"of":"text=b"}' },
      ]),
    );
    assert.deepEqual(sent.map(parseFromWorker), sent);
  });

  it("takes nothing for a message that is none", () => {
    const { sent, receive } = link();
    for (const message of [null, 1, "stop", {}, { kind: "stop" }, { kind: "question", id: "1" }]) {
      receive(message);
      assert.equal(parseFromWorker(message), null);
    }
    assert.equal(parseFromWorker({ kind: "answer", id: 1, answer: { status: "200" } }), null);
    assert.deepEqual(sent, []);
  });

  it("stops when it is asked to", async () => {
    const { link: made, receive } = link();
    receive({ kind: "stop", skipsDelay: false });
    assert.equal((await made.stopRequested).skipsDelay, false);
  });

  it("stops in order when its supervisor has ended, and at once if it was stopping", async () => {
    const left = link();
    left.lose();
    assert.deepEqual([(await left.link.stopRequested).skipsDelay, left.quits()], [true, 0]);
    const stopping = link();
    stopping.receive({ kind: "stop", skipsDelay: false });
    stopping.lose();
    assert.equal(stopping.quits(), 1);
  });
});
