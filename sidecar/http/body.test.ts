import assert from "node:assert/strict";
import { createServer } from "node:http";
import { describe, it, type TestContext } from "node:test";
import { connectRaw, listen } from "../testing/raw-http.ts";
import { readBody, type BodyLimits } from "./body.ts";

const unlimited: BodyLimits = { maxBytes: 1_000_000, deadline: null };

/** What becomes of the body of one request; `write` its bytes as they go over the wire. */
async function createRig(test: TestContext, limits: Partial<BodyLimits> = {}) {
  const { promise, resolve } = Promise.withResolvers<ReturnType<typeof readBody>>();
  const server = createServer((req) => resolve(readBody(req, { ...unlimited, ...limits })));
  const client = await connectRaw(test, await listen(test, server));
  return { client, outcome: promise.then((body) => body) };
}

const chunked = "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";

describe("readBody", () => {
  it("puts the pieces together", async (test) => {
    const { client, outcome } = await createRig(test);
    client.write(`${chunked}3\r\nabc\r\n`);
    client.write("2\r\nde\r\n0\r\n\r\n");
    const body = await outcome;
    assert.equal(body.kind === "whole" && body.bytes.toString(), "abcde");
  });

  it("of none it is empty", async (test) => {
    const { client, outcome } = await createRig(test);
    client.write("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    const body = await outcome;
    assert.equal(body.kind === "whole" && body.bytes.length, 0);
  });

  it("ends at the first byte too many, and reads no further", async (test) => {
    const { client, outcome } = await createRig(test, { maxBytes: 4 });
    client.write(`${chunked}5\r\nabcde\r\n`);
    assert.deepEqual(await outcome, { kind: "too_long" });
  });

  it("ends when its sender has gone", async (test) => {
    const { client, outcome } = await createRig(test);
    client.write(`${chunked}5\r\nab`);
    client.socket.end();
    assert.deepEqual(await outcome, { kind: "cut" });
  });

  it("ends at its deadline", async (test) => {
    let pass = () => {};
    const timers = { setTimeout: (run: () => void) => ((pass = run), () => {}) };
    const accept = () => (pass(), true);
    const { client, outcome } = await createRig(test, { deadline: { afterMs: 1, timers }, accept });
    client.write(`${chunked}5\r\nab`);
    assert.deepEqual(await outcome, { kind: "too_slow" });
  });

  it("has every piece accepted at what it costs, which is more than its bytes", async (test) => {
    const costs: number[] = [];
    const accept = (cost: number) => costs.push(cost) < 3;
    const { client, outcome } = await createRig(test, { accept });
    client.write(`${chunked}1\r\na\r\n1\r\nb\r\n1\r\nc\r\n`);
    assert.deepEqual(await outcome, { kind: "refused" });
    assert.deepEqual(costs, [257, 257, 257]);
  });

  it("reads no more of a long one in a turn of the event loop than of all together", async (test) => {
    const length = 4 * 1_048_576;
    let inThisTurn = 0;
    let most = 0;
    const accept = (cost: number): boolean => {
      if (inThisTurn === 0) setImmediate(() => (inThisTurn = 0));
      inThisTurn += cost;
      most = Math.max(most, inThisTurn);
      return true;
    };
    const { client, outcome } = await createRig(test, { maxBytes: length, accept });
    client.write(`POST / HTTP/1.1\r\nHost: a\r\nContent-Length: ${length}\r\n\r\n`);
    client.write(Buffer.alloc(length));
    const body = await outcome;
    assert.equal(body.kind === "whole" && body.bytes.length, length);
    assert.ok(most <= 5 * 65_536, `${most} bytes`);
  });
});
