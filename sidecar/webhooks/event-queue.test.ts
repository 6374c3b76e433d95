import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { plain } from "./testing/events.ts";
import { EventQueue, type WaitingEvent } from "./event-queue.ts";

function createQueue(...sizes: number[]): EventQueue {
  const queue = new EventQueue();
  for (const [index, bytes] of sizes.entries()) {
    queue.add({ ...plain, json: String(index), bytes }, index * 10);
  }
  return queue;
}

const names = (taken: WaitingEvent[]) => taken.map(({ event }) => event.json).join("");

describe("EventQueue", () => {
  it("takes the oldest first, up to so many", () => {
    const queue = createQueue(1, 1, 1);
    assert.equal(names(queue.take(2, 100)), "01");
    assert.equal(queue.oldest?.event.json, "2");
    assert.equal(names(queue.take(2, 100)), "2");
    assert.equal(names(queue.take(2, 100)), "");
    assert.equal(queue.oldest, undefined);
  });

  it("takes no more bytes than asked for, but always one", () => {
    const queue = createQueue(40, 60, 1, 500, 1);
    assert.equal(names(queue.take(9, 100)), "01");
    assert.equal(names(queue.take(9, 100)), "2");
    assert.equal(names(queue.take(9, 100)), "3");
    assert.equal(names(queue.take(9, 100)), "4");
  });

  it("takes what came until a time", () => {
    const queue = createQueue(1, 1, 1);
    assert.equal(names(queue.takeUntil(10)), "01");
    assert.equal(names(queue.takeUntil(10)), "");
    assert.equal(queue.length, 1);
  });

  it("knows its bytes", () => {
    const queue = createQueue(5, 7, 11);
    assert.equal(queue.bytes, 23);
    queue.take(1, 100);
    assert.equal(queue.bytes, 18);
    queue.takeUntil(10);
    assert.equal(queue.bytes, 11);
    queue.clear();
    assert.deepEqual([queue.bytes, queue.length], [0, 0]);
  });
});
