/** Facts that wait for one endpoint, first in, first out. */

import type { Fact } from "./fact.ts";

export interface WaitingFact {
  readonly fact: Fact;
  /** When it came, on the clock that never goes back. */
  readonly sinceMs: number;
}

export class FactQueue {
  readonly #waiting: WaitingFact[] = [];
  #bytes = 0;

  get length(): number {
    return this.#waiting.length;
  }

  /** Of their JSON. */
  get bytes(): number {
    return this.#bytes;
  }

  get oldest(): WaitingFact | undefined {
    return this.#waiting[0];
  }

  add(fact: Fact, sinceMs: number): void {
    this.#waiting.push({ fact, sinceMs });
    this.#bytes += fact.bytes;
  }

  /** Takes the oldest, within both bounds; at least one, if there is any. */
  take(maxEvents: number, maxBytes: number): WaitingFact[] {
    let bytes = 0;
    return this.#takeWhile(({ fact }, index) => {
      bytes += fact.bytes;
      return index === 0 || (index < maxEvents && bytes <= maxBytes);
    });
  }

  /** Takes those that came at `sinceMs` or before. */
  takeUntil(sinceMs: number): WaitingFact[] {
    return this.#takeWhile((waiting) => waiting.sinceMs <= sinceMs);
  }

  clear(): void {
    this.#waiting.length = 0;
    this.#bytes = 0;
  }

  #takeWhile(isTaken: (waiting: WaitingFact, index: number) => boolean): WaitingFact[] {
    const end = this.#waiting.findIndex((waiting, index) => !isTaken(waiting, index));
    const taken = this.#waiting.splice(0, end === -1 ? this.#waiting.length : end);
    for (const { fact } of taken) this.#bytes -= fact.bytes;
    return taken;
  }
}
