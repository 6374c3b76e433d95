/** A queue, first in, first out, that does not move its contents on every removal (as `Array.shift` does). */

export class Fifo<T> {
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
    if (this.#leaving.length === 0) {
      this.#leaving = this.#arriving;
      this.#arriving = [];
    }
    const item = this.#leaving[this.#left];
    if (item !== undefined) this.#left += 1;
    // Who has left is not kept until the next one comes.
    if (this.#left === this.#leaving.length) {
      this.#leaving = [];
      this.#left = 0;
    }
    return item;
  }
}
