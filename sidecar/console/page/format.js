/** Figures and times as people read them. */

const whole = new Intl.NumberFormat("en");
const clock = new Intl.DateTimeFormat("en-GB", {
  hour: "2-digit",
  minute: "2-digit",
  second: "2-digit",
});

/** `1,234`; a rate below ten keeps one digit behind the point. */
export function number(value) {
  return value > 0 && value < 10 && !Number.isInteger(value)
    ? value.toFixed(1)
    : whole.format(Math.round(value));
}

export function bytes(count) {
  const units = ["B", "KB", "MB", "GB", "TB"];
  let value = count;
  let unit = 0;
  while (value >= 1_000 && unit < units.length - 1) {
    value /= 1_000;
    unit += 1;
  }
  return `${unit === 0 ? whole.format(Math.round(value)) : value.toFixed(1)} ${units[unit]}`;
}

export function milliseconds(ms) {
  if (ms === null || ms === undefined) return "–";
  if (ms < 10) return `${ms.toFixed(1)} ms`;
  return ms < 1_000 ? `${Math.round(ms)} ms` : `${(ms / 1_000).toFixed(1)} s`;
}

/** `2 d 3 h`, `4 min`, `12 s`. */
export function duration(ms) {
  const seconds = Math.floor(ms / 1_000);
  if (seconds < 60) return `${seconds} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes} min`;
  const hours = Math.floor(minutes / 60);
  return hours < 24
    ? `${hours} h ${minutes % 60} min`
    : `${Math.floor(hours / 24)} d ${hours % 24} h`;
}

export function sum(all, read) {
  return all.reduce((total, each) => total + read(each), 0);
}

export function time(atMs) {
  return clock.format(atMs);
}

export function plural(count, one, many = `${one}s`) {
  return `${number(count)} ${count === 1 ? one : many}`;
}

/** A reason as it stands in the metrics, in words: `route_not_found` → `route not found`. */
export function words(reason) {
  return reason.replaceAll("_", " ");
}
