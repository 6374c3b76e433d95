import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { backoffMs } from "./backoff.ts";

const backoff = { firstMs: 1_000, maxMs: 30_000 };

describe("backoffMs", () => {
  it("W06: doubles with every failure in a row, up to its bound", () => {
    const whole = (failures: number) => backoffMs(backoff, failures, () => 1);
    assert.deepEqual(
      [1, 2, 3, 4, 5, 6, 7, 2_000].map(whole),
      [1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000, 30_000],
    );
  });

  it("W06: chance takes away up to half of it", () => {
    assert.equal(
      backoffMs(backoff, 3, () => 0),
      2_000,
    );
    assert.equal(
      backoffMs(backoff, 3, () => 0.5),
      3_000,
    );
  });
});
