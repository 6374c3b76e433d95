import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { Permits } from "./permits.ts";
import { reactions, simulate, type SimulatedRequest } from "./testing/simulation.ts";

const after =
  (afterMs: number, reaction: keyof typeof reactions): SimulatedRequest["react"] =>
  () => ({ afterMs, verdict: reactions[reaction] });

const yes = after(50, "yes");
const slow = after(3_000, "timeout");

describe("bulkhead: permits and turns", () => {
  it("one session, one address, and all together have so many under way", () => {
    const { ask, bulkhead, clock, check } = simulate();
    const first = Array.from({ length: 10 }, () => ask({ session: "s" }, yes));
    assert.equal(bulkhead.underWay, 2);
    for (const session of ["t", "u"]) for (let i = 0; i < 5; i++) ask({ session }, yes);
    assert.equal(bulkhead.underWay, 4);
    for (const address of ["b", "c", "d"]) for (let i = 0; i < 5; i++) ask({ address }, yes);
    assert.equal(bulkhead.underWay, 8);
    check();
    clock.runUntil(1_000);
    assert.equal(bulkhead.waiting, 0);
    assert.ok(first.every(({ result }) => result === reactions.yes));
    assert.equal(clock.timers, 0, "nothing left to wait for");
  });

  it("another address is served with the next round, however many wait before it", () => {
    const { ask, clock } = simulate({ permits: 1 });
    for (let i = 0; i < 50; i++) ask({ address: "flood" }, yes);
    const good = ask({ address: "good" }, yes);
    clock.runUntil(100);
    assert.deepEqual(good.startedMs, [100]);
  });

  it("so is another session behind the same address, and a proven one among any number without proof", () => {
    const { ask, clock } = simulate({ permits: 1 });
    for (let i = 0; i < 30; i++) ask({ session: `made up ${i}` }, yes);
    const proven = ask({ session: "ada", isProven: true }, yes);
    clock.runUntil(100);
    assert.deepEqual(proven.startedMs, [100]);
  });

  it("requests of one session are served in their order", () => {
    const { ask, clock, attempts } = simulate({ permits: 1 });
    for (let i = 0; i < 10; i++) ask({}, yes);
    clock.runUntil(1_000);
    assert.deepEqual(
      attempts.map(({ request }) => request.id),
      [0, 1, 2, 3, 4, 5, 6, 7, 8, 9],
    );
  });

  it("attacks H5: a permit is kept until the app has answered, also when the request was called off", () => {
    const { ask, callOff, bulkhead, clock, attempts } = simulate({ permits: 2 });
    const first = [ask({}, slow), ask({}, slow)];
    first.forEach(callOff);
    for (let i = 0; i < 600; i++) callOff(ask({}, slow));
    assert.equal(attempts.length, 2, "600 more were called off before their turn");
    assert.equal(bulkhead.underWay, 2);
    assert.equal(bulkhead.waiting, 0);
    clock.runUntil(3_000);
    assert.equal(bulkhead.underWay, 0);
  });

  it("attacks H5: what was called off counts for who asked", () => {
    const { ask, callOff, clock, attempts } = simulate();
    for (let i = 0; i < 20; i++) {
      callOff(ask({}, after(10, "no")));
      clock.runUntil(clock.nowMs + 10);
    }
    assert.equal(attempts.length, 20);
    ask({}, yes);
    assert.equal(attempts.length, 20, "the 21st within the window waits");
    clock.runUntil(10_010);
    assert.equal(attempts.length, 21);
  });
});

describe("bulkhead: where there is no room to wait", () => {
  it("the newest of the address with most waiting goes, not who has few", () => {
    const { ask, requests, check } = simulate({ permits: 1, maxWaiting: 20 });
    for (let i = 0; i < 21; i++) ask({ address: "flood" }, slow);
    const good = [ask({ address: "good" }, yes), ask({ address: "good" }, yes)];
    assert.deepEqual(
      good.map(({ result }) => result),
      ["pending", "pending"],
    );
    assert.deepEqual(
      requests.filter(({ result }) => result === "queue_full").map(({ id }) => id),
      [19, 20],
    );
    ask({ address: "flood" }, slow);
    assert.equal(requests.at(-1)?.result, "queue_full");
    check();
  });

  it("behind one address, the newest of the session with most waiting", () => {
    const { ask, requests } = simulate({ permits: 1, maxWaitingPerAddress: 10 });
    for (let i = 0; i < 11; i++) ask({ session: "flood" }, slow);
    const good = ask({ session: "good" }, yes);
    assert.equal(good.result, "pending");
    assert.equal(requests[10]?.result, "queue_full");
  });
});

describe("bulkhead: another attempt", () => {
  it("a failure for now is tried again with growing pauses, and is final at the end of the time", () => {
    const { ask, clock } = simulate({
      failureLimit: { maxFailures: 99, maxDenials: 99, windowMs: 1 },
    });
    const request = ask({}, after(0, "error"));
    clock.runUntil(29_999);
    assert.equal(request.result, "pending");
    const pausesMs = request.startedMs
      .slice(1)
      .map((at, i) => Math.round(at - (request.startedMs[i] ?? 0)));
    assert.deepEqual(pausesMs, [375, 750, 1500, 3000, 6000, 6000, 6000, 6000]);
    clock.runUntil(30_001);
    assert.equal(request.startedMs.at(-1), 30_000, "the last attempt is at the end of the time");
    assert.equal(request.result, reactions.error);
  });

  it("as long as the app asks for (Retry-After)", () => {
    const { ask, clock } = simulate();
    const verdict = { ...reactions.error, retryAfterMs: 7_000 };
    let times = 0;
    const request = ask({}, () => ({
      afterMs: 0,
      verdict: times++ === 0 ? verdict : reactions.yes,
    }));
    clock.runUntil(6_999);
    assert.equal(request.startedMs.length, 1);
    clock.runUntil(7_100);
    assert.equal(request.result, reactions.yes);
  });

  it("Q04: counts once against its session, however often it is tried", () => {
    const { ask, clock } = simulate();
    const broken = ask({}, after(0, "error"));
    clock.runUntil(9_000);
    assert.equal(broken.startedMs.length, 5);
    assert.equal(ask({}, yes).startedMs.length, 1, "is asked at once");
  });

  it("does not keep the session's others waiting", () => {
    const { ask, clock } = simulate();
    ask({}, after(0, "error"));
    clock.runUntil(10);
    const second = ask({}, yes);
    clock.runUntil(100);
    assert.equal(second.result, reactions.yes);
  });

  it("not after it was called off", () => {
    const { ask, callOff, clock } = simulate();
    const request = ask({}, after(0, "error"));
    clock.runUntil(10);
    callOff(request);
    clock.runUntil(60_000);
    assert.equal(request.startedMs.length, 1);
    assert.equal(clock.timers, 0);
  });

  it("with no time for it nothing waits: no permit, and the breaker open, are refused at once", () => {
    const { ask, clock } = simulate({ retryForMs: 0, permits: 1 });
    ask({}, slow);
    assert.equal(ask({ address: "b" }, yes).result, "concurrency_limit");
    clock.runUntil(3_000);
    for (let i = 0; i < 4; i++) {
      assert.equal(ask({}, after(0, "refused")).result, "pending");
      clock.runUntil(clock.nowMs + 1);
    }
    assert.equal(ask({}, yes).result, "circuit_open");
  });

  it("a request that only waits for its turn may wait twice as long, while the app answers", () => {
    const { ask, clock, bulkhead } = simulate({ permits: 1, perSession: 1 });
    for (let i = 0; i < 50; i++) ask({}, after(1_000, "yes"));
    clock.runUntil(45_500);
    assert.equal(bulkhead.waiting, 4);
    clock.runUntil(60_000);
    assert.equal(bulkhead.waiting, 0);
    const late = Array.from({ length: 80 }, () => ask({}, after(1_000, "yes")));
    clock.runUntil(120_000);
    assert.equal(late.filter(({ result }) => result === "concurrency_limit").length, 20);
  });
});

describe("bulkhead: the app is slow", () => {
  /** Workers that take what came first, also what nobody waits for any more, as PHP's do. */
  function createWorkers(count: number, serviceMs: number): SimulatedRequest["react"] {
    const freeMs = Array.from({ length: count }, () => 0);
    return (nowMs) => {
      const first = freeMs.indexOf(Math.min(...freeMs));
      const doneMs = Math.max(nowMs, freeMs[first] ?? 0) + serviceMs;
      freeMs[first] = doneMs;
      return doneMs - nowMs < 3_000
        ? { afterMs: doneMs - nowMs, verdict: reactions.yes }
        : { afterMs: 3_000, verdict: reactions.timeout };
    };
  }

  it("Q04: six hundred visitors at once before four workers all get their yes", () => {
    const { ask, clock, requests, attempts } = simulate({
      permits: 100,
      perAddress: 20,
      perSession: 5,
      maxWaiting: 10_000,
      maxWaitingPerAddress: 2_500,
    });
    const react = createWorkers(4, 160);
    for (let i = 0; i < 600; i++) ask({ address: `a${i}` }, react);
    clock.runUntil(60_000);
    assert.ok(requests.every(({ result }) => result === reactions.yes));
    assert.ok(attempts.length < 900, `${attempts.length} attempts`);
    assert.ok(requests.every(({ endedMs }) => endedMs < 45_000));
  });

  it("so many are under way as it answers in time", () => {
    const permits = new Permits(100);
    assert.equal(permits.limit, 100);
    permits.wereTooMany();
    permits.beginAnew();
    const limits = Array.from({ length: 49 }, () => {
      permits.answered();
      return permits.limit;
    });
    assert.deepEqual([limits[0], limits[1], limits.at(-1)], [2, 3, 50]);
    for (let i = 0; i < 50; i++) permits.answered();
    assert.equal(permits.limit, 50, "from there by one a round");
    for (let i = 0; i < 10_000; i++) permits.answered();
    assert.equal(permits.limit, 100);
  });
});

describe("bulkhead: the app is down", () => {
  it("one trial at a time with growing pauses, then everybody, one permit more with each answer", () => {
    const { ask, clock, attempts, states, requests } = simulate();
    const upMs = 20_000;
    const react = (nowMs: number) =>
      nowMs < upMs
        ? { afterMs: 1, verdict: reactions.refused }
        : { afterMs: 50, verdict: reactions.yes };
    for (let i = 0; i < 100; i++) ask({ address: `address ${i}` }, react);
    clock.runUntil(upMs);
    assert.equal(states[0], "open");
    assert.deepEqual(
      attempts.slice(12).map(({ atMs }) => Math.round(atMs)),
      [1_001, 3_002, 7_003, 15_004],
    );
    clock.runUntil(40_000);
    assert.ok(requests.every(({ result }) => result === reactions.yes));
    const firstMs = attempts[16]?.atMs ?? 0;
    const rounds = [0, 1, 2, 3].map(
      (round) => attempts.filter(({ atMs }) => Math.round((atMs - firstMs) / 50) === round).length,
    );
    assert.deepEqual(rounds, [1, 1, 2, 4]);
  });

  it("is not what one visitor's failures say: no number of timeouts of one address opens the breaker", () => {
    const { ask, clock, states } = simulate();
    for (let i = 0; i < 60; i++) ask({ address: "slow", session: `s${i}` }, slow);
    clock.runUntil(60_000);
    assert.deepEqual(states, []);
  });

  it("timeouts of five addresses in a row do", () => {
    const { ask, clock, states } = simulate();
    for (let i = 0; i < 5; i++) ask({ address: `a${i}` }, slow);
    clock.runUntil(3_000);
    assert.deepEqual(states, ["open"]);
  });

  it("attacks H6: a prompt 5xx never does, whoever gets it", () => {
    const { ask, clock, states } = simulate();
    for (let i = 0; i < 60; i++) ask({ address: `a${i}` }, after(5, "error"));
    clock.runUntil(60_000);
    assert.deepEqual(states, []);
  });

  it("at the end of its time, who still waits is given up", () => {
    const { ask, clock, requests } = simulate();
    for (let i = 0; i < 20; i++) ask({ address: `a${i}` }, after(1, "refused"));
    clock.runUntil(31_000);
    assert.ok(requests.every(({ endedMs }) => endedMs >= 30_000 && endedMs < 30_002));
    assert.ok(requests.some(({ result }) => result === "circuit_open"));
    assert.equal(clock.timers, 0);
  });
});
