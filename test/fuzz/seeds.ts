/** Which seeds the fuzz runs take. `FUZZ_SEED=… node --test test/fuzz/*.test.ts` replays one. */

/** Replayed by every run, each with the same inputs on every machine. A seed that failed is added here. */
const keptSeeds: readonly number[] = [4, 1_337, 271_828];

const given = process.env["FUZZ_SEED"];

/** The kept ones, then a fresh one; each is in the title of its test. */
export const seeds: readonly number[] =
  given === undefined ? [...keptSeeds, Date.now() % 2 ** 31] : [Number(given)];

/** What a run of the kept seeds has reached is the same on every machine; a fresh one may miss by chance what is rare. */
export function isKept(seed: number): boolean {
  return keptSeeds.includes(seed);
}

/** More by hand: `FUZZ_RUNS=5000 node --test test/fuzz/*.test.ts`. */
export function runs(normally: number): number {
  return Number(process.env["FUZZ_RUNS"] ?? normally);
}
