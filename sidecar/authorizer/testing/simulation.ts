/** A bulkhead before an app, both in simulated time: what is asked when, by whom, and what came of it. */

import assert from "node:assert/strict";
import { Bulkhead, type BulkheadFault, type BulkheadLimits, type Verdict } from "../bulkhead.ts";
import type { Clock } from "../alarm.ts";
import type { Place } from "../fair-queue.ts";

/** How the app takes one attempt: how long it takes, and what the end of it means. */
export interface Reaction {
  readonly afterMs: number;
  readonly verdict: Verdict;
}

export const reactions = {
  yes: { evidence: "answered", outcome: "ok", retryAfterMs: null },
  no: { evidence: "answered", outcome: "denied", retryAfterMs: null },
  error: { evidence: "answered", outcome: "failed", retryAfterMs: 0 },
  refused: { evidence: "unreachable", outcome: "none", retryAfterMs: 0 },
  timeout: { evidence: "unanswered", outcome: "failed", retryAfterMs: 0 },
  unavailable: { evidence: "unanswered", outcome: "failed", retryAfterMs: 0 },
} as const satisfies Record<string, Verdict>;

export interface SimulatedRequest {
  readonly id: number;
  readonly place: Place;
  readonly arrivedMs: number;
  readonly startedMs: number[];
  /** The app's reaction to each attempt. */
  readonly react: (nowMs: number) => Reaction;
  isUnderWay: boolean;
  result: "pending" | "called_off" | BulkheadFault | Verdict;
  endedMs: number;
}

const defaultLimits: BulkheadLimits = {
  permits: 8,
  perAddress: 4,
  perSession: 2,
  maxWaiting: 200,
  maxWaitingPerAddress: 80,
  retryForMs: 30_000,
  breaker: { failures: 5, openMs: 10_000 },
  failureLimit: { maxFailures: 4, maxDenials: 20, windowMs: 10_000 },
};

export class SimulatedClock implements Clock {
  nowMs = 0;
  readonly #due = new Map<symbol, { atMs: number; callback: () => void }>();

  now(): number {
    return this.nowMs;
  }

  setTimeout(callback: () => void, delayMs: number): () => void {
    assert.ok(delayMs > 0);
    const key = Symbol();
    this.#due.set(key, { atMs: this.nowMs + delayMs, callback });
    return () => void this.#due.delete(key);
  }

  get timers(): number {
    return this.#due.size;
  }

  /** Runs what is due until then, in order. */
  runUntil(untilMs: number): void {
    for (;;) {
      const [next] = [...this.#due].toSorted(([, a], [, b]) => a.atMs - b.atMs);
      if (!next || next[1].atMs > untilMs) break;
      this.#due.delete(next[0]);
      this.nowMs = Math.max(this.nowMs, next[1].atMs);
      next[1].callback();
    }
    this.nowMs = Math.max(this.nowMs, untilMs);
  }
}

export function simulate(limits: Partial<BulkheadLimits> = {}, random = () => 0.5) {
  const all = { ...defaultLimits, ...limits };
  const clock = new SimulatedClock();
  const requests: SimulatedRequest[] = [];
  const states: string[] = [];
  /** Attempts in the order of their start. */
  const attempts: { readonly request: SimulatedRequest; readonly atMs: number }[] = [];
  const bulkhead: Bulkhead<SimulatedRequest> = new Bulkhead({
    ...all,
    clock,
    random,
    start(request) {
      assert.equal(request.isUnderWay, false, "one attempt at a time");
      assert.equal(request.result, "pending", "nothing is begun that has ended");
      request.isUnderWay = true;
      request.startedMs.push(clock.nowMs);
      attempts.push({ request, atMs: clock.nowMs });
      const { afterMs, verdict } = request.react(clock.nowMs);
      clock.setTimeout(() => end(request, verdict), Math.max(0.001, afterMs));
    },
    giveUp(request, reason) {
      assert.equal(request.isUnderWay, false, "nothing under way is given up");
      finish(request, reason);
    },
    onBreakerState: (state) => states.push(state),
  });

  function end(request: SimulatedRequest, verdict: Verdict): void {
    request.isUnderWay = false;
    const isAgain = bulkhead.end(request, verdict);
    if (isAgain || request.result === "called_off") return;
    finish(request, verdict);
  }

  function finish(request: SimulatedRequest, result: SimulatedRequest["result"]): void {
    assert.equal(request.result, "pending", "ends once");
    request.result = result;
    request.endedMs = clock.nowMs;
  }

  function check(): void {
    const underWay = requests.filter(({ isUnderWay }) => isUnderWay);
    const waiting = requests.filter(
      (request) => !request.isUnderWay && request.result === "pending",
    );
    assert.equal(bulkhead.underWay, underWay.length);
    assert.equal(bulkhead.waiting, waiting.length);
    assert.ok(underWay.length <= all.permits, "permits");
    assert.ok(waiting.length <= all.maxWaiting + all.permits, "waiting");
    const addresses = (of: readonly SimulatedRequest[]) =>
      countBy(of, ({ place }) => place.address);
    for (const count of addresses(underWay)) assert.ok(count <= all.perAddress, "address");
    for (const count of addresses(waiting)) {
      assert.ok(count <= all.maxWaitingPerAddress + all.perAddress, "waiting of an address");
    }
    for (const count of countBy(underWay, ({ place }) => JSON.stringify(place))) {
      assert.ok(count <= all.perSession, "session");
    }
  }

  return {
    bulkhead,
    clock,
    requests,
    attempts,
    states,
    check,
    ask(place: Partial<Place>, react: SimulatedRequest["react"]): SimulatedRequest {
      const request: SimulatedRequest = {
        id: requests.length,
        place: { address: "a", session: "s", isProven: false, ...place },
        arrivedMs: clock.nowMs,
        startedMs: [],
        react,
        isUnderWay: false,
        result: "pending",
        endedMs: Number.POSITIVE_INFINITY,
      };
      requests.push(request);
      bulkhead.enter(request, request.place);
      return request;
    },
    callOff(request: SimulatedRequest): void {
      if (request.result !== "pending") return;
      finish(request, "called_off");
      bulkhead.callOff(request);
    },
  };
}

function countBy<T>(items: readonly T[], key: (item: T) => string): number[] {
  return [...Map.groupBy(items, key).values()].map((group) => group.length);
}
