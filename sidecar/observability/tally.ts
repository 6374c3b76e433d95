/**
 * A counter for what happens with every message: incrementing it allocates nothing, where prom-client builds a string
 * of the labels.
 */

export class Tally {
  #count = 0;
  readonly #byValue = new Map<string | number, Tally>();

  /** The part of it with this value of its next label; with one of each label it is a series. */
  of(value: string | number): Tally {
    let part = this.#byValue.get(value);
    if (!part) {
      part = new Tally();
      this.#byValue.set(value, part);
    }
    return part;
  }

  /** To a series. */
  add(count: number): void {
    this.#count += count;
  }

  /** Each with the values of its labels, in their order. */
  *series(labels: readonly string[] = []): Generator<readonly [readonly string[], number]> {
    if (this.#byValue.size === 0 && labels.length > 0) yield [labels, this.#count];
    for (const [value, part] of this.#byValue) yield* part.series([...labels, String(value)]);
  }
}
