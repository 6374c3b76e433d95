import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import type { WebhookEvent } from "../core/ports.ts";
import type { EncodedEvent } from "./encoded-event.ts";
import { Grace } from "./grace.ts";
import { createFakeClock, startUnixMs } from "./testing/fake-clock.ts";

const graceMs = 3_000;
const occupied = (channel: string): WebhookEvent => ({ name: "channel_occupied", channel });
const vacated = (channel: string): WebhookEvent => ({ name: "channel_vacated", channel });
const added = (channel: string, user_id: string): WebhookEvent => ({
  name: "member_added",
  channel,
  user_id,
});
const removed = (channel: string, user_id: string): WebhookEvent => ({
  name: "member_removed",
  channel,
  user_id,
});
const connected = (user_id: string): WebhookEvent => ({ name: "user_connected", user_id });
const disconnected = (user_id: string): WebhookEvent => ({ name: "user_disconnected", user_id });
const clientEvent: WebhookEvent = {
  name: "client_event",
  channel: "private-a",
  event: "client-x",
  data: "{}",
  socket_id: "1.2",
};

function createRig(
  options: { graceMs?: number; maxDelayedEvents?: number; maxDelayedBytes?: number } = {},
) {
  const clock = createFakeClock();
  const sent: WebhookEvent[] = [];
  const encodedEvents: EncodedEvent[] = [];
  const grace = new Grace({
    graceMs,
    maxDelayedEvents: 1_000,
    maxDelayedBytes: 1_000_000,
    ...options,
    clock,
    emit(event, encoded) {
      assert.equal(encoded.json, JSON.stringify(event));
      sent.push(event);
      encodedEvents.push(encoded);
    },
  });
  return { clock, sent, encodedEvents, grace };
}

describe("Grace", () => {
  it("W04: a beginning is sent at once, an end after the grace, with the time at which it happened", () => {
    const { clock, grace, sent, encodedEvents } = createRig();
    grace.pass(occupied("a"));
    assert.deepEqual(sent, [occupied("a")]);
    clock.advance(500);
    grace.pass(vacated("a"));
    clock.advance(graceMs - 1);
    assert.deepEqual(sent, [occupied("a")]);
    clock.advance(1);
    assert.deepEqual(sent, [occupied("a"), vacated("a")]);
    assert.deepEqual(
      encodedEvents.map(({ atMs }) => atMs - startUnixMs),
      [0, 500],
    );
  });

  const pairs: [string, WebhookEvent, WebhookEvent][] = [
    ["channel", vacated("a"), occupied("a")],
    ["member", removed("presence-a", "7"), added("presence-a", "7")],
    ["user", disconnected("7"), connected("7")],
  ];
  for (const [what, end, beginning] of pairs) {
    it(`W04: a ${what} that is back within the grace is sent neither way`, () => {
      const { clock, grace, sent } = createRig();
      grace.pass(end);
      clock.advance(graceMs - 1);
      grace.pass(beginning);
      assert.equal(clock.timers, 0);
      grace.end();
      assert.deepEqual(sent, []);
    });

    it(`W04: a ${what} that is back after the grace is sent both ways`, () => {
      const { clock, grace, sent } = createRig();
      grace.pass(end);
      clock.advance(graceMs);
      grace.pass(beginning);
      assert.deepEqual(sent, [end, beginning]);
    });
  }

  it("W04: another channel, another user and the same user elsewhere undo nothing", () => {
    const { clock, grace, sent } = createRig();
    const ends = [vacated("a"), removed("presence-a", "7"), disconnected("7")];
    const others = [
      occupied("b"),
      added("presence-a", "8"),
      added("presence-b", "7"),
      connected("8"),
      connected("a"),
      occupied("presence-a"),
    ];
    for (const event of [...ends, ...others]) grace.pass(event);
    clock.advance(graceMs);
    assert.deepEqual(sent, [...others, ...ends]);
  });

  it("W04: ends keep their order among themselves, and come after what happened in between", () => {
    const { clock, grace, sent } = createRig();
    grace.pass(removed("presence-a", "7"));
    grace.pass(vacated("presence-a"));
    clock.advance(1_000);
    grace.pass(clientEvent);
    grace.pass(vacated("b"));
    clock.advance(graceMs);
    assert.deepEqual(sent, [
      clientEvent,
      removed("presence-a", "7"),
      vacated("presence-a"),
      vacated("b"),
    ]);
  });

  it("an end that comes twice is sent once, at the time of the first", () => {
    const { clock, grace, encodedEvents } = createRig();
    grace.pass(vacated("a"));
    clock.advance(2_000);
    grace.pass(vacated("a"));
    clock.advance(graceMs);
    assert.deepEqual(
      encodedEvents.map(({ atMs }) => atMs - startUnixMs),
      [0],
    );
  });

  it("beyond the bound of events the oldest end is sent early", () => {
    const { grace, sent } = createRig({ maxDelayedEvents: 2 });
    for (const channel of ["a", "b", "c"]) grace.pass(vacated(channel));
    assert.deepEqual(sent, [vacated("a")]);
    grace.end();
    assert.deepEqual(sent, [vacated("a"), vacated("b"), vacated("c")]);
  });

  it("beyond the bound of bytes the oldest end is sent early; what was undone counts no more", () => {
    const bytes = JSON.stringify(vacated("a")).length;
    const { grace, sent } = createRig({ maxDelayedBytes: 2 * bytes });
    for (let i = 0; i < 5; i++) {
      grace.pass(vacated("a"));
      grace.pass(occupied("a"));
    }
    for (const channel of ["a", "b", "c"]) grace.pass(vacated(channel));
    assert.deepEqual(sent, [vacated("a")]);
  });

  it("end() sends what is delayed, in order, and from then on everything at once", () => {
    const { clock, grace, sent } = createRig();
    for (const channel of ["a", "b"]) grace.pass(vacated(channel));
    grace.end();
    grace.pass(vacated("c"));
    assert.deepEqual(sent, [vacated("a"), vacated("b"), vacated("c")]);
    assert.equal(clock.timers, 0);
  });

  it("without grace everything is sent at once", () => {
    const { clock, grace, sent } = createRig({ graceMs: 0 });
    grace.pass(vacated("a"));
    grace.pass(occupied("a"));
    assert.deepEqual(sent, [vacated("a"), occupied("a")]);
    assert.equal(clock.timers, 0);
  });
});

describe("the algebra of grace", () => {
  /** Somebody comes or goes, the other way round than before, some time after the last step. */
  const steps = fc.array(
    fc.record({ subject: fc.nat(5), waitMs: fc.oneof(fc.nat(400), fc.nat(2 * graceMs)) }),
    { maxLength: 120, size: "max" },
  );
  const subjects: { begin: WebhookEvent; end: WebhookEvent }[] = [
    { begin: occupied("a"), end: vacated("a") },
    { begin: occupied("b"), end: vacated("b") },
    { begin: added("presence-a", "7"), end: removed("presence-a", "7") },
    { begin: added("presence-a", "8"), end: removed("presence-a", "8") },
    { begin: connected("7"), end: disconnected("7") },
    { begin: connected("8"), end: disconnected("8") },
  ];

  function eventOf(subject: number, isOn: boolean): WebhookEvent {
    const events = subjects[subject];
    assert.ok(events);
    return isOn ? events.begin : events.end;
  }

  it("W04: what is sent about a channel, member or user alternates, starts with its beginning and ends with its actual state", () => {
    fc.assert(
      fc.property(steps, fc.integer({ min: 1, max: 6 }), (steps, maxDelayedEvents) => {
        const { clock, grace, sent } = createRig({ maxDelayedEvents });
        const isOn = subjects.map(() => false);
        for (const { subject, waitMs } of steps) {
          clock.advance(waitMs);
          isOn[subject] = !isOn[subject];
          grace.pass(eventOf(subject, isOn[subject]));
        }
        const sentBefore = sent.length;
        clock.advance(graceMs);
        assert.ok(sent.length - sentBefore <= maxDelayedEvents);
        assert.equal(clock.timers, 0);
        for (const [index, { begin, end }] of subjects.entries()) {
          const ofOne = sent.filter((event) => event === begin || event === end);
          for (const [turn, event] of ofOne.entries()) {
            assert.equal(event, turn % 2 === 0 ? begin : end);
          }
          assert.equal(ofOne.length % 2 === 1, isOn[index]);
        }
      }),
      { numRuns: 500 },
    );
  });

  it("W04: exactly those that were not undone in time are sent", () => {
    fc.assert(
      fc.property(steps, (steps) => {
        const { clock, grace, sent } = createRig();
        const isOn = subjects.map(() => false);
        const endedAtMs = subjects.map(() => -Infinity);
        let undone = 0;
        for (const { subject, waitMs } of steps) {
          clock.advance(waitMs);
          isOn[subject] = !isOn[subject];
          if (!isOn[subject]) endedAtMs[subject] = clock.now();
          else if (clock.now() - (endedAtMs[subject] ?? 0) < graceMs) undone += 1;
          grace.pass(eventOf(subject, isOn[subject]));
        }
        clock.advance(graceMs);
        assert.equal(sent.length, steps.length - 2 * undone);
      }),
      { numRuns: 500 },
    );
  });
});
