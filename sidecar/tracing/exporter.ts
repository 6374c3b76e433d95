/**
 * Sends spans to a collector by OTLP/HTTP: one batch at a time, and with limits that hold whatever the collector does.
 */

import type { Report } from "../core/report.ts";
import type { SpanDropReason } from "../core/report/tracing.ts";
import { wholeBackoffMs } from "../http/backoff.ts";
import type { PostClient, PostResult } from "../http/client.ts";
import type { Timers } from "../http/timers.ts";
import type { SpanRecord } from "./tracer.ts";

export interface ExporterOptions {
  readonly client: PostClient;
  readonly headers: Readonly<Record<string, string>>;
  readonly encode: (spans: readonly SpanRecord[]) => string;
  readonly timers: Timers;
  readonly report: Report;
}

export interface Exporter {
  /** MUST NOT throw or wait; what is over the bound is dropped and counted. */
  record(span: SpanRecord): void;
  /** Sends what is there; resolves when that was tried, or the time is over. Nothing is sent afterwards. */
  flush(withinMs: number): Promise<void>;
}

/** The defaults of OpenTelemetry's batch processor (OTEL_BSP_…), but for a shorter delay. */
const maxQueuedSpans = 2_048;
const maxBatchSpans = 512;
const delayMs = 1_000;
/** After an attempt that failed for now. */
const pauses = { firstMs: 1_000, maxMs: 30_000 };
/** What a collector asks to be sent again (OTLP specification, "Retryable response codes"). */
const retryable: ReadonlySet<number> = new Set([429, 502, 503, 504]);

export function createExporter(options: ExporterOptions): Exporter {
  const { client, encode, timers, report } = options;
  const headers = { ...options.headers, "Content-Type": "application/json" };
  let queue: SpanRecord[] = [];
  let cancelTimer: (() => void) | null = null;
  let underWay: Promise<void> | null = null;
  let failures = 0;
  let isClosed = false;

  function record(span: SpanRecord): void {
    if (isClosed) return;
    if (queue.length >= maxQueuedSpans) return drop(1, "queue_full");
    queue.push(span);
    if (queue.length >= maxBatchSpans && failures === 0) return begin();
    wait(delayMs);
  }

  function wait(ms: number): void {
    if (cancelTimer || underWay || isClosed) return;
    cancelTimer = timers.setTimeout(begin, ms);
  }

  function begin(): void {
    if (underWay) return;
    cancelTimer?.();
    cancelTimer = null;
    underWay = sendBatch().finally(() => {
      underWay = null;
      if (queue.length > 0) wait(failures === 0 ? delayMs : wholeBackoffMs(pauses, failures));
    });
  }

  /** A batch that may be sent again stays where it is. */
  async function sendBatch(): Promise<void> {
    const batch = queue.slice(0, maxBatchSpans);
    const body = Buffer.from(encode(batch));
    const result = await client.post({ headers, body });
    const fault = faultOf(result);
    if (fault === null) {
      failures = 0;
      report({ kind: "spans_exported", spans: batch.length });
    } else {
      failures += 1;
      report({ kind: "span_export_failed", cause: fault.cause });
    }
    if (fault?.isTemporary && !isClosed) return;
    queue = queue.slice(batch.length);
    if (fault) drop(batch.length, "refused");
  }

  function drop(spans: number, reason: SpanDropReason): void {
    report({ kind: "spans_dropped", spans, reason });
  }

  return {
    record,
    async flush(withinMs) {
      isClosed = true;
      cancelTimer?.();
      const cancelDeadline = timers.setTimeout(() => client.close(), withinMs);
      await underWay;
      while (queue.length > 0) await sendBatch();
      cancelDeadline();
      client.close();
    },
  };
}

/** Null: the collector took it. */
function faultOf(result: PostResult): { cause: string; isTemporary: boolean } | null {
  if (!result.ok) {
    const { fault } = result;
    const cause = fault.kind === "connection" ? fault.code : fault.kind;
    return { cause, isTemporary: true };
  }
  const { status } = result;
  if (status >= 200 && status < 300) return null;
  return { cause: `status ${status}`, isTemporary: retryable.has(status) };
}
