/** A bulkhead: at most so many calls at a time; one more is refused at once, never queued. */

/** One of the permits; giving it back twice gives back one. */
export interface Permit {
  release(): void;
}

export class Semaphore {
  readonly #permits: number;
  #inUse = 0;

  constructor(permits: number) {
    this.#permits = permits;
  }

  get inUse(): number {
    return this.#inUse;
  }

  /** A permit, or null if all are in use. */
  tryAcquire(): Permit | null {
    if (this.#inUse >= this.#permits) return null;
    this.#inUse++;
    let held = true;
    return {
      release: () => {
        if (held) this.#inUse--;
        held = false;
      },
    };
  }
}
