import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { ArrivalQueue, type Arrival } from "./arrival-queue.ts";

test("whoever joins, leaves or comes again: it is in the order of arrival", () => {
  fc.assert(
    fc.property(fc.array(fc.nat(9), { maxLength: 200, size: "max" }), (steps) => {
      const queue = new ArrivalQueue<Arrival>(1_000);
      let inside: Arrival[] = [];
      let outside: Arrival[] = [];
      let order = 0;
      for (const step of steps) {
        const leaving = inside[step % Math.max(1, inside.length)];
        const coming = outside[step % Math.max(1, outside.length)];
        if (step < 4) {
          const arrival = { visitor: String(step), order: (order += 1) };
          queue.add(arrival);
          inside.push(arrival);
        } else if (step < 7 && leaving) {
          queue.remove(leaving);
          inside = inside.filter((arrival) => arrival !== leaving);
          outside.push(leaving);
        } else if (coming) {
          queue.add(coming);
          outside = outside.filter((arrival) => arrival !== coming);
          inside.push(coming);
        }
        inside.sort((a, b) => a.order - b.order);
        assert.deepEqual([...queue], inside);
        assert.equal(queue.first, inside[0]);
        assert.equal(queue.length, inside.length);
      }
    }),
    { numRuns: 500 },
  );
});

test("joining, leaving and coming again as the first look at nobody else, however many wait", () => {
  let looks = 0;
  const create = (order: number): Arrival => ({
    visitor: "a",
    get order() {
      looks += 1;
      return order;
    },
  });
  const queue = new ArrivalQueue<Arrival>(100_000);
  const arrivals = Array.from({ length: 10_000 }, (_, order) => create(order));
  for (const arrival of arrivals) queue.add(arrival);
  for (const first of arrivals.slice(0, 1)) {
    for (let time = 0; time < 100; time += 1) {
      queue.remove(first);
      queue.add(first);
    }
  }
  for (const arrival of arrivals.toReversed()) queue.remove(arrival);
  assert.ok(looks <= 5 * arrivals.length, String(looks));
  assert.equal(queue.length, 0);
});
