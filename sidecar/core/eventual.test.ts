import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { andThen } from "./eventual.ts";

describe("andThen", () => {
  it("goes on at once with a value that is there, and makes no promise", () => {
    assert.equal(
      andThen(1, (value) => value + 1),
      2,
    );
  });

  it("goes on with a promise's value once it is there", async () => {
    const { promise, resolve } = Promise.withResolvers<number>();
    const values: number[] = [];
    const done = andThen(promise, (value) => values.push(value));
    assert.deepEqual(values, []);
    resolve(1);
    await done;
    assert.deepEqual(values, [1]);
  });

  it("waits for what comes next, too", async () => {
    assert.equal(await andThen(1, (value) => Promise.resolve(value + 1)), 2);
  });

  it("rejects with what was waited for", async () => {
    const failed = Promise.reject(new Error("lost"));
    await assert.rejects(async () => andThen(failed, () => 1), /lost/);
  });
});
