import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { TokenBucket } from "./rate-limit.ts";

describe("token bucket", () => {
  it("gives its burst at once, then its rate", () => {
    const bucket = new TokenBucket({ perSecond: 2, burst: 3 }, 0);
    const taken = [0, 0, 0, 0, 400, 500, 500, 1000, 1400, 1500].map((ms) => bucket.tryTake(ms));
    assert.deepEqual(taken, [true, true, true, false, false, true, false, true, false, true]);
  });

  it("never has more than its burst", () => {
    const bucket = new TokenBucket({ perSecond: 100, burst: 2 }, 0);
    bucket.tryTake(0);
    const taken = [60_000, 60_000, 60_000].map((ms) => bucket.tryTake(ms));
    assert.deepEqual(taken, [true, true, false]);
  });

  it("gives nothing for a clock that goes back", () => {
    const bucket = new TokenBucket({ perSecond: 1, burst: 1 }, 1000);
    assert.equal(bucket.tryTake(1000), true);
    assert.equal(bucket.tryTake(0), false);
    assert.equal(bucket.tryTake(500), false);
  });
});
