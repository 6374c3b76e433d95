/** The clock that webhooks need, as an argument. */

import { systemTimers, type Timers } from "../http/timers.ts";

export interface Clock extends Timers {
  /** Unix time, ms: for what is sent. */
  unixMs(): number;
  /** Milliseconds that never go back: for waiting. */
  now(): number;
}

/**
 * The machine's. Its timers keep the process alive, since each of them stands for events that were not delivered yet;
 * a dispatcher that is closed has none.
 */
export const systemClock: Clock = {
  ...systemTimers,
  unixMs: () => Date.now(),
  now: () => performance.now(),
};
