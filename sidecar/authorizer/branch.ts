/** A branch of the fair queue: what waits and is in flight below it, and which of its children is next. */

/** What stands in the queue. */
export interface Ordered {
  /** Ascending in the order of arrival; of one session the lowest is served first. */
  readonly seq: number;
}

/**
 * Counts are of the whole branch. A child that has something ready, and room for one more under way, is in `#turns`; the
 * first of them is next, and then last. Without children and items a branch is dropped from its parent.
 */
export class Branch<T extends Ordered> {
  readonly key: string;
  readonly parent: Branch<T> | null;
  readonly #maxUnderWay: number;
  readonly #children = new Map<string, Branch<T>>();
  readonly #turns = new Set<Branch<T>>();
  /** Of a leaf: what waits, ready or not. */
  readonly #waiting = new Set<T>();
  /** Of a leaf: what is ready, by `seq`. */
  readonly #ready: T[] = [];
  waiting = 0;
  underWay = 0;

  constructor(key: string, parent: Branch<T> | null, maxUnderWay: number) {
    this.key = key;
    this.parent = parent;
    this.#maxUnderWay = maxUnderWay;
  }

  /** Created if it is not there. */
  child(key: string, maxUnderWay: number): Branch<T> {
    const child = this.#children.get(key) ?? new Branch(key, this, maxUnderWay);
    this.#children.set(key, child);
    return child;
  }

  find(key: string): Branch<T> | undefined {
    return this.#children.get(key);
  }

  get isLeaf(): boolean {
    return this.#ready.length > 0;
  }

  /** The child whose turn it is. */
  nextChild(): Branch<T> | null {
    const [next] = this.#turns;
    if (!next) return null;
    this.#turns.delete(next);
    this.#turns.add(next);
    return next;
  }

  /** Leaves a child out until it is offered again. */
  pass(child: Branch<T>): void {
    this.#turns.delete(child);
  }

  /** Gives this branch a turn, and those above it, wherever there is one to take. */
  offer(): void {
    for (const branch of this.#upwards()) {
      const { parent } = branch;
      if (parent && branch.#hasTurn()) parent.#turns.add(branch);
      else parent?.pass(branch);
    }
  }

  hasWaiting(item: T): boolean {
    return this.#waiting.has(item);
  }

  addWaiting(item: T): void {
    this.#waiting.add(item);
    for (const branch of this.#upwards()) branch.waiting++;
  }

  addReady(item: T): void {
    this.#ready.splice(this.#indexOf(item), 0, item);
    this.offer();
  }

  /** Null if nothing is ready. */
  takeFirst(): T | null {
    const item = this.#ready.shift();
    if (!item) return null;
    this.#waiting.delete(item);
    for (const branch of this.#upwards()) {
      branch.waiting--;
      branch.underWay++;
    }
    this.offer();
    return item;
  }

  release(): void {
    for (const branch of this.#upwards()) branch.underWay--;
    this.offer();
    this.#prune();
  }

  /** Takes out an item that waits. */
  remove(item: T): void {
    if (!this.#waiting.delete(item)) return;
    const index = this.#indexOf(item);
    if (this.#ready[index] === item) this.#ready.splice(index, 1);
    for (const branch of this.#upwards()) branch.waiting--;
    this.offer();
    this.#prune();
  }

  /** The child with most waiting. */
  longest(): Branch<T> | null {
    let longest: Branch<T> | null = null;
    for (const child of this.#children.values()) {
      if (child.waiting > (longest?.waiting ?? 0)) longest = child;
    }
    return longest;
  }

  /** What the children have waiting on average, one more child counted in if `key` is none yet. */
  averageWith(key: string): number {
    return this.waiting / (this.#children.size + (this.#children.has(key) ? 0 : 1));
  }

  /** Of a leaf: what came last and waits. */
  newest(): T | null {
    let newest: T | null = null;
    for (const item of this.#waiting) if (!newest || item.seq > newest.seq) newest = item;
    return newest;
  }

  #hasTurn(): boolean {
    if (this.underWay >= this.#maxUnderWay) return false;
    return this.#ready.length > 0 || this.#turns.size > 0;
  }

  #prune(): void {
    for (const branch of this.#upwards()) {
      const { parent } = branch;
      if (!parent || branch.waiting > 0 || branch.underWay > 0) return;
      parent.#children.delete(branch.key);
    }
  }

  /** Where the item is among the ready ones, or belongs. */
  #indexOf({ seq }: T): number {
    let from = 0;
    let to = this.#ready.length;
    while (from < to) {
      const middle = (from + to) >>> 1;
      if ((this.#ready[middle]?.seq ?? 0) < seq) from = middle + 1;
      else to = middle;
    }
    return from;
  }

  *#upwards(): Generator<Branch<T>> {
    yield this;
    if (this.parent) yield* this.parent.#upwards();
  }
}
