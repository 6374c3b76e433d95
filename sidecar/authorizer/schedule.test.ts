import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { Schedule } from "./schedule.ts";

describe("Schedule", () => {
  it("gives what is due in the order of its time, and of adding where that is equal", () => {
    const schedule = new Schedule<string>();
    schedule.add("late", 20);
    schedule.add("b", 10);
    schedule.add("c", 10);
    schedule.add("a", 5);
    assert.equal(schedule.nextMs, 5);
    assert.deepEqual(schedule.takeDue(10), ["a", "b", "c"]);
    assert.equal(schedule.nextMs, 20);
    assert.deepEqual(schedule.takeDue(19), []);
    assert.deepEqual(schedule.takeDue(20), ["late"]);
    assert.equal(schedule.nextMs, Number.POSITIVE_INFINITY);
  });

  it("keeps an item once, whatever is added and removed (property)", () => {
    const step = fc.record({
      kind: fc.constantFrom("add", "remove", "due"),
      item: fc.integer({ min: 0, max: 9 }),
      atMs: fc.integer({ min: 0, max: 30 }),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 80, size: "max" }), (steps) => {
        const schedule = new Schedule<number>();
        const model = new Map<number, number>();
        for (const { kind, item, atMs } of steps) {
          if (kind === "add") {
            schedule.add(item, atMs);
            model.set(item, atMs);
          } else if (kind === "remove") {
            assert.equal(schedule.remove(item), model.delete(item));
          } else {
            const due = schedule.takeDue(atMs);
            const times = due.map((item) => model.get(item) ?? -1);
            assert.deepEqual(
              times,
              times.toSorted((a, b) => a - b),
            );
            for (const item of due) model.delete(item);
            assert.ok(times.every((time) => time <= atMs));
            assert.ok([...model.values()].every((time) => time > atMs));
          }
          assert.equal(schedule.size, model.size);
          assert.equal(schedule.nextMs, Math.min(Number.POSITIVE_INFINITY, ...model.values()));
        }
      }),
    );
  });
});
