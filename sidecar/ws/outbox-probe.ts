/** Measures queues and write times; exists only with POGO_HOT_PATH_METRICS. */

import type { Report } from "../core/report.ts";
import type { FrameKind } from "../core/report/websocket.ts";

/** What waits for one connection. */
interface Queue {
  /** Of the last frame. */
  readonly kind: FrameKind;
}

interface Measured {
  /** Frames that the kernel has not taken yet. */
  waiting: number;
  /** Of these, those of the next write. */
  queued: number;
  /** When the first of them was queued. */
  sinceMs: number;
}

export class OutboxProbe {
  readonly #report: Report;
  readonly #now: () => number;
  readonly #measured = new WeakMap<Queue, Measured>();

  constructor(options: { report: Report; now: () => number }) {
    this.#report = options.report;
    this.#now = options.now;
  }

  queued(queue: Queue): void {
    const measured = this.#of(queue);
    this.#report({ kind: "frame_queued", waiting: measured.waiting });
    if (measured.queued === 0) measured.sinceMs = this.#now();
    measured.waiting += 1;
    measured.queued += 1;
  }

  /** What waits is written. What it returns is to be called once the kernel has all of it, which a slow client may hold up. */
  writing(queue: Queue): (error?: Error | null) => void {
    const measured = this.#of(queue);
    const frames = measured.queued;
    const frame = queue.kind;
    const writtenMs = this.#now();
    measured.queued = 0;
    this.#report({ kind: "frames_written", residenceMs: writtenMs - measured.sinceMs });
    return (error) => {
      measured.waiting -= frames;
      if (error) return;
      this.#report({ kind: "write_finished", frame, durationMs: this.#now() - writtenMs });
    };
  }

  #of(queue: Queue): Measured {
    let measured = this.#measured.get(queue);
    if (!measured) {
      measured = { waiting: 0, queued: 0, sinceMs: 0 };
      this.#measured.set(queue, measured);
    }
    return measured;
  }
}
