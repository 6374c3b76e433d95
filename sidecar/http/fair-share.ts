/** How much of something limited one visitor may have, so that others find some (the dynamic threshold of Choudhury and Hahne). */

/**
 * A visitor may have three times as much as is free: alone three quarters of it all, and the more visitors there are, the
 * less each, so that there is always something left for the next.
 */
const sharesPerFree = 3;

/** @param own what the visitor has already */
export function mayHaveMore(own: number, free: number): boolean {
  return own < sharesPerFree * free;
}
