/** One timer for whatever is due next. */

import type { Timers } from "../http/timers.ts";

export interface Clock extends Timers {
  /** Milliseconds of a clock that never goes back. */
  now(): number;
}

export const never = Number.POSITIVE_INFINITY;

export class Alarm {
  readonly #clock: Clock;
  readonly #ring: () => void;
  #set: { readonly atMs: number; readonly cancel: () => void } | null = null;

  constructor(clock: Clock, ring: () => void) {
    this.#clock = clock;
    this.#ring = ring;
  }

  /** Rings once, then, and not at the time set before. */
  setTo(atMs: number): void {
    if (this.#set?.atMs === atMs) return;
    this.#set?.cancel();
    this.#set = null;
    if (atMs === never) return;
    const ring = () => {
      this.#set = null;
      this.#ring();
    };
    const cancel = this.#clock.setTimeout(ring, Math.max(0, atMs - this.#clock.now()));
    this.#set = { atMs, cancel };
  }
}
