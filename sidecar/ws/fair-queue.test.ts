import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { FairQueue } from "./fair-queue.ts";

describe("fair queue", () => {
  it("with clients that always want more, none is ever ahead of another by more than their two costs", () => {
    const costs = fc.array(fc.double({ min: 0.1, max: 10, noNaN: true }), {
      minLength: 2,
      maxLength: 20,
      size: "max",
    });
    fc.assert(
      fc.property(costs, fc.nat(300), (costs, services) => {
        const queue = new FairQueue<{
          tag: number;
          estimate: number;
          each: number;
          used: number;
        }>();
        const items = costs.map((cost) => ({ tag: 0, estimate: 0, each: cost, used: 0 }));
        for (const item of items) queue.add(item);
        for (let i = 0; i < services; i++) {
          const item = queue.shift();
          if (!item) break;
          item.used += item.each;
          queue.served(item, { cost: item.each, wantsMore: true });
        }
        for (const one of items) {
          for (const other of items) {
            assert.ok(one.used - other.used <= one.each + other.each + 1e-9);
          }
        }
      }),
    );
  });

  it("one that was idle is next, and gains nothing by having been so", () => {
    const queue = new FairQueue<{ tag: number; estimate: number; name: string }>();
    const [busy, idle] = [
      { tag: 0, estimate: 0, name: "busy" },
      { tag: 0, estimate: 0, name: "idle" },
    ];
    const served: string[] = [];
    const serve = (): void => {
      const item = queue.shift();
      if (!item) return;
      served.push(item.name);
      queue.served(item, { cost: 1, wantsMore: true });
    };
    queue.add(busy);
    for (let i = 0; i < 100; i++) serve();
    queue.add(idle);
    served.length = 0;
    for (let i = 0; i < 20; i++) serve();
    assert.equal(served[0], "idle");
    assert.equal(served.filter((name) => name === "idle").length, 10, served.join());
  });

  it("one that is cheap does not wait for those who were dear a while ago, wherever they stand", () => {
    const queue = new FairQueue<{ tag: number; estimate: number; name: string }>();
    const costs = [1, 0.01, 0.01, 0.01];
    for (let i = 0; i < 100; i++) queue.add({ tag: 0, estimate: 0, name: "dear" });
    for (const cost of costs.flatMap((cost) => Array<number>(100).fill(cost))) {
      const item = queue.shift();
      if (item) queue.served(item, { cost, wantsMore: true });
    }
    queue.add({ tag: 0, estimate: 0.1, name: "cheap" });
    assert.equal(queue.shift()?.name, "cheap");
  });

  it("serves equal ones in the order in which they came", () => {
    const queue = new FairQueue<{ tag: number; estimate: number; name: string }>();
    const names = ["a", "b", "c", "d", "e"];
    for (const name of names) queue.add({ tag: 0, estimate: 0, name });
    const served: string[] = [];
    for (let item = queue.shift(); item; item = queue.shift()) {
      served.push(item.name);
      queue.served(item, { cost: 1, wantsMore: false });
    }
    assert.deepEqual(served, names);
  });
});
