/** A table in Markdown, and the few numbers in it. */

export type Column<Row> = readonly [title: string, cell: (row: Row) => string];

export function toTable<Row>(rows: readonly Row[], columns: readonly Column<Row>[]): string {
  return [
    columns.map(([title]) => title),
    columns.map((_, index) => (index === 0 ? "---" : "--:")),
    ...rows.map((row) => columns.map(([, cell]) => cell(row))),
  ]
    .map((cells) => `| ${cells.join(" | ")} |`)
    .join("\n");
}

/** Of an odd number of values; 0 of none. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? 0;
}

/**
 * Of each number in the rows by itself; all else is that of the first.
 *
 * @param faults what is to be 0 in every row: of these the largest, for a median would hide that of one round
 */
export function mediansOf<Row extends object>(
  rows: readonly Row[],
  faults: readonly (keyof Row)[],
): Row {
  const [first] = rows;
  if (!first) throw new Error("nothing was measured");
  const isFault = new Set<unknown>(faults);
  const medians = Object.entries(first).map(([name, value]) => {
    if (typeof value !== "number") return [name, value];
    const values = rows.map((row) => Number(Reflect.get(row, name)));
    return [name, isFault.has(name) ? Math.max(...values) : median(values)];
  });
  return Object.fromEntries(medians) as Row;
}

/** What is not known. */
const unknown = "–";

/** By thousands, without a fraction. */
export function whole(value: number): string {
  return Number.isNaN(value) ? unknown : Math.round(value).toLocaleString("en-US");
}

export function decimal(value: number, digits: number): string {
  return Number.isNaN(value) ? unknown : value.toFixed(digits);
}

export function percent(part: number): string {
  return Number.isNaN(part) ? unknown : `${Math.round(part * 100)} %`;
}
