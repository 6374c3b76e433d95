/** How long to wait after consecutive failures: twice as long each time, up to a limit. */

export interface Backoff {
  /** After the first failure. */
  readonly firstMs: number;
  readonly maxMs: number;
}

/** `failures`: at least 1. */
export function wholeBackoffMs({ firstMs, maxMs }: Backoff, failures: number): number {
  return Math.min(maxMs, firstMs * 2 ** (failures - 1));
}

/** Between half and all of that, by chance, so that those who failed together do not return together. */
export function backoffMs(
  backoff: Backoff,
  failures: number,
  /** From 0 to below 1. */
  random: () => number,
): number {
  return wholeBackoffMs(backoff, failures) * (0.5 + random() / 2);
}
