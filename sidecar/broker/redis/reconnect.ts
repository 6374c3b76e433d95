/** How long to wait before connecting to Redis again. */

import { wholeBackoffMs } from "../../http/backoff.ts";

const backoff = { firstMs: 50, maxMs: 1_000 };

/** @param failures in a row, at least 1 */
export function reconnectDelayMs(failures: number): number {
  return wholeBackoffMs(backoff, failures);
}
