/** Members whose connection broke and who stay in their channels for a while, since their client may come back. */

import type { Member } from "./presence.ts";

/** What has to be given back to the presence store when a subscription ends. */
export interface Remainder {
  readonly channel: string;
  /** The member that joined with it. */
  readonly member: Member | null;
}

export class Away {
  readonly #durationMs: number;
  readonly #release: (remainder: Remainder) => void;
  /** In the order in which they expire. */
  readonly #remainders = new Map<string | symbol, Remainder & { readonly untilMs: number }>();
  #tickedMs = 0;

  constructor(durationMs: number, release: (remainder: Remainder) => void) {
    this.#durationMs = durationMs;
    this.#release = release;
  }

  get size(): number {
    return this.#remainders.size;
  }

  /** @param key to end it early; an earlier one with the same key ends now */
  add(remainder: Remainder, key: string | symbol = Symbol("away")): void {
    this.end(key);
    this.#remainders.set(key, { ...remainder, untilMs: this.#tickedMs + this.#durationMs });
  }

  /** Harmless if there is none. */
  end(key: string | symbol): void {
    const remainder = this.#remainders.get(key);
    if (!remainder) return;
    this.#remainders.delete(key);
    this.#release(remainder);
  }

  tick(nowMs: number): void {
    this.#tickedMs = nowMs;
    for (const [key, { untilMs }] of this.#remainders) {
      if (untilMs > nowMs) return;
      this.end(key);
    }
  }
}
