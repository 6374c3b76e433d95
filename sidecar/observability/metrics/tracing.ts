/** Metrics of the spans that go to a collector. */

import type { SpanDropReason } from "../../core/report/tracing.ts";
import type { Define } from "../metric.ts";

const dropReasons = {
  queue_full: "2,048 spans waited for the collector",
  refused: "the collector did not take them, and sending them again would not help",
} satisfies Record<SpanDropReason, string>;

export function tracingMetrics({ counter }: Define) {
  return {
    spansExportedTotal: counter({
      name: "pogo_trace_spans_exported_total",
      help: "Spans that the collector took.",
      unit: "spans",
      moves: "With each batch, about once a second; never without POGO_TRACE_ENDPOINT.",
      action: "More than the collector should have: lower POGO_TRACE_SAMPLER_ARG.",
    }),
    spansDroppedTotal: counter({
      name: "pogo_trace_spans_dropped_total",
      help: "Spans that did not reach the collector, by reason.",
      unit: "spans",
      moves: "When the collector is away for long, slow, or refuses them.",
      action: "Look at the collector: the log says how it answered. Nothing else is concerned.",
      labels: { reason: dropReasons },
    }),
  };
}
