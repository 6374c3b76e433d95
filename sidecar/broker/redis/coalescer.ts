/** Coalesces work into rounds: one runs at a time, and all requests made meanwhile share the next one. */

export class Coalescer {
  readonly #round: () => Promise<void>;
  #current: Promise<void> | null = null;
  #next: Promise<void> | null = null;

  /** @param round never rejects, and sees to all that was asked for before it begins */
  constructor(round: () => Promise<void>) {
    this.#round = round;
  }

  /** The round that is under way. */
  get current(): Promise<void> | null {
    return this.#current;
  }

  /** Resolves when a round that began after the call has ended. */
  run(): Promise<void> {
    if (this.#current) return (this.#next ??= this.#runNext(this.#current));
    this.#current = this.#runNow();
    return this.#current;
  }

  async #runNow(): Promise<void> {
    // What is asked for within this turn of the event loop goes in one round.
    await Promise.resolve();
    await this.#round();
    this.#current = null;
  }

  async #runNext(current: Promise<void>): Promise<void> {
    await current;
    this.#next = null;
    await this.run();
  }
}
