/** Merges the metrics of several processes: counters and most gauges are summed, the others merged as defined. */

import { AggregatorRegistry, type Registry } from "prom-client";

/** What a process sends to the one that adds up. */
export async function exportMetrics(registry: Registry): Promise<string> {
  const metrics = await registry.getMetricsAsJSON();
  for (const metric of metrics) {
    // One process that can't keep up is what is looked for; prom-client has the average.
    if (metric.name.startsWith("nodejs_eventloop_lag")) metric.aggregator = "max";
  }
  return JSON.stringify(metrics);
}

export interface ExportedMetrics {
  /** Of the process. */
  readonly pid: number | null;
  /** Null: it has not answered; what it exported last stands in. */
  readonly text: string | null;
}

export type MergeMetrics = (
  exported: readonly ExportedMetrics[],
) => Promise<{ readonly text: string; readonly contentType: string }>;

/**
 * What a process had counted stays in the sums when it ends, as far as it was exported: a counter that went down would
 * be a restart of everything to Prometheus.
 *
 * @param own of the process that adds up: when it started, and what only it knows
 */
export function createMetricsSum(own: Registry): MergeMetrics {
  let latest = new Map<number | null, readonly object[]>();
  let ended: readonly object[] = [];

  return async (exported) => {
    const before = latest;
    latest = new Map(
      exported.map(({ pid, text }) => [
        pid,
        text === null ? (before.get(pid) ?? []) : parseMetrics(text),
      ]),
    );
    for (const [pid, metrics] of before) {
      if (latest.has(pid)) continue;
      const sum = AggregatorRegistry.aggregate([ended, metrics.filter(isCumulative)]);
      ended = await sum.getMetricsAsJSON();
    }
    // How a metric is merged the first one that has it says.
    const merged = AggregatorRegistry.aggregate([await ownOf(own), ...latest.values(), ended]);
    return { text: await merged.metrics(), contentType: merged.contentType };
  };
}

async function ownOf(registry: Registry): Promise<readonly object[]> {
  const metrics = await registry.getMetricsAsJSON();
  const own = metrics.filter(
    ({ name }) => name === "process_start_time_seconds" || name.startsWith("pogo_worker"),
  );
  // Of the workers' starts none says when all began.
  for (const metric of own) if (metric.name.startsWith("process_")) metric.aggregator = "first";
  return own;
}

function isCumulative(metric: object): boolean {
  return "type" in metric && ["counter", "histogram"].includes(String(metric.type));
}

function parseMetrics(text: string): readonly object[] {
  const metrics: unknown = JSON.parse(text);
  return Array.isArray(metrics) ? metrics : [];
}
