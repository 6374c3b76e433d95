/** Makes spans, and passes the sampled ones to the exporter. */

import type { Span, SpanKind, TraceContext, Tracer } from "../core/trace.ts";
import type { Sampler } from "./sampler.ts";
import { describe, type Description } from "./spans.ts";

/** A span that has ended. */
export interface SpanRecord extends Description {
  readonly context: TraceContext;
  /** Null: the trace begins with it. */
  readonly parentSpanId: string | null;
  /** Milliseconds of the tracer's clock. */
  readonly startMs: number;
  readonly endMs: number;
}

export interface TracerOptions {
  readonly sampler: Sampler;
  readonly record: (span: SpanRecord) => void;
  /** Milliseconds of a clock that never goes back. */
  readonly now: () => number;
  /** So many random bytes as hexadecimal digits, not all 0. */
  readonly randomHex: (bytes: number) => string;
}

export function createTracer({ sampler, record, now, randomHex }: TracerOptions): Tracer {
  function begin<K extends SpanKind>(
    kind: K,
    parent: TraceContext | null,
    startMs: number = now(),
  ): Span<K> {
    const traceId = parent?.traceId ?? randomHex(16);
    const context = { traceId, spanId: randomHex(8), isSampled: sampler(traceId, parent) };
    const parentSpanId = parent?.spanId ?? null;
    let hasEnded = !context.isSampled;
    return {
      context,
      child: (kind) => begin(kind, context),
      end(fields) {
        if (hasEnded) return;
        hasEnded = true;
        record({ context, parentSpanId, startMs, endMs: now(), ...describe(kind, fields) });
      },
    };
  }

  return { begin };
}
