/** Durations as operators read and write them everywhere: `30s`, `1500ms`, `2m`. */

const units = [
  ["h", 3_600_000],
  ["m", 60_000],
  ["s", 1_000],
] as const;

/** In the largest unit of which it is a whole number, two at least: `60s` reads better than `1m` beside `54s`. */
export function showDuration(valueMs: number): string {
  if (valueMs === 0) return "0";
  const unit = units.find(
    ([name, size]) => valueMs % size === 0 && (name === "s" || valueMs >= 2 * size),
  );
  return unit ? `${valueMs / unit[1]}${unit[0]}` : `${valueMs}ms`;
}
