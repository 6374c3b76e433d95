/** Limits how often a cache miss is reported: anybody who subscribes to an empty cache channel causes one. */

/** Within which a channel's further misses are not sent; what was to fill the cache is under way by then. */
const quietMs = 5_000;

export class MissLimit {
  readonly #maxChannels: number;
  /** When each channel's last miss was sent, oldest first. */
  readonly #sentMs = new Map<string, number>();

  /** Of more channels than that the oldest is forgotten, and may be sent again early. */
  constructor(maxChannels: number) {
    this.#maxChannels = maxChannels;
  }

  /** True if the miss is to be sent; `nowMs` is of a clock that never goes back. */
  take(channel: string, nowMs: number): boolean {
    for (const [oldest, sentMs] of this.#sentMs) {
      if (sentMs + quietMs > nowMs && this.#sentMs.size < this.#maxChannels) break;
      this.#sentMs.delete(oldest);
    }
    if (this.#sentMs.has(channel)) return false;
    this.#sentMs.set(channel, nowMs);
    return true;
  }
}
