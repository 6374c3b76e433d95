/**
 * Whose turn it is to be written to: in the order in which frames came for them, with those who have a lot waiting
 * behind the others.
 */

import { Fifo } from "./fifo.ts";
import type { OutboundQueue } from "./outbound-queue.ts";

/** With more than this a connection comes behind those with less, so that a small answer waits for no large ones. */
const bulkyBytes = 65_536;

export interface TurnBudget {
  /** Connections written to before the event loop gets its turn again, and the bytes that they get. */
  readonly writesPerTurn: number;
  readonly bytesPerTurn: number;
  /**
   * Of those that get a lot, bytes of large frames. Little, for no copy of these is shared by those who get them in one
   * turn.
   */
  readonly uncopiedBytesPerTurn: number;
}

export class Departures {
  readonly #waiting = new Fifo<OutboundQueue>();
  readonly #bulky = new Fifo<OutboundQueue>();

  get size(): number {
    return this.#waiting.size + this.#bulky.size;
  }

  /** A queue that is not in here, for which the first frame waits. */
  add(queue: OutboundQueue): void {
    this.#waiting.push(queue);
  }

  /** Writes what a turn may; of those with a lot at least one. */
  depart(budget: TurnBudget, write: (queue: OutboundQueue) => void): void {
    const { writesPerTurn, bytesPerTurn, uncopiedBytesPerTurn } = budget;
    let bytes = 0;
    let uncopiedBytes = 0;
    for (let writes = 0; writes < writesPerTurn && bytes < bytesPerTurn;) {
      const queue = this.#waiting.shift();
      if (!queue) break;
      const length = queue.pending?.length ?? 0;
      if (length > bulkyBytes) {
        this.#bulky.push(queue);
        continue;
      }
      bytes += length;
      writes += 1;
      write(queue);
    }
    do {
      const queue = this.#bulky.shift();
      if (!queue) return;
      bytes += queue.pending?.length ?? 0;
      uncopiedBytes += queue.pending?.uncopiedLength ?? 0;
      write(queue);
    } while (bytes < bytesPerTurn && uncopiedBytes < uncopiedBytesPerTurn);
  }
}
