/** Waiting as an argument, so that tests need not wait. */

export interface Timers {
  /** Runs `run` once, after `delayMs` and never at once; the function it returns cancels that. */
  setTimeout(run: () => void, delayMs: number): () => void;
}

/** The machine's. They keep the process alive. */
export const systemTimers: Timers = {
  setTimeout(run, delayMs) {
    const timer = setTimeout(run, delayMs);
    return () => clearTimeout(timer);
  },
};
