import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { MissLimit } from "./miss-limit.ts";

describe("MissLimit", () => {
  it("W14: a channel's misses are sent once in five seconds, each channel's by themselves", () => {
    const limit = new MissLimit(100);
    const sent: [string, number][] = [];
    for (let nowMs = 0; nowMs <= 10_000; nowMs += 10) {
      for (const channel of ["cache-a", "cache-b"]) {
        if (limit.take(channel, nowMs)) sent.push([channel, nowMs]);
      }
    }
    assert.deepEqual(
      sent,
      [0, 5_000, 10_000].flatMap((atMs) => [
        ["cache-a", atMs],
        ["cache-b", atMs],
      ]),
    );
  });

  it("remembers so many channels, and of more forgets the oldest", () => {
    const limit = new MissLimit(3);
    for (const channel of ["a", "b", "c", "d"]) assert.ok(limit.take(channel, 0));
    assert.equal(limit.take("c", 1), false);
    assert.equal(limit.take("a", 1), true);
  });
});
