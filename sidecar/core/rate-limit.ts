/**
 * A token bucket that takes the time as an argument: refills at `perSecond` up to `burst`, and gives out one token at a
 * time.
 */

import type { Rate } from "./app.ts";

export class TokenBucket {
  readonly #rate: Rate;
  #tokens: number;
  #filledAtMs: number;

  /** Starts full. `nowMs` is any clock that never goes back. */
  constructor(rate: Rate, nowMs: number) {
    this.#rate = rate;
    this.#tokens = rate.burst;
    this.#filledAtMs = nowMs;
  }

  /** `tryTake` would be false. */
  isEmpty(nowMs: number): boolean {
    this.#fill(nowMs);
    return this.#tokens < 1;
  }

  /** Takes one token; false if there is none. */
  tryTake(nowMs: number): boolean {
    this.#fill(nowMs);
    if (this.#tokens < 1) return false;
    this.#tokens -= 1;
    return true;
  }

  #fill(nowMs: number): void {
    const { perSecond, burst } = this.#rate;
    const elapsedSeconds = Math.max(0, nowMs - this.#filledAtMs) / 1000;
    this.#tokens = Math.min(burst, this.#tokens + elapsedSeconds * perSecond);
    this.#filledAtMs = nowMs;
  }
}
