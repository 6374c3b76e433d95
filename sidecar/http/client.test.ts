import assert from "node:assert/strict";
import { describe, it, type TestContext } from "node:test";
import { hasMessage, listenRaw, type RawSocket } from "../testing/raw-http.ts";
import { createPostClient, type PostClientOptions } from "./client.ts";
import { systemTimers } from "./timers.ts";

const ok = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
const body = Buffer.from("x");

/** A server that answers request number 1, 2 … of all connections as `answer` says, and a client for it. */
async function createRig(
  test: TestContext,
  answer: (socket: RawSocket, count: number) => void,
  options: Partial<PostClientOptions> = {},
) {
  let requests = 0;
  const server = await listenRaw(test, (raw) => {
    let read = 0;
    raw.socket.on("data", () => {
      if (!hasMessage(raw.text.slice(read))) return;
      read = raw.text.length;
      requests += 1;
      answer(raw, requests);
    });
  });
  const client = createPostClient({
    isSecure: false,
    target: { host: "127.0.0.1", port: server.port, path: "/hook" },
    deadlineMs: 60_000,
    maxConnections: 1,
    maxAnswerBytes: 100,
    timers: systemTimers,
    ...options,
  });
  test.after(() => client.close());
  return {
    client,
    server,
    requests: () => requests,
    post: () => client.post({ headers: {}, body }),
  };
}

describe("createPostClient", () => {
  it("answers with status, head and body, and keeps the connection", async (test) => {
    const { post, server } = await createRig(test, (raw) => raw.write(ok));
    for (let round = 0; round < 2; round += 1) {
      const result = await post();
      assert.ok(result.ok && result.body.kind === "whole");
      assert.deepEqual([result.status, result.body.bytes.toString()], [200, "ok"]);
      assert.deepEqual(result.rawHeaders, ["Content-Length", "2"]);
    }
    assert.equal(server.connections.length, 1);
  });

  for (const end of ["reset", "end"] as const) {
    it(`repeats what met a kept connection that was closed meanwhile (${end}), on one of its own`, async (test) => {
      const { post, server, requests } = await createRig(test, (raw, count) => {
        if (count !== 2) raw.write(ok);
        else if (end === "reset") raw.reset();
        else raw.socket.end();
      });
      await post();
      const again = await post();
      assert.equal(again.ok && again.status, 200);
      assert.deepEqual([requests(), server.connections.length], [3, 2]);
    });
  }

  it("does not repeat it once a byte of an answer came on it", async (test) => {
    const { post, requests } = await createRig(test, (raw, count) => {
      if (count === 1) return void raw.write(ok);
      raw.socket.write("H", () => raw.reset());
    });
    await post();
    const result = await post();
    assert.ok(!result.ok && result.fault.kind === "connection", JSON.stringify(result));
    assert.equal(requests(), 2);
  });

  it("does not repeat what failed on a new connection", async (test) => {
    const { post, requests } = await createRig(test, (raw) => raw.reset());
    assert.deepEqual(await post(), {
      ok: false,
      fault: { kind: "connection", code: "ECONNRESET" },
    });
    assert.equal(requests(), 1);
  });

  it("says which answers can't be read, and keeps nothing of one that is too long", async (test) => {
    const answers = [
      "nonsense\r\n\r\n",
      `HTTP/1.1 200 OK\r\nX: ${"x".repeat(20_000)}\r\n\r\n`,
      `HTTP/1.1 200 OK\r\nContent-Length: 200\r\n\r\n${"x".repeat(101)}`,
      "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nx",
    ];
    const { post, server } = await createRig(test, (raw, count) => {
      raw.write(answers[count - 1] ?? ok);
      if (count === 4) raw.socket.end();
    });
    const outcomes: unknown[] = [];
    for (let index = 0; index < 5; index += 1) {
      const result = await post();
      outcomes.push(result.ok ? result.body.kind : Object(result.fault).code);
    }
    assert.match(String(outcomes[0]), /^HPE_/);
    assert.deepEqual(outcomes.slice(1), ["HPE_HEADER_OVERFLOW", "too_long", "cut", "whole"]);
    assert.equal(server.connections.length, 5, "none of those is used again");
  });

  it("ends at its deadline, before the head and within the body, and distinguishes it from a call-off", async (test) => {
    let pass: () => void = () => assert.fail("no deadline");
    const timers = { setTimeout: (run: () => void) => ((pass = run), () => {}) };
    const waiting = Promise.withResolvers<void>();
    const { client, post } = await createRig(
      test,
      (raw, count) => {
        if (count === 2) raw.write("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nx");
        setTimeout(() => pass(), 20);
        if (count === 3) waiting.resolve();
      },
      { timers },
    );
    assert.deepEqual(await post(), { ok: false, fault: { kind: "timeout" } });
    const cut = await post();
    assert.deepEqual(cut.ok && cut.body, { kind: "cut", fault: { kind: "timeout" } });
    pass = () => {};
    const asked = new AbortController();
    const calledOff = client.post({ headers: {}, body }, asked.signal);
    await waiting.promise;
    asked.abort();
    assert.deepEqual(await calledOff, { ok: false, fault: { kind: "aborted" } });
    client.close();
    assert.deepEqual(await post(), { ok: false, fault: { kind: "aborted" } });
  });
});
