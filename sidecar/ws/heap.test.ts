import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { Heap } from "./heap.ts";

describe("heap", () => {
  it("gives out the lowest first, of equals the one that came first, whatever is put in between", () => {
    const steps = fc.array(fc.option(fc.integer({ min: 0, max: 20 })), {
      maxLength: 200,
      size: "max",
    });
    fc.assert(
      fc.property(steps, (steps) => {
        const heap = new Heap<{ key: number; order: number }>();
        const model: { key: number; order: number }[] = [];
        for (const [order, key] of steps.entries()) {
          if (key === null) {
            model.sort((a, b) => a.key - b.key || a.order - b.order);
            assert.deepEqual(heap.first(), model[0]);
            assert.deepEqual(heap.shift(), model.shift());
          } else {
            heap.push({ key, order }, key);
            model.push({ key, order });
          }
          assert.equal(heap.size, model.length);
        }
      }),
    );
  });
});
