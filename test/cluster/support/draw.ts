/** Which step of a random schedule is next. */

import type { Random } from "../../../sidecar/testing/random.ts";

/** Of those that are possible, by name: one of twice the weight comes twice as often. */
export function drawStep<T extends { readonly weight: number }>(
  random: Random,
  steps: Readonly<Record<string, T>>,
  isPossible: (step: T) => boolean,
): readonly [string, T] {
  const possible = Object.entries(steps).filter(([, step]) => isPossible(step));
  let rest = random.below(possible.reduce((sum, [, { weight }]) => sum + weight, 0));
  for (const entry of possible) {
    rest -= entry[1].weight;
    if (rest < 0) return entry;
  }
  throw new Error("no step is possible");
}
