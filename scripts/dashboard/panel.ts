/** One panel of the dashboard: what it shows, and the PromQL that it asks for it. */

export interface Target {
  readonly expr: string;
  /** Names a line by its labels, as `{{instance}}`. */
  readonly legend: string;
}

export interface Panel {
  readonly title: string;
  /** Grafana's name of it. */
  readonly unit: "short" | "ops" | "s" | "bytes" | "Bps" | "percentunit";
  /** A number, or lines over time. */
  readonly kind: "stat" | "timeseries";
  readonly targets: readonly [Target, ...Target[]];
  /** Where the metric's own description does not say it. */
  readonly description?: string;
}

export interface Section {
  readonly title: string;
  readonly panels: readonly Panel[];
}

/** What the variables at the top of the dashboard choose. */
const chosen = 'job=~"$job", instance=~"$instance"';
const chosenApps = `${chosen}, app_id=~"$app"`;

/** The series of a metric. */
export function series(metric: string, ...matchers: readonly string[]): string {
  return `${metric}{${[chosen, ...matchers].join(", ")}}`;
}

/** The series of a metric with the label `app_id`, of the chosen apps. */
export function ofApps(metric: string, ...matchers: readonly string[]): string {
  return `${metric}{${[chosenApps, ...matchers].join(", ")}}`;
}

/** A gauge, added up. */
export function sum(selected: string, by = "instance"): Target {
  return { expr: `sum by (${by}) (${selected})`, legend: legendOf(by) };
}

/** How often a second. */
export function rate(selected: string, by = "instance"): Target {
  return { expr: `sum by (${by}) (rate(${selected}[$__rate_interval]))`, legend: legendOf(by) };
}

/** The limit beside what it bounds, as one line: the largest of the nodes. */
export function limit(name: string): Target {
  return { expr: `max(${series("pogo_limit", `limit="${name}"`)})`, legend: "limit" };
}

/** Of a histogram: what half of them, and all but one in a hundred, stay below. */
export function quantiles(histogram: string): readonly [Target, Target] {
  const of = (quantile: number, name: string): Target => ({
    expr: `histogram_quantile(${quantile}, sum by (le) (rate(${series(`${histogram}_bucket`)}[$__rate_interval])))`,
    legend: name,
  });
  return [of(0.5, "median"), of(0.99, "99 %")];
}

export function lines(
  title: string,
  unit: Panel["unit"],
  ...targets: readonly [Target, ...Target[]]
): Panel {
  return { title, unit, kind: "timeseries", targets };
}

export function number(title: string, unit: Panel["unit"], expr: string): Panel {
  return { title, unit, kind: "stat", targets: [{ expr, legend: "" }] };
}

function legendOf(by: string): string {
  return by
    .split(", ")
    .map((label) => `{{${label}}}`)
    .join(" ");
}
