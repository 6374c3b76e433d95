/** Entries in the order of their due time, so that one timer can wait for the first of them. */

/** In the order of `atMs`, and of adding where that is equal. Adding and removing cost a binary search. */
export class Schedule<T> {
  readonly #entries: Entry<T>[] = [];
  readonly #byItem = new Map<T, Entry<T>>();
  #added = 0;

  get size(): number {
    return this.#entries.length;
  }

  items(): T[] {
    return this.#entries.map(({ item }) => item);
  }

  /** When the first entry is due; infinity if there is none. */
  get nextMs(): number {
    return this.#entries[0]?.atMs ?? Number.POSITIVE_INFINITY;
  }

  /** An item is scheduled once: the last time given counts. */
  add(item: T, atMs: number): void {
    this.remove(item);
    const entry = { item, atMs, order: this.#added++ };
    this.#byItem.set(item, entry);
    this.#entries.splice(this.#indexOf(entry), 0, entry);
  }

  /** False if it is not scheduled. */
  remove(item: T): boolean {
    const entry = this.#byItem.get(item);
    if (!entry) return false;
    this.#byItem.delete(item);
    this.#entries.splice(this.#indexOf(entry), 1);
    return true;
  }

  /** Takes out what is due by now. */
  takeDue(nowMs: number): T[] {
    const firstLater = this.#entries.findIndex(({ atMs }) => atMs > nowMs);
    const due = this.#entries.splice(0, firstLater === -1 ? this.#entries.length : firstLater);
    for (const { item } of due) this.#byItem.delete(item);
    return due.map(({ item }) => item);
  }

  /** Where the entry is, or belongs. */
  #indexOf(entry: Entry<T>): number {
    let from = 0;
    let to = this.#entries.length;
    while (from < to) {
      const middle = (from + to) >>> 1;
      const other = this.#entries[middle];
      if (other && isBefore(other, entry)) from = middle + 1;
      else to = middle;
    }
    return from;
  }
}

interface Entry<T> {
  readonly item: T;
  readonly atMs: number;
  readonly order: number;
}

function isBefore<T>(one: Entry<T>, other: Entry<T>): boolean {
  return one.atMs < other.atMs || (one.atMs === other.atMs && one.order < other.order);
}
