/** Markdown made of tables in the code: tables, anchors, what a metric says. */

import { createMetrics } from "../sidecar/observability/metrics.ts";

export type Cells = readonly string[];

export function table(heads: Cells, rows: readonly Cells[]): string {
  const line = (cells: Cells): string =>
    `| ${cells.map((cell) => mark(cell).replaceAll("|", "\\|")).join(" | ")} |`;
  return [line(heads), line(heads.map(() => "---")), ...rows.map(line)].join("\n");
}

/** Names of options stand out, where they are not within code already. */
function mark(cell: string): string {
  return cell.replaceAll(
    /`[^`]*`|\b(?:(?:POGO|REVERB|REDIS|PUSHER|VITE)_[A-Z_]*[A-Z]|BROADCAST_CONNECTION)(?:=\w+)?\b/g,
    (found) => (found.startsWith("`") ? found : `\`${found}\``),
  );
}

/** A row for each key of a table, in the table's order. */
export function rowsOf<T extends object>(
  of: T,
  row: (key: keyof T & string, value: T[keyof T & string]) => Cells,
): Cells[] {
  const rows: Cells[] = [];
  for (const key in of) if (Object.hasOwn(of, key)) rows.push(row(key, of[key]));
  return rows;
}

/** Some errors of one code read the same. */
export function distinct(rows: readonly Cells[]): Cells[] {
  return [...new Map(rows.map((row) => [row.join(), row])).values()];
}

/** What `docs/metrics.md` says of a label's value. */
export function meaningOf(metric: string, label: string, value: string): string {
  const found = descriptions.find(({ name }) => name === metric)?.labels[label];
  const meaning = typeof found === "object" ? found[value] : undefined;
  if (meaning === undefined) throw new Error(`${metric} has no ${label} ${value}`);
  // Where it begins with the status, that has a column of its own.
  return meaning.replace(/^\d{3,4}: /, "");
}

const descriptions = createMetrics().rooms.flatMap((room) => room.descriptions);

/** As GitHub makes it. */
export function anchorOf(title: string): string {
  return title
    .toLowerCase()
    .replaceAll(/[^\p{L}\p{N} _-]/gu, "")
    .replaceAll(" ", "-");
}

export function quote(text: string): string {
  return `“${text.trim().split("\n")[0]}”`;
}
