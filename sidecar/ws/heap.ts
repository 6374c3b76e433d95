/** A binary heap that gives out the lowest first, and of equal ones the one that came first. */

interface Entry<T> {
  readonly item: T;
  readonly key: number;
  readonly order: number;
}

export class Heap<T> {
  /** Each is before those at about twice its index. */
  readonly #entries: Entry<T>[] = [];
  #added = 0;

  get size(): number {
    return this.#entries.length;
  }

  first(): T | undefined {
    return this.#entries[0]?.item;
  }

  push(item: T, key: number): void {
    const entries = this.#entries;
    const entry = { item, key, order: this.#added++ };
    let at = entries.length;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      const above = entries[parent];
      if (above === undefined || isBefore(above, entry)) break;
      entries[at] = above;
      at = parent;
    }
    entries[at] = entry;
  }

  shift(): T | undefined {
    const entries = this.#entries;
    const first = entries[0];
    const last = entries.pop();
    if (last && entries.length > 0) this.#sink(last);
    return first?.item;
  }

  /** From the top to its place. */
  #sink(entry: Entry<T>): void {
    const entries = this.#entries;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      const [left, right] = [entries[child], entries[child + 1]];
      if (!left) break;
      if (right && isBefore(right, left)) child += 1;
      const lower = right && isBefore(right, left) ? right : left;
      if (isBefore(entry, lower)) break;
      entries[at] = lower;
      at = child;
    }
    entries[at] = entry;
  }
}

function isBefore<T>(one: Entry<T>, other: Entry<T>): boolean {
  return one.key === other.key ? one.order < other.order : one.key < other.key;
}
