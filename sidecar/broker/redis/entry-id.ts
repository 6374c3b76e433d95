/** Ids of stream entries in Redis: two increasing numbers, `1700000000000-3`. */

/** Comes before the first entry that there ever was. */
export const beginning = "0-0";

const pattern = /^\d{1,16}-\d{1,10}$/;

export function isEntryId(value: unknown): value is string {
  return typeof value === "string" && pattern.test(value);
}

/** Below, above or 0, as sorting takes it. What is no id comes before all. */
export function compareEntryIds(a: string, b: string): number {
  const [aTime = 0, aNumber = 0] = a.split("-").map(Number);
  const [bTime = 0, bNumber = 0] = b.split("-").map(Number);
  return aTime - bTime || aNumber - bNumber;
}

export function laterEntryId(a: string | null, b: string): string {
  return a !== null && compareEntryIds(a, b) > 0 ? a : b;
}
