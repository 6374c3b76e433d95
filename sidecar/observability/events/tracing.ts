/** Events of the spans that go to a collector. */

import type { TracingEvents } from "../../core/report/tracing.ts";
import type { Metrics } from "../metrics.ts";
import type { Rows } from "../rows.ts";

export function tracingRows({ tracing }: Metrics): Rows<keyof TracingEvents> {
  return {
    spans_exported: { count: ({ spans }) => tracing.spansExportedTotal.inc(spans) },
    spans_dropped: {
      count: ({ spans, reason }) => tracing.spansDroppedTotal.inc({ reason }, spans),
    },
    span_export_failed: {
      log: {
        level: "warn",
        message: "the collector did not take the traces",
        fields: ({ cause }) => ({ cause }),
        hint: ({ cause }) => hintOf(cause),
        throttle: ({ cause }) => cause,
      },
    },
  };
}

function hintOf(cause: string): string {
  if (cause === "status 404" || cause === "status 405" || cause === "status 415") {
    return "POGO_TRACE_ENDPOINT is the base of OTLP over HTTP with JSON, such as http://collector:4318; the path /v1/traces is added";
  }
  if (cause === "status 401" || cause === "status 403") {
    return "the collector wants a token: POGO_TRACE_HEADERS";
  }
  if (cause.startsWith("HPE_") || cause === "ECONNRESET") {
    return "does it speak gRPC there? OTLP over HTTP usually has port 4318, where gRPC has 4317";
  }
  return "is the collector at POGO_TRACE_ENDPOINT up? Traces wait for it within a bound, then they are dropped; nothing else is concerned";
}
