import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { Availability } from "./availability.ts";

function create() {
  let nowMs = 0;
  const log: string[] = [];
  const availability = new Availability(() => nowMs);
  availability.onUp(() => log.push("up"));
  availability.onLost(() => log.push("lost"));
  const comeBack = () => {
    const signal = availability.restore();
    availability.becomeWhole();
    availability.becomeUp();
    return signal;
  };
  return { availability, log, comeBack, pass: (ms: number) => (nowMs += ms) };
}

describe("availability of Redis", () => {
  it("each time that Redis is there has a signal of its own, which aborts at its end", () => {
    const { availability, comeBack, log } = create();
    assert.equal(availability.signal, null);
    const first = comeBack();
    assert.equal(availability.signal, first);
    availability.lose();
    assert.ok(first.aborted);
    assert.throws(() => first.throwIfAborted(), /lost meanwhile/);
    assert.equal(availability.signal, null);
    const second = comeBack();
    assert.ok(!second.aborted && second !== first);
    assert.deepEqual(log, ["up", "lost", "up"]);
  });

  it("the way back is no time of its own for others until all is known, and can be lost too", () => {
    const { availability, log } = create();
    const signal = availability.restore();
    assert.equal(availability.signal, null);
    availability.lose();
    assert.ok(signal.aborted);
    availability.becomeWhole();
    availability.becomeUp();
    assert.equal(availability.isUp, false);
    assert.deepEqual(log, ["lost"]);
  });

  it("a loss is said once", () => {
    const { availability, comeBack, log } = create();
    availability.lose();
    comeBack();
    availability.lose();
    availability.lose();
    assert.deepEqual(log, ["up", "lost"]);
  });

  it("how long it is lost counts from the loss, whatever ways back failed since", () => {
    const { availability, comeBack, pass } = create();
    pass(1_000);
    assert.equal(availability.lostForMs, 1_000);
    comeBack();
    assert.equal(availability.lostForMs, 0);
    availability.lose();
    pass(500);
    availability.restore();
    pass(500);
    availability.lose();
    pass(500);
    assert.equal(availability.lostForMs, 1_500);
  });

  it("a waiter is woken when Redis is available, or when its time is over", async () => {
    const { availability, comeBack } = create();
    const waiting = availability.whenUp(60_000);
    await availability.whenUp(1);
    await availability.whenUp(0);
    comeBack();
    await waiting;
    await availability.whenUp(60_000);
  });

  it("once closed there is no way back, nobody is called, and nobody waits", async () => {
    const { availability, comeBack, log } = create();
    const signal = comeBack();
    availability.close();
    assert.ok(signal.aborted);
    availability.lose();
    assert.ok(comeBack().aborted);
    await availability.whenUp(60_000);
    assert.deepEqual(log, ["up"]);
  });
});
