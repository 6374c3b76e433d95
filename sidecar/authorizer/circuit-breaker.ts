/** A circuit breaker: an app that does not answer is not asked for a while, then probed with one request at a time. */

import type { BreakerState } from "../core/report/authorizer.ts";

/**
 * What the outcome of a request says about the app. `answered`: it is up, whatever it said. `unreachable`: it accepts no
 * connections. `unanswered`: it gave no answer, or a gateway said so; the request itself may be the cause. `none`:
 * nothing.
 */
export type Evidence = "answered" | "unreachable" | "unanswered" | "none";

export interface CircuitBreakerOptions {
  /** Consecutive failures that open it. */
  readonly failures: number;
  /**
   * The longest time that it stays open. It starts at `firstOpenMs`, and doubles each time the trial's connection is
   * refused. A trial without an answer may be its visitor's own fault, so the next trial follows soon.
   */
  readonly openMs: number;
  /** Called with the new state after each change. MUST NOT throw. */
  readonly onState?: ((state: BreakerState) => void) | undefined;
}

export const firstOpenMs = 1_000;

/** What `begin` returns and `end` takes. */
export type Admission = Admitting;

/**
 * Each state is an object of its own. A result counts only if the state in which its request began is still the current
 * one, so late results neither open nor close the breaker. (Like gobreaker with one trial request and no interval.)
 */
export class CircuitBreaker {
  readonly #options: CircuitBreakerOptions;
  #state: State = createClosed();
  /** Consecutive openings because of refused connections. */
  #refusals = 0;

  constructor(options: CircuitBreakerOptions) {
    this.#options = options;
  }

  /** As of the last call: `begin` is what checks whether an open breaker's time is up. */
  get state(): BreakerState {
    return this.#state.name;
  }

  /** When the next request may begin: 0 while it is closed, infinity during a trial. */
  get admitsFromMs(): number {
    const state = this.#state;
    if (state.name === "open") return state.untilMs;
    return state.name === "half-open" && state.isTrialUnderWay ? Number.POSITIVE_INFINITY : 0;
  }

  /** Only from `admitsFromMs` on. */
  begin(): Admission {
    const state = this.#state;
    if (state.name === "closed") return state;
    if (state.name === "open") return this.#enter({ name: "half-open", isTrialUnderWay: true });
    state.isTrialUnderWay = true;
    return state;
  }

  /**
   * @param visitor Who asked. While it is closed, `unanswered` counts once per visitor, so that nobody can open it
   *   alone; `unreachable` counts each time.
   */
  end(begun: Admission, evidence: Evidence, visitor: string, nowMs: number): void {
    if (this.#state !== begun) return;
    if (begun.name === "half-open") begun.isTrialUnderWay = false;
    if (evidence === "none") return;
    if (evidence === "answered") return this.#succeed(begun);
    if (begun.name === "closed" && !this.#isLastStraw(begun, evidence, visitor)) return;
    if (evidence === "unreachable") this.#refusals++;
    const growth = evidence === "unreachable" ? 2 ** (this.#refusals - 1) : 1;
    const openMs = Math.min(this.#options.openMs, firstOpenMs * growth);
    this.#enter({ name: "open", untilMs: nowMs + openMs });
  }

  #succeed(begun: Admission): void {
    if (begun.name === "half-open") {
      this.#refusals = 0;
      this.#enter(createClosed());
      return;
    }
    begun.failures = 0;
    begun.visitors.clear();
  }

  #isLastStraw(closed: Closed, evidence: Evidence, visitor: string): boolean {
    if (evidence === "unreachable" || !closed.visitors.has(visitor)) closed.failures++;
    if (evidence === "unanswered") closed.visitors.add(visitor);
    return closed.failures >= this.#options.failures;
  }

  #enter<S extends State>(state: S): S {
    this.#state = state;
    this.#options.onState?.(state.name);
    return state;
  }
}

interface Closed {
  readonly name: "closed";
  /** In a row. */
  failures: number;
  /** The visitors whose requests were counted as unanswered. */
  readonly visitors: Set<string>;
}

type Admitting = Closed | { readonly name: "half-open"; isTrialUnderWay: boolean };

type State = Admitting | { readonly name: "open"; readonly untilMs: number };

function createClosed(): Closed {
  return { name: "closed", failures: 0, visitors: new Set() };
}
