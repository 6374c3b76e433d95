/** Looks through what may be tens of thousands of entries without keeping the event loop from anybody. */

export interface Page<T> {
  readonly rows: readonly T[];
  /** That match, as far as was looked: `max` at most. */
  readonly matches: number;
  /** There are more than were looked for. */
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
/** Of these the page is made. */
export const maxMatches = 5_000;

/** The entries may change meanwhile: those that come late may be missing, none is there twice. */
export async function scan<Entry>(
  entries: Iterable<Entry>,
  { matches, order, size, page, schedule }: ScanOptions<Entry>,
): Promise<Page<Entry>> {
  const found: Entry[] = [];
  let isCut = false;
  let scanned = 0;
  for (const entry of entries) {
    if (++scanned % scannedPerTurn === 0) await new Promise<void>((resolve) => schedule(resolve));
    if (!matches(entry)) continue;
    isCut = found.length === maxMatches;
    if (isCut) break;
    found.push(entry);
  }
  const ordered = found
    .map((entry) => ({ entry, rank: order(entry) }))
    .toSorted((one, other) => other.rank - one.rank)
    .map(({ entry }) => entry);
  const rows = ordered.slice(page * size, (page + 1) * size);
  return { rows, matches: found.length, isCut };
}
