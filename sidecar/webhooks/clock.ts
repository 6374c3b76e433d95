/** Time as an argument: what the webhooks need of a clock. */

export interface Clock {
  /** Unix time, ms: for what is told. */
  unixMs(): number;
  /** Milliseconds that never go back: for what is waited for. */
  now(): number;
  /** Runs `run` once, after `delayMs` and never at once; the function it returns cancels that. */
  setTimeout(run: () => void, delayMs: number): () => void;
}

/**
 * The machine's. Its timers keep the process alive, since each of them stands for facts that nobody was told yet;
 * a dispatcher that is closed has none.
 */
export const systemClock: Clock = {
  unixMs: () => Date.now(),
  now: () => performance.now(),
  setTimeout(run, delayMs) {
    const timer = setTimeout(run, delayMs);
    return () => clearTimeout(timer);
  },
};
