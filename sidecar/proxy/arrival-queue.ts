/** A bounded queue in order of arrival, in which no visitor can keep the others out; leaving it costs nothing. */

export interface Arrival {
  readonly visitor: string;
  /** Higher than that of all who came before. */
  readonly order: number;
}

/** Where one stands, between its neighbours. */
interface Place<A> {
  readonly arrival: A;
  before: Place<A> | null;
  after: Place<A> | null;
}

export class ArrivalQueue<A extends Arrival> implements Iterable<A> {
  readonly #maxLength: number;
  readonly #places = new Map<A, Place<A>>();
  #first: Place<A> | null = null;
  #last: Place<A> | null = null;
  /** How many of each visitor are in it. */
  readonly #counts = new Map<string, number>();

  constructor(maxLength: number) {
    this.#maxLength = maxLength;
  }

  get length(): number {
    return this.#places.size;
  }

  get first(): A | undefined {
    return this.#first?.arrival;
  }

  /** Those that are in it now, the first one first. */
  [Symbol.iterator](): Iterator<A> {
    const arrivals: A[] = [];
    for (let place = this.#first; place; place = place.after) arrivals.push(place.arrival);
    return arrivals.values();
  }

  /** Who has to give way if one of `visitor` joins: the last of the one with the most; null: there is room. */
  whoGivesWayTo(visitor: string): A | "newcomer" | null {
    if (this.length < this.#maxLength) return null;
    const own = this.#counts.get(visitor) ?? 0;
    const [crowd, most] = [...this.#counts].reduce((a, b) => (b[1] > a[1] ? b : a), [visitor, own]);
    // Nobody waits with more than the newcomer would.
    if (most <= own + 1) return "newcomer";
    return this.#lastWhere((arrival) => arrival.visitor === crowd)?.arrival ?? "newcomer";
  }

  /** At the place of its arrival. */
  add(arrival: A): void {
    const { visitor, order } = arrival;
    // Who comes is the last one; who was the first, and tried in vain, is the first again.
    const isFirst = this.#first !== null && order < this.#first.arrival.order;
    const before = isFirst ? null : this.#lastWhere((other) => other.order < order);
    const after = before ? before.after : this.#first;
    const place = { arrival, before, after };
    this.#link(before, place);
    this.#link(place, after);
    this.#places.set(arrival, place);
    this.#counts.set(visitor, (this.#counts.get(visitor) ?? 0) + 1);
  }

  /** MUST be in it. */
  remove(arrival: A): void {
    const { visitor } = arrival;
    const place = this.#places.get(arrival);
    if (place) this.#link(place.before, place.after);
    this.#places.delete(arrival);
    const left = (this.#counts.get(visitor) ?? 0) - 1;
    if (left > 0) this.#counts.set(visitor, left);
    else this.#counts.delete(visitor);
  }

  /** Null: an end of the queue. */
  #link(before: Place<A> | null, after: Place<A> | null): void {
    if (before) before.after = after;
    else this.#first = after;
    if (after) after.before = before;
    else this.#last = before;
  }

  #lastWhere(isIt: (arrival: A) => boolean): Place<A> | null {
    let place = this.#last;
    while (place && !isIt(place.arrival)) place = place.before;
    return place;
  }
}
