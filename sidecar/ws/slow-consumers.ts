/** Closes clients that do not read what they are sent, once their queue has been full for `POGO_WRITE_WAIT`. */

import type { OutboundQueue } from "./outbound-queue.ts";
import type { Outbox } from "./outbox.ts";

interface Suspicion {
  readonly sinceMs: number;
  readonly writesTaken: number;
}

export class SlowConsumers {
  readonly #outbox: Outbox;
  readonly #writeWaitMs: number;
  readonly #suspicions = new Map<OutboundQueue, Suspicion>();

  constructor({ outbox, writeWaitMs }: { outbox: Outbox; writeWaitMs: number }) {
    this.#outbox = outbox;
    this.#writeWaitMs = writeWaitMs;
  }

  /** To be called every second or so. */
  tick(nowMs: number): void {
    for (const queue of this.#suspicions.keys()) {
      if (!this.#outbox.isPaused(queue)) this.#suspicions.delete(queue);
    }
    for (const queue of this.#outbox.slowQueues()) {
      if (this.#outbox.isPaused(queue)) this.#look(queue, nowMs);
    }
  }

  #look(queue: OutboundQueue, nowMs: number): void {
    const writesTaken = queue.backlog?.writesTaken ?? 0;
    const before = this.#suspicions.get(queue);
    // Slow, but it takes what it is sent, and nothing of it is lost: it may take its time.
    const isGettingOn = !queue.isFull && before?.writesTaken !== writesTaken;
    if (!before || isGettingOn) {
      this.#suspicions.set(queue, { sinceMs: nowMs, writesTaken });
    } else if (nowMs - before.sinceMs >= this.#writeWaitMs) {
      this.#suspicions.delete(queue);
      queue.client.onTooSlow();
    }
  }
}
