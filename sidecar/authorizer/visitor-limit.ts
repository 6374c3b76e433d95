/** Whom the failure limit counts: a session, or all unproven sessions of an address together. */

import { FailureLimit, type CountedOutcome, type FailureLimitOptions } from "./failure-limit.ts";
import { sessionOf, unprovenOf, type Place } from "./fair-queue.ts";

/** How many times a session's limit the unproven sessions of one address may reach together. */
const addressFactor = 10;

/** Keys are those of `sessionOf` and `unprovenOf`. */
export class VisitorLimit {
  readonly #sessions: FailureLimit;
  readonly #addresses: FailureLimit;

  /** @param options Of one session. */
  constructor(options: FailureLimitOptions) {
    const { maxFailures, maxDenials } = options;
    this.#sessions = new FailureLimit(options);
    this.#addresses = new FailureLimit({
      ...options,
      maxFailures: maxFailures * addressFactor,
      maxDenials: maxDenials * addressFactor,
    });
  }

  record(place: Place, outcome: CountedOutcome, nowMs: number): void {
    this.#sessions.record(sessionOf(place), outcome, nowMs);
    if (!place.isProven) this.#addresses.record(unprovenOf(place.address), outcome, nowMs);
  }

  /** Until when nothing of this key may be asked; 0 if it may. */
  blockedUntilMs(key: string): number {
    return Math.max(this.#sessions.blockedUntilMs(key), this.#addresses.blockedUntilMs(key));
  }

  isBlocked(place: Place, nowMs: number): boolean {
    const keys = [sessionOf(place), unprovenOf(place.address)];
    return keys.slice(0, place.isProven ? 1 : 2).some((key) => this.blockedUntilMs(key) > nowMs);
  }
}
