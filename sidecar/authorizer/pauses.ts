/** How long a request pauses before its next attempt. */

const firstMs = 500;
const longestMs = 8_000;

/**
 * Twice as long after each attempt, up to half of it off by chance, so that those who failed together do not return
 * together.
 *
 * @param attempts At least 1.
 * @param random From 0 up to 1.
 */
export function pauseAfter(attempts: number, random: () => number): number {
  const fullMs = Math.min(longestMs, firstMs * 2 ** (attempts - 1));
  return fullMs * (1 - random() / 2);
}
