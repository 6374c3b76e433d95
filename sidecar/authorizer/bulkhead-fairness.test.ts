/** The bulkhead against seeded schedules of visitors, channels and faults: nobody pays for what somebody else does. */

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import type { Place } from "./fair-queue.ts";
import { reactions, simulate, type Reaction, type SimulatedRequest } from "./testing/simulation.ts";

const deadlineMs = 3_000;
const retryForMs = 30_000;

interface Ask {
  readonly atMs: number;
  readonly place: Place;
  readonly isGood: boolean;
  readonly reaction: Reaction;
  /** Null: it is waited for. */
  readonly callOffAfterMs: number | null;
}

const at = fc.integer({ min: 0, max: 20_000 });

/** Who behaves: a few channels, each answered with a yes or a no within 200 ms. Some sit behind the address of one who does not. */
const goodAsks = fc
  .array(
    fc.record({
      atMs: at,
      visitor: fc.integer({ min: 0, max: 5 }),
      channels: fc.integer({ min: 1, max: 3 }),
      isAllowed: fc.boolean(),
      afterMs: fc.integer({ min: 5, max: 200 }),
      isBehindBad: fc.boolean(),
    }),
    { minLength: 1, maxLength: 8 },
  )
  .map((visits) =>
    visits.flatMap(({ atMs, visitor, channels, isAllowed, afterMs, isBehindBad }): Ask[] => {
      const place = isBehindBad
        ? { address: `bad ${visitor % 3}`, session: `good ${visitor}`, isProven: true }
        : { address: `good ${visitor}`, session: "s", isProven: false };
      const verdict = isAllowed ? reactions.yes : reactions.no;
      const ask = {
        atMs,
        place,
        isGood: true,
        reaction: { afterMs, verdict },
        callOffAfterMs: null,
      };
      return Array.from({ length: channels }, () => ask);
    }),
  );

/** Who does not: bursts of what fails, hangs, is refused or is called off, with made-up sessions and real ones, from up to three addresses. */
const badAsks = fc
  .array(
    fc.record({
      atMs: at,
      address: fc.integer({ min: 0, max: 2 }),
      session: fc.integer({ min: 0, max: 9 }),
      isProven: fc.boolean(),
      times: fc.integer({ min: 1, max: 40 }),
      kind: fc.constantFrom("error", "timeout", "unavailable", "no", "yes"),
      callOffAfterMs: fc.option(fc.integer({ min: 0, max: 500 })),
    }),
    { maxLength: 10 },
  )
  .map((bursts) =>
    bursts.flatMap(({ atMs, address, session, isProven, times, kind, callOffAfterMs }): Ask[] => {
      const place = { address: `bad ${address}`, session: `bad ${session}`, isProven };
      const afterMs = kind === "timeout" || kind === "yes" ? deadlineMs : 5;
      const reaction = { afterMs, verdict: reactions[kind] };
      const ask = { atMs, place, isGood: false, reaction, callOffAfterMs };
      return Array.from({ length: times }, () => ask);
    }),
  );

const limits = fc
  .record({
    permits: fc.integer({ min: 2, max: 12 }),
    perAddress: fc.integer({ min: 1, max: 6 }),
    perSession: fc.integer({ min: 1, max: 3 }),
    seed: fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
  })
  .map(({ permits, perAddress, perSession, seed }) => ({
    limits: {
      permits,
      perAddress: Math.min(permits, perAddress),
      perSession: Math.min(permits, perAddress, perSession),
      maxWaiting: 100,
      maxWaitingPerAddress: 60,
      retryForMs,
    },
    seed,
  }));

/** From when to when nobody accepts connections at the app, or nobody answers. */
const outage = fc.option(
  fc.record({
    fromMs: at,
    forMs: fc.integer({ min: 1, max: 15_000 }),
    kind: fc.constantFrom("refused", "timeout", "unavailable"),
  }),
);

const scenario = fc.record({ good: goodAsks, bad: badAsks, limits, outage });
type Scenario = typeof scenario extends fc.Arbitrary<infer T> ? T : never;

function run({ good, bad, limits: { limits, seed }, outage }: Scenario) {
  let chance = seed;
  const random = () => (chance = (chance * 7919.31 + 0.137) % 1);
  const world = simulate(limits, random);
  const { clock, bulkhead, attempts } = world;
  const goods: SimulatedRequest[] = [];
  const isDown = (nowMs: number) =>
    outage !== null && nowMs >= outage.fromMs && nowMs < outage.fromMs + outage.forMs;
  const react = (nowMs: number, reaction: Reaction): Reaction => {
    if (!outage || !isDown(nowMs)) return reaction;
    const afterMs = outage.kind === "timeout" ? deadlineMs : 1;
    return { afterMs, verdict: reactions[outage.kind] };
  };
  /** While it is half-open, nothing else was begun since it is. */
  let trials = 0;
  function checkTrial(): void {
    if (bulkhead.breakerState !== "half-open") return;
    trials++;
    const halfOpens = world.states.filter((state) => state === "half-open").length;
    assert.ok(trials <= halfOpens, "one trial at a time");
  }

  const asks = [...good, ...bad].toSorted((a, b) => a.atMs - b.atMs);
  for (const { atMs, place, isGood, reaction, callOffAfterMs } of asks) {
    clock.runUntil(atMs);
    const request = world.ask(place, (nowMs) => {
      checkTrial();
      return react(nowMs, reaction);
    });
    if (isGood) goods.push(request);
    world.check();
    if (callOffAfterMs !== null) {
      clock.setTimeout(() => world.callOff(request), callOffAfterMs + 0.001);
    }
  }

  const lastMs = clock.nowMs;
  for (let ms = lastMs; ms < lastMs + 2 * retryForMs + 2 * deadlineMs; ms += 250) {
    clock.runUntil(ms);
    world.check();
  }
  return { ...world, goods, isDown, attempts };
}

function describeScenario(name: string, check: (world: ReturnType<typeof run>) => void): void {
  it(name, () => {
    fc.assert(
      fc.property(scenario, (given) => check(run(given))),
      { numRuns: 100 },
    );
  });
}

describe("bulkhead, over seeded schedules (property)", () => {
  describeScenario("bounds are kept, and everything ends within twice its time", (world) => {
    assert.equal(world.bulkhead.waiting, 0);
    assert.equal(world.bulkhead.underWay, 0);
    assert.equal(world.clock.timers, 0);
    for (const { result, arrivedMs, endedMs } of world.requests) {
      assert.notEqual(result, "pending");
      assert.ok(endedMs <= arrivedMs + 2 * retryForMs + deadlineMs);
    }
  });

  describeScenario("one session's requests are begun in the order in which they came", (world) => {
    const bySession = Map.groupBy(world.attempts, ({ request: { place } }) =>
      JSON.stringify(place),
    );
    for (const attempts of bySession.values()) {
      const ids = [...new Set(attempts.map(({ request }) => request.id))];
      assert.deepEqual(
        ids,
        ids.toSorted((a, b) => a - b),
      );
    }
  });

  describeScenario(
    "nobody who behaves is refused because of somebody who does not, nor for an outage that ends",
    (world) => {
      for (const { result } of world.goods) {
        assert.ok(result === reactions.yes || result === reactions.no, JSON.stringify(result));
      }
    },
  );

  it("up to four visitors never open the breaker, unless the app is down", () => {
    fc.assert(
      fc.property(scenario, (given) => {
        assert.deepEqual(run({ ...given, outage: null }).states, []);
      }),
      { numRuns: 100 },
    );
  });

  it("an app that is down is asked what was on its way, then once at a time and at most once a second", () => {
    const visitors = fc.integer({ min: 5, max: 40 });
    const kind = fc.constantFrom("refused" as const, "timeout" as const, "unavailable" as const);
    fc.assert(
      fc.property(visitors, limits, kind, (visitors, { limits }, kind) => {
        const { ask, bulkhead, clock } = simulate(limits);
        const verdict = reactions[kind];
        const trialsMs: number[] = [];
        const react = (nowMs: number): Reaction => {
          if (bulkhead.breakerState === "half-open") trialsMs.push(nowMs);
          return { afterMs: kind === "timeout" ? deadlineMs : 1, verdict };
        };
        for (let i = 0; i < visitors; i++) {
          for (let j = 0; j < 2; j++) ask({ address: `a${i}` }, react);
        }
        clock.runUntil(60_000);
        assert.ok(trialsMs.length > 1);
        const pausesMs = trialsMs.slice(1).map((atMs, i) => atMs - (trialsMs[i] ?? 0));
        assert.ok(pausesMs.every((pauseMs) => pauseMs >= 1_000));
      }),
    );
  });
});
