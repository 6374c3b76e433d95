/** What the metrics of a sidecar are called, which labels they have, and which values those can have. */

import type { LabelText } from "../../sidecar/observability/metric.ts";
import { createMetrics } from "../../sidecar/observability/metrics.ts";
import { namesIn, type Matcher, type Named } from "./promql.ts";

/** The values of a label; null: any. */
type Labels = ReadonlyMap<string, ReadonlySet<string> | null>;

/** What Prometheus adds of where it scraped. */
const targetLabels: ReadonlySet<string> = new Set(["job", "instance"]);

export async function metricLabels(): Promise<ReadonlyMap<string, Labels>> {
  const metrics = createMetrics();
  const all = new Map<string, Labels>();
  for (const { name, type, labels } of metrics.rooms.flatMap((room) => room.descriptions)) {
    const own = Object.entries(labels).map(([label, text]) => [label, valuesOf(text)] as const);
    all.set(name, new Map(own));
    if (type !== "histogram") continue;
    all.set(`${name}_count`, new Map(own)).set(`${name}_sum`, new Map(own));
    all.set(`${name}_bucket`, new Map([...own, ["le", null]]));
  }
  // Those of the process and of Node's runtime, as they come out.
  for (const { name, values } of await metrics.registry.getMetricsAsJSON()) {
    if (all.has(name)) continue;
    const labels = values.flatMap((value) => Object.keys(value.labels));
    all.set(name, new Map(labels.map((label) => [label, null])));
  }
  return all;
}

function valuesOf(text: LabelText): ReadonlySet<string> | null {
  return typeof text === "string" ? null : new Set(Object.keys(text));
}

/** What an expression names that no sidecar has, in words. */
export function unknownIn(expr: string, known: ReadonlyMap<string, Labels>): readonly string[] {
  const named = namesIn(expr);
  if (named.selectors.length === 0) return ["no metric at all"];
  return [
    ...named.selectors.flatMap(({ metric, matchers }) => {
      const labels = known.get(metric);
      if (!labels) return [`there is no metric ${metric}`];
      return matchers.flatMap((matcher) => problemOf(metric, labels, matcher));
    }),
    ...named.groupedBy
      .filter((label) => !labelsOf(named, known).has(label))
      .map((label) => `nothing in it has the label ${label}`),
  ];
}

/** Every label that a result of the expression could have. */
export function labelsOf(
  { selectors }: Named,
  known: ReadonlyMap<string, Labels>,
): ReadonlySet<string> {
  const own = selectors.flatMap(({ metric }) => [...(known.get(metric)?.keys() ?? [])]);
  return new Set([...targetLabels, ...own]);
}

function problemOf(metric: string, labels: Labels, { label, operator, value }: Matcher) {
  if (targetLabels.has(label)) return [];
  const values = labels.get(label);
  if (values === undefined) return [`${metric} has no label ${label}`];
  // A variable of the dashboard stands for what there is.
  if (values === null || value.startsWith("$")) return [];
  const wanted = operator.endsWith("~") ? value.split("|") : [value];
  return wanted
    .filter((each) => !values.has(each))
    .map((each) => `${metric} has no ${label} ${each}`);
}
