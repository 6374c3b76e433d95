/** Counts the open sockets of each visitor, up to a limit. */

import type { Duplex } from "node:stream";

export class SocketCounts {
  readonly #max: number;
  readonly #counts = new Map<string, number>();

  /** @param max of one visitor */
  constructor(max: number) {
    this.#max = max;
  }

  /** Counts an open socket until it closes; false: the visitor has as many as it may. */
  admit(visitor: string, socket: Duplex): boolean {
    const count = this.#counts.get(visitor) ?? 0;
    if (count >= this.#max) return false;
    this.#counts.set(visitor, count + 1);
    socket.once("close", () => this.#release(visitor));
    return true;
  }

  #release(visitor: string): void {
    const left = (this.#counts.get(visitor) ?? 1) - 1;
    if (left === 0) this.#counts.delete(visitor);
    else this.#counts.set(visitor, left);
  }
}
