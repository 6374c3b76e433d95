/** What happens to the spans of traces. */

/** Why spans did not reach the collector. */
export type SpanDropReason = "queue_full" | "refused";

export interface TracingEvents {
  /** The collector took them. */
  spans_exported: { spans: number };
  spans_dropped: { spans: number; reason: SpanDropReason };
  /** An attempt to send spans failed; what may be sent again is. */
  span_export_failed: {
    /** `timeout`, `status 404`, or Node's code of the connection's error. */
    cause: string;
  };
}
