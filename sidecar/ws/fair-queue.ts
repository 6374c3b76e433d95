/**
 * Who is next: fair queueing by virtual time (Golestani 1994). Whoever is served moves on by what it cost, and the one
 * that will be the least far on is next. So whoever costs a lot comes round seldom, and whoever has been idle is served
 * at once, however many others wait.
 */

export interface Queued {
  /** How far it is, in the virtual time of its queue: at first the queue's own. Kept while it is idle. */
  tag: number;
  /** Of its last service, and so probably of the next one; 0 at first. */
  cost: number;
}

interface Waiting<T> {
  readonly item: T;
  /** How far it will be after its service. */
  readonly finish: number;
  /** Those that will be equally far are served in the order in which they came. */
  readonly order: number;
}

export class FairQueue<T extends Queued> {
  /** A binary heap: each is before those at twice its index. */
  readonly #heap: Waiting<T>[] = [];
  #virtualTime = 0;
  #added = 0;

  get size(): number {
    return this.#heap.length;
  }

  get virtualTime(): number {
    return this.#virtualTime;
  }

  /** An item that does not wait already. */
  add(item: T): void {
    item.tag = Math.max(item.tag, this.#virtualTime);
    this.#push(item);
  }

  /** Takes out the next one; `served` says what became of it. */
  shift(): T | undefined {
    const item = this.#shift();
    if (item) this.#virtualTime = Math.max(this.#virtualTime, item.tag);
    return item;
  }

  served(item: T, { cost, wantsMore }: { cost: number; wantsMore: boolean }): void {
    item.tag += cost;
    item.cost = cost;
    if (wantsMore) this.#push(item);
  }

  #push(item: T): void {
    const heap = this.#heap;
    const waiting = { item, finish: item.tag + item.cost, order: this.#added++ };
    let at = heap.length;
    for (;;) {
      const parent = (at - 1) >> 1;
      const above = heap[parent];
      if (above === undefined || isBefore(above, waiting)) break;
      heap[at] = above;
      at = parent;
    }
    heap[at] = waiting;
  }

  #shift(): T | undefined {
    const heap = this.#heap;
    const first = heap[0];
    const last = heap.pop();
    if (!first || !last || heap.length === 0) return first?.item;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      const [left, right] = [heap[child], heap[child + 1]];
      if (!left) break;
      if (right && isBefore(right, left)) child += 1;
      const lower = heap[child];
      if (!lower || isBefore(last, lower)) break;
      heap[at] = lower;
      at = child;
    }
    heap[at] = last;
    return first.item;
  }
}

function isBefore<T>(one: Waiting<T>, other: Waiting<T>): boolean {
  return one.finish === other.finish ? one.order < other.order : one.finish < other.finish;
}
