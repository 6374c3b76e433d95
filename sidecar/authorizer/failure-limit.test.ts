import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { ConnectionCap } from "./failure-limit.ts";

const options = { maxFailures: 4, maxDenials: 20, windowMs: 10_000 };

function createConnection() {
  return { rawHeaders: [], remoteAddress: "127.0.0.1" };
}

describe("ConnectionCap", () => {
  it("proxy A17: four failures within the window are the last", () => {
    const cap = new ConnectionCap(options);
    const connection = createConnection();
    for (let ms = 0; ms < 4; ms++) {
      assert.equal(cap.isReached(connection, ms), false);
      cap.note(connection, "failed", ms);
    }
    assert.equal(cap.isReached(connection, 4), true);
    assert.equal(cap.isReached(connection, 9_999), true);
  });

  it("proxy A17: the window slides: with the oldest failure out of it, there is room for one", () => {
    const cap = new ConnectionCap(options);
    const connection = createConnection();
    for (const ms of [0, 4_000, 5_000, 6_000]) cap.note(connection, "failed", ms);
    assert.equal(cap.isReached(connection, 9_999), true);
    assert.equal(cap.isReached(connection, 10_000), false);
    cap.note(connection, "failed", 10_000);
    assert.equal(cap.isReached(connection, 10_001), true);
    assert.equal(cap.isReached(connection, 14_000), false);
  });

  it("proxy A17: twenty denials within the window are the last", () => {
    const cap = new ConnectionCap(options);
    const connection = createConnection();
    for (let ms = 0; ms < 20; ms++) {
      assert.equal(cap.isReached(connection, ms), false);
      cap.note(connection, "denied", ms);
    }
    assert.equal(cap.isReached(connection, 9_999), true);
    assert.equal(cap.isReached(connection, 10_000), false);
  });

  it("a yes is never one too many, and does not forgive what failed", () => {
    const cap = new ConnectionCap(options);
    const connection = createConnection();
    for (let i = 0; i < 100; i++) cap.note(connection, "ok", 0);
    assert.equal(cap.isReached(connection, 0), false);
    for (let i = 0; i < 4; i++) {
      cap.note(connection, "failed", 0);
      cap.note(connection, "ok", 0);
    }
    assert.equal(cap.isReached(connection, 1), true);
  });

  it("proxy A17: one connection's failures are not another's", () => {
    const cap = new ConnectionCap(options);
    const [one, other] = [createConnection(), createConnection()];
    for (let i = 0; i < 4; i++) cap.note(one, "failed", 0);
    assert.equal(cap.isReached(one, 1), true);
    assert.equal(cap.isReached(other, 1), false);
  });

  it("proxy A17: the fifth failure since a connection's last success is none to the breaker", () => {
    const cap = new ConnectionCap(options);
    const connection = createConnection();
    // Far apart: the window alone would let them all count.
    const verdicts = [0, 1, 2, 3, 4, 5].map((n) => cap.note(connection, "failed", n * 60_000));
    assert.deepEqual(verdicts, ["failure", "failure", "failure", "failure", "none", "none"]);
    assert.equal(cap.note(connection, "denied", 600_000), "success");
    assert.equal(cap.note(connection, "failed", 660_000), "failure");
  });
});
