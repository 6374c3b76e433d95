/** How long to wait after failures in a row: twice as long each time, up to a bound, and not in step with others. */

export interface Backoff {
  /** After the first failure. */
  readonly firstMs: number;
  readonly maxMs: number;
}

/** Between half and all of `firstMs × 2^(failures − 1)`, at most `maxMs`. `random`: from 0 to below 1. */
export function backoffMs(
  { firstMs, maxMs }: Backoff,
  failures: number,
  random: () => number,
): number {
  const wholeMs = Math.min(maxMs, firstMs * 2 ** (failures - 1));
  return wholeMs * (0.5 + random() / 2);
}
