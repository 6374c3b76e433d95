/** Searches tens of thousands of entries a slice at a time, without blocking the event loop. */

export interface Page<T> {
  readonly rows: readonly T[];
  /** That match, of which pages are made: `maxMatches` at most. */
  readonly matches: number;
  /** More match, all of them below these. */
  readonly isCut: boolean;
}

export interface ScanOptions<Entry> {
  readonly matches: (entry: Entry) => boolean;
  /** The greatest comes first. */
  readonly order: (entry: Entry) => number;
  /** Rows of a page, and which page, from 0. */
  readonly size: number;
  readonly page: number;
  /** Runs its argument on a later turn of the event loop (`setImmediate`). */
  readonly schedule: (run: () => void) => void;
}

/** Of one turn of the event loop. */
export const scannedPerTurn = 500;
/** Of so many, the greatest, pages are made. */
export const maxMatches = 5_000;

interface Ranked<Entry> {
  readonly entry: Entry;
  readonly rank: number;
}

/** The entries may change meanwhile: those that come late may be missing, none is there twice. */
export async function scan<Entry>(
  entries: Iterable<Entry>,
  { matches, order, size, page, schedule }: ScanOptions<Entry>,
): Promise<Page<Entry>> {
  let found: Ranked<Entry>[] = [];
  let scanned = 0;
  let matching = 0;
  /** What ranks no higher is on no page. */
  let floor = Number.NEGATIVE_INFINITY;
  for (const entry of entries) {
    if (++scanned % scannedPerTurn === 0) await new Promise<void>((resolve) => schedule(resolve));
    if (!matches(entry)) continue;
    matching += 1;
    const rank = order(entry);
    if (rank <= floor) continue;
    found.push({ entry, rank });
    // Sorted once for as many more.
    if (found.length < 2 * maxMatches) continue;
    found = greatestOf(found);
    floor = found.at(-1)?.rank ?? floor;
  }
  const ordered = greatestOf(found);
  const rows = ordered.slice(page * size, (page + 1) * size).map(({ entry }) => entry);
  return { rows, matches: ordered.length, isCut: matching > maxMatches };
}

/** In their order. */
function greatestOf<Entry>(found: readonly Ranked<Entry>[]): Ranked<Entry>[] {
  return found.toSorted((one, other) => other.rank - one.rank).slice(0, maxMatches);
}
