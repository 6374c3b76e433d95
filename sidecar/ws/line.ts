/** First in, first out, without moving what waits (as `Array.shift` does) for each that leaves. */

export class Line<T> {
  #arriving: T[] = [];
  #leaving: T[] = [];
  #left = 0;

  get size(): number {
    return this.#arriving.length + this.#leaving.length - this.#left;
  }

  push(item: T): void {
    this.#arriving.push(item);
  }

  shift(): T | undefined {
    if (this.#left === this.#leaving.length) {
      this.#leaving = this.#arriving;
      this.#arriving = [];
      this.#left = 0;
    }
    if (this.#leaving.length === 0) return undefined;
    return this.#leaving[this.#left++];
  }
}
