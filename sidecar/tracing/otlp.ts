/** Spans in OTLP's JSON encoding (opentelemetry-proto, "OTLP/HTTP"). */

import type { Attributes } from "./spans.ts";
import type { SpanRecord } from "./tracer.ts";

/** `SpanKind` of trace.proto. */
const kinds = { server: 2, client: 3, producer: 4, consumer: 5 };

/** Whom the spans are of. */
export interface Resource {
  readonly serviceName: string;
  readonly version: string;
  /** Tells nodes from each other. */
  readonly instanceId: string;
}

/** @param unixMsOfZero the time when the spans' clock was 0 */
export function encodeSpans(
  spans: readonly SpanRecord[],
  resource: Resource,
  unixMsOfZero: number,
): string {
  const attributes = toAttributes({
    "service.name": resource.serviceName,
    "service.version": resource.version,
    "service.instance.id": resource.instanceId,
  });
  const scope = { name: "pogo-sidecar", version: resource.version };
  const encoded = spans.map((span) => encodeSpan(span, unixMsOfZero));
  return JSON.stringify({
    resourceSpans: [{ resource: { attributes }, scopeSpans: [{ scope, spans: encoded }] }],
  });
}

function encodeSpan(span: SpanRecord, unixMsOfZero: number) {
  const { context, parentSpanId, startMs, endMs, name, role, attributes, fault } = span;
  return {
    traceId: context.traceId,
    spanId: context.spanId,
    ...(parentSpanId !== null && { parentSpanId }),
    name,
    kind: kinds[role],
    startTimeUnixNano: toNanos(unixMsOfZero + startMs),
    endTimeUnixNano: toNanos(unixMsOfZero + endMs),
    attributes: toAttributes(fault === null ? attributes : { ...attributes, "error.type": fault }),
    // `STATUS_CODE_ERROR`; without one nothing is said.
    ...(fault !== null && { status: { code: 2 } }),
  };
}

function toAttributes(attributes: Attributes): unknown[] {
  return Object.entries(attributes)
    .filter(([, value]) => value !== null)
    .map(([key, value]) => ({ key, value: toValue(value) }));
}

/** A 64-bit integer is text in the JSON of protobuf. */
function toValue(value: Attributes[string] | undefined): Readonly<Record<string, string>> {
  return typeof value === "number" ? { intValue: String(value) } : { stringValue: String(value) };
}

/** Microseconds are as much as a double holds of the time since 1970. */
function toNanos(unixMs: number): string {
  return `${Math.round(unixMs * 1_000)}000`;
}
