import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { stagger } from "./stagger.ts";

/** A clock and its timers in the test's hand; each run of a timer comes `lateMs` too late. */
function createClock(lateMs = 0) {
  const timers: { run: () => void; atMs: number }[] = [];
  const clock = { nowMs: 1_000, timers };
  return {
    clock,
    now: () => clock.nowMs,
    schedule(run: () => void, delayMs: number): () => void {
      const timer = { run, atMs: clock.nowMs + delayMs + lateMs };
      timers.push(timer);
      return () => void timers.splice(timers.indexOf(timer), 1);
    },
    /** Runs the next timer; false if there is none. */
    step(): boolean {
      const next = timers.shift();
      if (!next) return false;
      clock.nowMs = next.atMs;
      next.run();
      return true;
    },
  };
}

/** When each of `count` was done, in ms from the beginning. */
function times(count: number, windowMs: number, lateMs = 0): number[] {
  const { clock, now, schedule, step } = createClock(lateMs);
  const begunMs = clock.nowMs;
  const done: number[] = [];
  const items = Array.from({ length: count }, (_, index) => index);
  const order: number[] = [];
  stagger(items, { windowMs, now, schedule }, (item) => {
    order.push(item);
    done.push(clock.nowMs - begunMs);
  });
  while (step());
  assert.deepEqual(order, items, "each once, in order");
  return done;
}

/** How many fall into each tenth of the window. */
function histogram(done: readonly number[], windowMs: number): number[] {
  const tenths = Array<number>(10).fill(0);
  for (const ms of done) {
    const tenth = Math.min(9, Math.floor((ms * 10) / windowMs));
    tenths[tenth] = (tenths[tenth] ?? 0) + 1;
  }
  return tenths;
}

describe("stagger", () => {
  it("O04: many are staggered evenly over the window", () => {
    const done = times(10_000, 2_000);
    for (const count of histogram(done, 2_000)) {
      assert.ok(Math.abs(count - 1_000) <= 10, String(count));
    }
    assert.equal(done[0], 0);
    assert.ok((done.at(-1) ?? 0) <= 2_000);
    const perMs = Map.groupBy(done, (ms) => ms);
    assert.ok(Math.max(...[...perMs.values()].map(({ length }) => length)) <= 6);
  });

  it("O04: few take no longer than a millisecond each, and one goes at once", () => {
    assert.deepEqual(times(1, 2_000), [0]);
    assert.deepEqual(times(3, 2_000), [0, 1, 2]);
    const hundred = times(100, 2_000);
    assert.deepEqual(
      hundred,
      hundred.map((_, index) => index),
    );
  });

  it("without a window all go at once", () => {
    assert.deepEqual(times(1_000, 0), Array<number>(1_000).fill(0));
  });

  it("timers that are late don't make the window longer by more than one of them", () => {
    const done = times(10_000, 2_000, 30);
    assert.ok((done.at(-1) ?? 0) <= 2_031, String(done.at(-1)));
    for (const count of histogram(done, 2_000)) assert.ok(Math.abs(count - 1_000) <= 200);
  });

  it("resolves when all are done, and at once where there is nothing to do", async () => {
    const { now, schedule, step } = createClock();
    await stagger([], { windowMs: 2_000, now, schedule }, () => {}).done;
    const events: string[] = [];
    const { done } = stagger(["a", "b"], { windowMs: 2_000, now, schedule }, (item) => {
      events.push(item);
    });
    const finished = done.then(() => events.push("done"));
    while (step());
    await finished;
    assert.deepEqual(events, ["a", "b", "done"]);
  });

  it("called off, it does no more, and resolves", async () => {
    const { clock, now, schedule } = createClock();
    const seen: string[] = [];
    const { done, cancel } = stagger(["a", "b"], { windowMs: 2_000, now, schedule }, (item) => {
      seen.push(item);
    });
    cancel();
    await done;
    assert.deepEqual(seen, ["a"]);
    assert.equal(clock.timers.length, 0);
  });
});
