/** A bounded queue in the order of arrival, in which no visitor keeps the others out. */

export interface Arrival {
  readonly visitor: string;
  /** Higher than that of all who came before. */
  readonly order: number;
}

export class ArrivalQueue<A extends Arrival> implements Iterable<A> {
  readonly #maxLength: number;
  readonly #arrivals: A[] = [];
  /** How many of each visitor are in it. */
  readonly #counts = new Map<string, number>();

  constructor(maxLength: number) {
    this.#maxLength = maxLength;
  }

  get length(): number {
    return this.#arrivals.length;
  }

  get first(): A | undefined {
    return this.#arrivals[0];
  }

  /** Those that are in it now, the first one first. */
  [Symbol.iterator](): Iterator<A> {
    return [...this.#arrivals].values();
  }

  /** Who has to give way if one of `visitor` joins: the last of the one with the most; null: there is room. */
  whoGivesWayTo(visitor: string): A | "newcomer" | null {
    if (this.length < this.#maxLength) return null;
    const own = this.#counts.get(visitor) ?? 0;
    const [crowd, most] = [...this.#counts].reduce((a, b) => (b[1] > a[1] ? b : a), [visitor, own]);
    // Nobody waits with more than the newcomer would.
    if (most <= own + 1) return "newcomer";
    return this.#arrivals.findLast((arrival) => arrival.visitor === crowd) ?? "newcomer";
  }

  /** At the place of its arrival. */
  add(arrival: A): void {
    const { visitor, order } = arrival;
    const before = this.#arrivals.findLastIndex((other) => other.order < order);
    this.#arrivals.splice(before + 1, 0, arrival);
    this.#counts.set(visitor, (this.#counts.get(visitor) ?? 0) + 1);
  }

  /** MUST be in it. */
  remove(arrival: A): void {
    const { visitor } = arrival;
    this.#arrivals.splice(this.#arrivals.indexOf(arrival), 1);
    const left = (this.#counts.get(visitor) ?? 0) - 1;
    if (left > 0) this.#counts.set(visitor, left);
    else this.#counts.delete(visitor);
  }
}
