/** Waiting as an argument, so that tests need not wait. */

import { setTimeout as sleep } from "node:timers/promises";

export interface Timers {
  /** Runs `run` once, after `delayMs` and never at once; the function it returns cancels that. */
  setTimeout(run: () => void, delayMs: number): () => void;
}

/** As `Timers` have it, by the machine's clock; it keeps the process alive. */
export function schedule(run: () => void, delayMs: number): () => void {
  const timer = setTimeout(run, delayMs);
  return () => clearTimeout(timer);
}

export const systemTimers: Timers = { setTimeout: schedule };

/** Does not keep the process alive by itself. */
export function wait(ms: number): Promise<void> {
  return sleep(ms, undefined, { ref: false });
}
