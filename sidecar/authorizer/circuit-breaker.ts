/** A circuit breaker: after so many failures in a row the upstream is left alone for a while, then tried once. */

import type { Report } from "../core/report.ts";
import type { BreakerState } from "../core/report/authorizer.ts";

/** How a call counts: `none` decides nothing, as if it had never been made. */
export type Verdict = "success" | "failure" | "none";

/** `ran: false`: rejected without a call, and without a trace in any count. */
export type BreakerRun<T> = { readonly ran: true; readonly value: T } | { readonly ran: false };

export interface CircuitBreakerOptions {
  /** Failures in a row that open it. */
  readonly failures: number;
  /** Milliseconds for which it stays open. */
  readonly openMs: number;
  /** Milliseconds of a clock that never goes back. */
  readonly now: () => number;
  readonly report: Report;
}

/**
 * Semantics of gobreaker with one trial request and no interval, whose users this replaces. Each state is an object
 * of its own, and a result counts only while the state in which its call began is still the current one: what comes
 * late neither opens nor closes anything.
 */
export class CircuitBreaker {
  readonly #options: CircuitBreakerOptions;
  #state: State = { name: "closed", failuresInARow: 0 };

  constructor(options: CircuitBreakerOptions) {
    this.#options = options;
  }

  /** As of the last call: whether an open breaker's time is up is looked at when somebody calls. */
  get state(): BreakerState {
    return this.#state.name;
  }

  /**
   * Makes the call if the state permits it, and lets `judge` say how its result counts. A call that throws has
   * failed; its error is thrown on.
   */
  async run<T>(call: () => Promise<T>, judge: (value: T) => Verdict): Promise<BreakerRun<T>> {
    const begun = this.#admit();
    if (!begun) return { ran: false };
    let verdict: Verdict = "failure";
    try {
      const value = await call();
      verdict = judge(value);
      return { ran: true, value };
    } finally {
      if (this.#state === begun) this.#count(begun, verdict);
    }
  }

  /** The state in which a call may begin now; null if none may. */
  #admit(): Admitting | null {
    const state = this.#state;
    if (state.name === "open") {
      if (this.#options.now() <= state.untilMs) return null;
      return this.#enter({ name: "half-open", trialUnderWay: true });
    }
    if (state.name === "half-open") {
      if (state.trialUnderWay) return null;
      state.trialUnderWay = true;
    }
    return state;
  }

  #count(state: Admitting, verdict: Verdict): void {
    if (state.name === "half-open") state.trialUnderWay = false;
    if (verdict === "none") return;
    if (verdict === "success") {
      if (state.name === "closed") state.failuresInARow = 0;
      else this.#enter({ name: "closed", failuresInARow: 0 });
      return;
    }
    if (state.name === "closed" && ++state.failuresInARow < this.#options.failures) return;
    this.#enter({ name: "open", untilMs: this.#options.now() + this.#options.openMs });
  }

  #enter<S extends State>(state: S): S {
    this.#state = state;
    this.#options.report({ kind: "circuit_breaker_changed", state: state.name });
    return state;
  }
}

type Admitting =
  | { readonly name: "closed"; failuresInARow: number }
  | { readonly name: "half-open"; trialUnderWay: boolean };

type State = Admitting | { readonly name: "open"; readonly untilMs: number };
