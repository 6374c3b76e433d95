import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { SidecarEvent } from "../core/report.ts";
import { createTimers } from "../testing/timers.ts";
import { createWaitingRoom, type Ticket, type WaitingRoomOptions } from "./waiting-room.ts";

function createRig(options: Partial<WaitingRoomOptions> = {}) {
  const timers = createTimers();
  /** What became of each, in the order in which it did. */
  const log: string[] = [];
  const reported: SidecarEvent[] = [];
  const room = createWaitingRoom({
    waitMs: 10_000,
    maxWaiting: 4,
    address: "http://127.0.0.1:8000",
    now: timers.now,
    timers,
    report: (event) => void reported.push(event),
    ...options,
  });
  /** The first letter is the visitor. */
  const enter = (name: string): Ticket =>
    room.enter(name.slice(0, 1), {
      go: (isTrial) => log.push(isTrial ? `${name} tries` : name),
      refuse: (reason) => log.push(`${name} ${reason}`),
    });
  return { room, timers, log, reported, enter };
}

test("one tries, and the others follow in their order once it succeeded, the one that failed first among them", () => {
  const { room, timers, log, reported, enter } = createRig();
  const a1 = enter("a1");
  const a2 = enter("a2");
  assert.ok(a2.failed("refused"));
  const b1 = enter("b1");
  assert.ok(a1.failed("refused"));
  assert.deepEqual(log, ["a1", "a2"]);
  assert.equal(room.appState, "away");
  timers.pass(200);
  assert.deepEqual(log.splice(0), ["a1", "a2", "a1 tries"]);
  a1.failed("refused");
  timers.pass(199);
  assert.deepEqual(log, []);
  timers.pass(1);
  assert.deepEqual(log.splice(0), ["a1 tries"]);
  assert.equal(room.waiting, 2);
  timers.pass(3_600);
  a1.connected();
  assert.deepEqual(log.splice(0), ["a2", "b1"]);
  assert.equal(room.appState, "up");
  assert.deepEqual(reported, [
    { kind: "app_away", address: "http://127.0.0.1:8000", cause: "refused" },
    { kind: "app_back", afterMs: 4_000, waited: 3 },
  ]);
  a2.connected();
  b1.connected();
  enter("c1");
  assert.deepEqual(log, ["c1"]);
  assert.equal(timers.pending, 0);
});

test("when the one that tries leaves, the next one tries a little later", () => {
  const { timers, log, enter } = createRig();
  const a1 = enter("a1");
  a1.failed("refused");
  enter("b1");
  timers.pass(200);
  a1.leave();
  timers.pass(199);
  assert.deepEqual(log.splice(0), ["a1", "a1 tries"]);
  timers.pass(1);
  assert.deepEqual(log, ["b1 tries"]);
});

test("a request that waits longer than the limit is refused, and so is one that fails after it", () => {
  const { timers, log, enter } = createRig();
  enter("a1").failed("refused");
  timers.pass(5_000);
  enter("b1");
  timers.pass(4_999);
  assert.deepEqual(log, ["a1", "a1 tries"]);
  timers.pass(1);
  assert.deepEqual(log.splice(0), ["a1", "a1 tries"], "it is trying");
  const late = enter("c1");
  timers.pass(20_000);
  assert.deepEqual(log.splice(0), ["b1 away_timeout", "c1 away_timeout"]);
  late.leave();
});

test("an attempt that began before another one succeeded is repeated at once, and nobody waits for it", () => {
  const { room, log, enter } = createRig();
  const slow = enter("a1");
  enter("b1").connected();
  slow.failed("timeout");
  assert.deepEqual(log, ["a1", "b1", "a1"]);
  assert.equal(room.appState, "up");
  slow.failed("timeout");
  assert.equal(room.appState, "away");
});

test("without a wait nobody waits, and the state is known all the same", () => {
  const { room, log, enter, reported } = createRig({ waitMs: 0 });
  assert.equal(enter("a1").failed("refused"), false);
  assert.equal(room.appState, "away");
  enter("a2").connected();
  assert.equal(room.appState, "up");
  assert.deepEqual(log, ["a1", "a2"]);
  assert.equal(reported.length, 2);
});

test("a full room takes another visitor in the place of the last of the one who waits with the most", () => {
  const { room, log, enter } = createRig();
  enter("a1").failed("refused");
  for (const name of ["a2", "a3", "a4", "a5"]) enter(name);
  assert.deepEqual(log.splice(0), ["a1", "a5 away_queue_full"]);
  enter("b1");
  enter("b2");
  enter("b3");
  assert.deepEqual(log, ["a4 away_queue_full", "a3 away_queue_full", "b3 away_queue_full"]);
  assert.equal(room.waiting, 4);
});

test("when the one that tries fails and finds no place any more, the next one tries", () => {
  const { room, timers, log, enter } = createRig({ maxWaiting: 1 });
  const a1 = enter("a1");
  room.pause(1);
  const a2 = enter("a2");
  timers.pass(1);
  room.pause(1);
  a1.connected();
  timers.pass(1);
  enter("a3");
  // Its attempt began before the one that was made: no news, and no pause before the next.
  a2.failed("refused");
  assert.deepEqual(log, ["a1", "a2 tries", "a2 away_queue_full", "a3 tries"]);
});

test("paused, new requests wait until its end, then one tries and the others follow", () => {
  const { room, timers, log, enter, reported } = createRig();
  const before = enter("a1");
  room.pause(30_000);
  const first = enter("a2");
  enter("b1");
  before.connected();
  timers.pass(29_999);
  assert.deepEqual(log.splice(0), ["a1"]);
  timers.pass(1);
  assert.deepEqual(log.splice(0), ["a2 tries"]);
  first.failed("refused");
  timers.pass(200);
  first.connected();
  assert.deepEqual(log, ["a2 tries", "b1"]);
  assert.deepEqual(reported.slice(0, 2), [
    { kind: "requests_paused", forMs: 30_000, isForGood: false },
    { kind: "requests_resumed", afterMs: 30_000, waiting: 2 },
  ]);
});

test("a pause is ended early, or made longer for those who wait already too", () => {
  const { room, timers, log, enter } = createRig();
  room.pause(5_000);
  enter("a1");
  timers.pass(4_000);
  room.pause(20_000);
  timers.pass(19_000);
  assert.ok(room.isPaused);
  assert.deepEqual(log, []);
  room.resume();
  room.resume();
  assert.deepEqual(log, ["a1 tries"]);
  const without = createRig({ waitMs: 0 });
  without.room.pause(5_000);
  without.enter("a1");
  without.enter("a2");
  without.room.resume();
  assert.deepEqual(without.log, ["a1", "a2"]);
});

test("a held request may wait waitMs from the end of a pause, even if it ended early or was shortened", () => {
  for (const shorten of ["resume", "pause"] as const) {
    const { room, timers, log, enter } = createRig({ waitMs: 1_000 });
    room.pause(60_000);
    const ticket = enter("a1");
    if (shorten === "resume") room.resume();
    else room.pause(1);
    timers.pass(1);
    ticket.failed("refused");
    timers.pass(998);
    assert.ok(!log.includes("a1 away_timeout"), shorten);
    ticket.failed("refused");
    timers.pass(2);
    assert.ok(log.includes("a1 away_timeout"), shorten);
  }
});

test("with waiting off, requests still wait for the end of a pause", () => {
  const { room, timers, log, enter } = createRig({ waitMs: 0 });
  room.pause(1_000);
  enter("a1");
  timers.pass(999);
  enter("b1");
  assert.deepEqual(log, []);
  timers.pass(1);
  assert.deepEqual(log, ["a1", "b1"]);
});

test("at a drain, who waits for a pause that outlasts it is refused at once, and a pause that does not goes on", () => {
  const { room, timers, log, enter, reported } = createRig();
  room.pause(30_000);
  enter("a1");
  room.drain(10_000);
  assert.deepEqual(log.splice(0), ["a1 away_timeout"]);
  enter("a2");
  assert.deepEqual(log.splice(0), ["a2 away_timeout"]);
  room.pause(5_000);
  const next = enter("a3");
  timers.pass(5_000);
  assert.deepEqual(log.splice(0), ["a3 tries"]);
  next.connected();
  enter("a4");
  assert.deepEqual(log.splice(0), ["a4"]);
  assert.equal(room.pause(4_999), "wait");
  enter("a5");
  assert.equal(room.pause(5_000), "refused");
  assert.deepEqual(log, ["a5 away_timeout"]);
  assert.deepEqual(reported.at(-1), { kind: "requests_paused", forMs: 5_000, isForGood: true });
  const earlier = createRig();
  earlier.room.drain(10_000);
  earlier.room.pause(9_999);
  earlier.enter("a1");
  earlier.room.resume();
  assert.deepEqual(earlier.log, ["a1 tries"]);
});

test("when it closes, all who wait are refused", () => {
  const { room, timers, log, enter } = createRig();
  room.pause(5_000);
  enter("a1");
  enter("b1");
  room.close();
  assert.deepEqual(log, ["a1 away_timeout", "b1 away_timeout"]);
  assert.equal(timers.pending, 0);
});

const step = fc.oneof(
  { weight: 4, arbitrary: fc.record({ kind: fc.constant("enter" as const), visitor: fc.nat(3) }) },
  { weight: 4, arbitrary: fc.record({ kind: fc.constant("succeed" as const), which: fc.nat(20) }) },
  { weight: 4, arbitrary: fc.record({ kind: fc.constant("fail" as const), which: fc.nat(20) }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant("leave" as const), which: fc.nat(30) }) },
  { weight: 4, arbitrary: fc.record({ kind: fc.constant("pass" as const), ms: fc.nat(700) }) },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant("pause" as const),
      ms: fc.integer({ min: 1, max: 900 }),
    }),
  },
  { weight: 1, arbitrary: fc.constant({ kind: "resume" as const }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("drain" as const), ms: fc.nat(900) }) },
);

/** What a request is for those who look from outside. */
interface Modelled {
  readonly visitor: string;
  readonly order: number;
  /** It does not wait beyond this. */
  untilMs: number;
  state: "waiting" | "trying" | "connected" | "refused" | "left";
  isTrial: boolean;
  ticket?: Ticket;
}

test("whatever happens: nobody waits for ever or is forgotten, a visitor's order is kept, and the bounds hold", () => {
  fc.assert(
    fc.property(
      fc.constantFrom(0, 300, 1_000),
      fc.nat(5),
      fc.array(step, { maxLength: 120, size: "max" }),
      (waitMs, maxWaiting, steps) => {
        const timers = createTimers();
        const room = createWaitingRoom({
          waitMs,
          maxWaiting,
          address: "",
          now: timers.now,
          timers,
          report: () => {},
        });
        const all: Modelled[] = [];
        const are = (state: Modelled["state"]) => all.filter((one) => one.state === state);
        let pausedUntilMs = 0;
        let closesAtMs = Infinity;
        const isInVain = (): boolean => room.isPaused && pausedUntilMs >= closesAtMs;

        function enter(visitor: string): void {
          const untilMs = Math.max(timers.now(), pausedUntilMs) + waitMs;
          const one: Modelled = {
            visitor,
            order: all.length,
            untilMs,
            state: "waiting",
            isTrial: false,
          };
          all.push(one);
          one.ticket = room.enter(visitor, {
            go(isTrial) {
              assert.equal(one.state, "waiting");
              assert.ok(timers.now() >= pausedUntilMs, "nobody goes on while they are paused");
              for (const other of are("waiting")) {
                assert.ok(other.visitor !== visitor || other.order >= one.order, "order");
              }
              Object.assign(one, { state: "trying", isTrial });
            },
            refuse(reason) {
              assert.equal(one.state, "waiting");
              const isLate = isInVain() || timers.now() >= one.untilMs;
              if (reason === "away_timeout") assert.ok(isLate);
              one.state = "refused";
            },
          });
        }

        function fail(one: Modelled): void {
          one.state = "waiting";
          if (room.isPaused) one.untilMs = pausedUntilMs + waitMs;
          if (!one.ticket?.failed("refused")) one.state = "refused";
        }

        function resume(): void {
          pausedUntilMs = 0;
          for (const one of room.isPaused ? are("waiting") : []) {
            one.untilMs = timers.now() + waitMs;
          }
          room.resume();
        }

        function succeed(one: Modelled): void {
          one.state = "connected";
          one.ticket?.connected();
          const arePaused = pausedUntilMs > timers.now();
          assert.ok(arePaused || are("waiting").length === 0, "the others follow");
        }

        for (const taken of steps) {
          const trying = are("trying");
          switch (taken.kind) {
            case "enter":
              enter(String(taken.visitor));
              break;
            case "succeed":
            case "fail": {
              const one = trying[taken.which % Math.max(1, trying.length)];
              if (one) (taken.kind === "fail" ? fail : succeed)(one);
              break;
            }
            case "leave": {
              const there = [...trying, ...are("waiting")];
              const one = there[taken.which % Math.max(1, there.length)];
              if (one) one.state = "left";
              one?.ticket?.leave();
              break;
            }
            case "pass":
              timers.pass(taken.ms);
              if (taken.ms >= 200 && timers.now() >= pausedUntilMs + 200) {
                assert.ok(are("waiting").length === 0 || are("trying").length > 0, "one tries");
              }
              break;
            case "pause":
              pausedUntilMs = timers.now() + taken.ms;
              for (const one of are("waiting")) one.untilMs = pausedUntilMs + waitMs;
              room.pause(taken.ms);
              break;
            case "resume":
              resume();
              break;
            case "drain":
              closesAtMs = timers.now() + taken.ms;
              room.drain(taken.ms);
              break;
          }
          const waiting = are("waiting");
          assert.equal(room.waiting, waiting.length, "nobody is forgotten");
          assert.ok(waiting.length <= (isInVain() ? 0 : maxWaiting));
          assert.ok(
            waiting.every(({ untilMs }) => untilMs >= timers.now()),
            "nor waits too long",
          );
          assert.ok(are("trying").filter(({ isTrial }) => isTrial).length <= 1, "one at a time");
        }

        // Whatever it was: with an app that can be connected to, all go on; without, all are refused.
        resume();
        for (const one of are("trying").slice(0, 1)) fail(one);
        const [last] = are("waiting");
        timers.pass(waitMs);
        for (const one of are("trying")) succeed(one);
        for (const one of are("trying")) succeed(one);
        if (last) assert.notEqual(last.state, "waiting");
        timers.pass(waitMs + 1_000);
        assert.equal(room.waiting, 0);
        for (const one of are("trying")) one.ticket?.leave();
        timers.pass(1_000);
        assert.equal(timers.pending, 0);
      },
    ),
    { numRuns: 2_000 },
  );
});
