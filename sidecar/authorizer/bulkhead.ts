/** Who may ask the app, and when: permits, the circuit breaker, a fair queue, and retries of temporary failures. */

import { backoffMs } from "../http/backoff.ts";
import { Alarm, never, type Clock } from "./alarm.ts";
import { CircuitBreaker, type Admission, type Evidence } from "./circuit-breaker.ts";
import type { BreakerState } from "../core/report/authorizer.ts";
import type { CountedOutcome, FailureLimitOptions } from "./failure-limit.ts";
import { createEntry, type Entry } from "./entry.ts";
import { FairQueue, type Place } from "./fair-queue.ts";
import { Permits } from "./permits.ts";
import { VisitorLimit } from "./visitor-limit.ts";

export interface BulkheadLimits {
  /** Requests in flight at a time: of all, of one address, of one session. */
  readonly permits: number;
  readonly perAddress: number;
  readonly perSession: number;
  /** Requests that may wait at a time, for a permit or for a retry. */
  readonly maxWaiting: number;
  readonly maxWaitingPerAddress: number;
  /**
   * How long a request that failed temporarily is retried. One that only waits for its turn may wait twice as long.
   * 0: nothing waits.
   */
  readonly retryForMs: number;
  readonly breaker: { readonly failures: number; readonly openMs: number };
  /** Of one session. */
  readonly failureLimit: FailureLimitOptions;
}

export interface BulkheadOptions<T> extends BulkheadLimits {
  readonly clock: Clock;
  /** From 0 up to 1. */
  readonly random: () => number;
  /** Starts an attempt, whose end must be reported to `end`. MUST NOT throw, nor call back before it returns. */
  readonly start: (request: T) => void;
  /** Called for a waiting request that gets no further attempt. MUST NOT throw, nor call back before it returns. */
  readonly giveUp: (request: T, reason: BulkheadFault) => void;
  /** MUST NOT throw. */
  readonly onBreakerState?: ((state: BreakerState) => void) | undefined;
}

export type BulkheadFault =
  | "queue_full"
  | "concurrency_limit"
  | "circuit_open"
  | "too_many_failures"
  | "aborted";

/** What the outcome of an attempt means. */
export interface Verdict {
  readonly evidence: Evidence;
  /** How it counts against the visitor. */
  readonly outcome: CountedOutcome | "none";
  /** Null: it is final. Otherwise it failed temporarily; milliseconds before which there is no next attempt. */
  readonly retryAfterMs: number | null;
}

/** Pauses between the attempts of one request. */
const pauses = { firstMs: 500, maxMs: 8_000 };

/** The bulkhead of one app. Decisions are made within each call; one timer waits for what is due next. */
export class Bulkhead<T> {
  readonly #options: BulkheadOptions<T>;
  readonly #queue: FairQueue<Entry<T>>;
  readonly #breaker: CircuitBreaker;
  readonly #visitors: VisitorLimit;
  readonly #alarm: Alarm;
  /** All requests, waiting and in flight, in order of arrival. */
  readonly #entries = new Map<T, Entry<T>>();
  #entered = 0;
  #isClosed = false;
  readonly #permits: Permits;
  #lastAnswerMs = -never;

  constructor(options: BulkheadOptions<T>) {
    this.#options = options;
    this.#permits = new Permits(options.permits);
    this.#alarm = new Alarm(options.clock, () => this.#run());
    this.#visitors = new VisitorLimit(options.failureLimit);
    this.#queue = new FairQueue({
      ...options,
      blockedUntilMs: (key) => this.#visitors.blockedUntilMs(key),
    });
    this.#breaker = new CircuitBreaker({ ...options.breaker, onState: options.onBreakerState });
  }

  get breakerState(): BreakerState {
    return this.#breaker.state;
  }

  get underWay(): number {
    return this.#queue.underWay;
  }

  get waiting(): number {
    return this.#queue.waiting;
  }

  /** Starts the request, lets it wait or gives it up, before this returns. */
  enter(request: T, place: Place): void {
    const arrivedMs = this.#options.clock.now();
    const entry = createEntry({ request, place, seq: this.#entered++, arrivedMs });
    this.#entries.set(request, entry);
    const victim = this.#queue.add(entry);
    if (this.#isClosed) return this.#giveUp(entry, "aborted");
    if (victim) this.#giveUp(victim, "queue_full");
    this.#run();
  }

  /** The request is no longer wanted. An attempt in flight keeps its permit until `end`, and still counts. */
  callOff(request: T): void {
    const entry = this.#entries.get(request);
    if (!entry) return;
    entry.isCalledOff = true;
    if (entry.admission) return;
    this.#entries.delete(request);
    this.#queue.remove(entry);
    this.#run();
  }

  /** Gives up all waiting requests, and all that come later. */
  close(): void {
    this.#isClosed = true;
    for (const entry of this.#entries.values()) {
      if (!entry.admission) this.#giveUp(entry, "aborted");
    }
    this.#alarm.setTo(never);
  }

  /** An attempt has ended. Returns whether another one, or `giveUp`, will follow. */
  end(request: T, verdict: Verdict): boolean {
    const entry = this.#entries.get(request);
    const admission = entry?.admission;
    if (!entry || !admission) return false;
    const nowMs = this.#options.clock.now();
    entry.admission = null;
    const untilMs = this.#nextAttemptMs(entry, verdict, nowMs);
    if (untilMs === null) {
      this.#entries.delete(request);
      this.#queue.release(entry);
    } else {
      entry.isAppsFault = verdict.evidence !== "answered";
      this.#queue.pause(entry, untilMs);
    }
    this.#count(entry, verdict.outcome, nowMs);
    this.#updateBreaker(admission, verdict.evidence, entry.place, nowMs);
    this.#run();
    return untilMs !== null;
  }

  #count(entry: Entry<T>, outcome: Verdict["outcome"], nowMs: number): void {
    if (outcome === "none" || outcome === entry.counted) return;
    entry.counted = outcome;
    this.#visitors.record(entry.place, outcome, nowMs);
  }

  /** Null: there is none. */
  #nextAttemptMs(entry: Entry<T>, { retryAfterMs }: Verdict, nowMs: number): number | null {
    const deadlineMs = entry.arrivedMs + this.#options.retryForMs;
    const isOver = this.#isClosed || entry.isCalledOff || nowMs >= deadlineMs;
    if (retryAfterMs === null || isOver) return null;
    const backedOffMs = backoffMs(pauses, entry.attempts, this.#options.random);
    const pauseMs = Math.max(backedOffMs, retryAfterMs);
    // The last attempt is made when the time is up, not earlier.
    return Math.min(nowMs + pauseMs, deadlineMs);
  }

  #updateBreaker(
    admission: Admission,
    evidence: Evidence,
    { address }: Place,
    nowMs: number,
  ): void {
    const before = this.#breaker.state;
    this.#breaker.end(admission, evidence, address, nowMs);
    if (evidence === "answered") {
      this.#lastAnswerMs = nowMs;
      this.#permits.answered();
    }
    const { state } = this.#breaker;
    if (before === "closed" && state === "open" && evidence === "unanswered") {
      this.#permits.wereTooMany();
    }
    // While the breaker is not closed, it sets the pace: requests need no pause of their own, and any may be the trial.
    if (state === "open") this.#queue.resume((entry) => entry.isAppsFault);
    if (state === "closed" && before !== "closed") this.#permits.beginAnew();
  }

  /** Starts what may start, gives up what has run out of time, and sets the timer for what is next. */
  #run(): void {
    const nowMs = this.#options.clock.now();
    while (this.#queue.underWay < this.#permits.limit && this.#breaker.admitsFromMs <= nowMs) {
      const entry = this.#queue.take(nowMs);
      if (!entry) break;
      entry.attempts++;
      entry.admission = this.#breaker.begin();
      this.#options.start(entry.request);
    }
    const nextExpiryMs = this.#expire(nowMs);
    if (this.#queue.waiting === 0) return this.#alarm.setTo(never);
    // No timer is needed for permits: `end` runs this again.
    if (this.#queue.underWay >= this.#permits.limit) return this.#alarm.setTo(nextExpiryMs);
    const { admitsFromMs } = this.#breaker;
    this.#alarm.setTo(
      Math.min(nextExpiryMs, admitsFromMs > nowMs ? admitsFromMs : this.#queue.nextMs),
    );
  }

  /** Returns when it is to be called next. */
  #expire(nowMs: number): number {
    let nextMs = never;
    for (const entry of this.#entries.values()) {
      const deadlineMs = entry.arrivedMs + this.#options.retryForMs;
      if (deadlineMs > nowMs) return Math.min(nextMs, deadlineMs);
      if (entry.admission) continue;
      const reason = this.#reasonToWait(entry, nowMs);
      const latestMs = this.#latestMs(reason, deadlineMs);
      if (latestMs > nowMs) nextMs = Math.min(nextMs, latestMs);
      else this.#giveUp(entry, reason);
    }
    return nextMs;
  }

  /** A request that only waits for its turn, while the app answers, may wait beyond its time. */
  #latestMs(reason: BulkheadFault, deadlineMs: number): number {
    const { retryForMs, breaker } = this.#options;
    if (reason === "too_many_failures") return deadlineMs;
    const turnMs = deadlineMs + retryForMs;
    return reason === "circuit_open"
      ? Math.min(turnMs, this.#lastAnswerMs + breaker.openMs)
      : turnMs;
  }

  #reasonToWait({ place }: Entry<T>, nowMs: number): BulkheadFault {
    if (this.#breaker.state === "open") return "circuit_open";
    if (this.#visitors.isBlocked(place, nowMs)) return "too_many_failures";
    const isHalfOpen = this.#breaker.state === "half-open" && this.#options.retryForMs === 0;
    return isHalfOpen ? "circuit_open" : "concurrency_limit";
  }

  #giveUp(entry: Entry<T>, reason: BulkheadFault): void {
    this.#entries.delete(entry.request);
    this.#queue.remove(entry);
    this.#options.giveUp(entry.request, reason);
  }
}
