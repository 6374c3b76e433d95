/** Work that comes all at once, done a slice per turn of the event loop, so that no message waits for all of it. */

export class WorkQueue {
  readonly #perTurn: number;
  readonly #schedule: (run: () => void) => void;
  #items: (() => void)[] = [];
  #done = 0;

  /** `schedule` runs its argument on a later turn of the event loop (`setImmediate`). */
  constructor(options: { perTurn: number; schedule: (run: () => void) => void }) {
    this.#perTurn = options.perTurn;
    this.#schedule = options.schedule;
  }

  /** In the order of the calls. `work` MUST NOT throw. */
  add(work: () => void): void {
    this.#items.push(work);
    if (this.#items.length === 1) this.#schedule(() => this.#run());
  }

  get length(): number {
    return this.#items.length - this.#done;
  }

  #run(): void {
    const end = Math.min(this.#items.length, this.#done + this.#perTurn);
    while (this.#done < end) this.#items[this.#done++]?.();
    if (this.#done < this.#items.length) return this.#schedule(() => this.#run());
    this.#items = [];
    this.#done = 0;
  }
}
