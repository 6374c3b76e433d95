/**
 * How many requests may be in flight: fewer than permitted after the app could not keep up, much as TCP sizes its
 * window.
 */

/**
 * An app with few workers answers nobody in time once so many requests wait before it that each is late, and goes on with
 * those that are given up already. So the number begins anew with one and grows by one with each answer, up to half of
 * what was too much; from there by one a round (RFC 5681 §3.1: slow start, congestion avoidance).
 */
export class Permits {
  readonly #most: number;
  #limit: number;
  #threshold: number;

  constructor(most: number) {
    this.#most = most;
    this.#limit = most;
    this.#threshold = most;
  }

  get limit(): number {
    return Math.floor(this.#limit);
  }

  answered(): void {
    const growth = this.#limit < this.#threshold ? 1 : 1 / this.#limit;
    this.#limit = Math.min(this.#most, this.#limit + growth);
  }

  /** It was too much: nobody was answered in time. */
  wereTooMany(): void {
    this.#threshold = Math.max(1, Math.floor(this.#limit / 2));
  }

  beginAnew(): void {
    this.#limit = 1;
  }
}
