/**
 * Limits requests that one connection repeats. Within a tick a few are handled at once; of those beyond, only the last
 * is handled, at the end of the tick (rules S18, U15). So a connection always gets an answer, and no large answer can
 * be had again and again for the price of a message.
 */

import type { Connection } from "./connection.ts";
import type { WorkQueue } from "./work-queue.ts";

/** Subscribing, leaving and subscribing again within moments is what frameworks do (React's strict mode). */
const handledPerTick = 3;
/** Of one connection; each keeps a message. */
const maxWaiting = 16;
/** Of one connection, with the oldest forgotten first: who asks for more of them repeats none. */
const maxCounted = 1_000;

interface Asked {
  readonly counts: Map<string, number>;
  readonly waiting: Map<string, () => void>;
}

export class RepeatLimit {
  #asked = new Map<Connection, Asked>();

  /** False if it was handled often enough in this tick, or waits already: it is to be deferred. */
  tryTake(connection: Connection, key: string): boolean {
    const { counts, waiting } = this.#of(connection);
    const count = counts.get(key) ?? 0;
    if (count >= handledPerTick || waiting.has(key)) return false;
    counts.set(key, count + 1);
    const [oldest] = counts.size > maxCounted ? counts.keys() : [];
    if (oldest !== undefined) counts.delete(oldest);
    return true;
  }

  /** Calls `again` at the end of the tick, in place of what waits there by that key; false if too much waits. */
  defer(connection: Connection, key: string, again: () => void): boolean {
    const { waiting } = this.#of(connection);
    if (!waiting.has(key) && waiting.size >= maxWaiting) return false;
    waiting.set(key, again);
    return true;
  }

  /** What waits by that key is not to be done. */
  cancel(connection: Connection, key: string): void {
    this.#asked.get(connection)?.waiting.delete(key);
  }

  /** The connection is closed. */
  forget(connection: Connection): void {
    this.#asked.delete(connection);
  }

  /** Counts anew, and has what waits done by `queue`, or by a later tick if it has not done yet what came before. */
  tick(queue: WorkQueue): void {
    const isBusy = queue.length > 0;
    for (const [connection, { counts, waiting }] of this.#asked) {
      counts.clear();
      if (waiting.size === 0) this.#asked.delete(connection);
      if (isBusy) continue;
      // A copy, for what is done may have to wait again.
      const keys = [...waiting.keys()];
      for (const key of keys) queue.add(() => this.#runWaiting(connection, key));
    }
  }

  #runWaiting(connection: Connection, key: string): void {
    const waiting = this.#asked.get(connection)?.waiting;
    const again = waiting?.get(key);
    waiting?.delete(key);
    again?.();
  }

  #of(connection: Connection): Asked {
    let asked = this.#asked.get(connection);
    if (!asked) {
      asked = { counts: new Map(), waiting: new Map() };
      this.#asked.set(connection, asked);
    }
    return asked;
  }
}
