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

/** By thousands, without a fraction. */
export function whole(value: number): string {
  return Math.round(value).toLocaleString("en-US");
}

export function percent(part: number): string {
  return `${Math.round(part * 100)} %`;
}
