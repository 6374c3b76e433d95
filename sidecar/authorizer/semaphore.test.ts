import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { Semaphore } from "./semaphore.ts";

describe("Semaphore", () => {
  it("proxy A12: refuses the N+1st at once and has room again after a release", () => {
    const semaphore = new Semaphore(2);
    const first = semaphore.tryAcquire();
    assert.ok(first && semaphore.tryAcquire());
    assert.equal(semaphore.tryAcquire(), null);
    assert.equal(semaphore.inUse, 2);
    first.release();
    assert.ok(semaphore.tryAcquire());
    assert.equal(semaphore.tryAcquire(), null);
  });

  it("takes a permit back once, however often it is released", () => {
    const semaphore = new Semaphore(2);
    const first = semaphore.tryAcquire();
    assert.ok(semaphore.tryAcquire());
    first?.release();
    first?.release();
    assert.equal(semaphore.inUse, 1);
    assert.ok(semaphore.tryAcquire());
    assert.equal(semaphore.tryAcquire(), null);
  });
});
