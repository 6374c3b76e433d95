/** The tracer and its exporter, connected; loaded only if traces are collected. */

import { randomBytes, randomUUID } from "node:crypto";
import { urlToHttpOptions } from "node:url";
import type { Report } from "../core/report.ts";
import type { Tracer } from "../core/trace.ts";
import { createPostClient } from "../http/client.ts";
import { systemTimers } from "../http/timers.ts";
import type { ChannelEvent } from "../core/ports.ts";
import { createExporter } from "./exporter.ts";
import { FanOuts, type FanOutsOptions } from "./fan-outs.ts";
import { encodeSpans } from "./otlp.ts";
import { createSampler, type SamplerName } from "./sampler.ts";
import { createTracer } from "./tracer.ts";

export interface TracingOptions extends Pick<FanOutsOptions, "afterWrites"> {
  /** Of the collector, without `/v1/traces`. */
  readonly endpoint: URL;
  readonly headers: Readonly<Record<string, string>>;
  readonly serviceName: string;
  readonly sampler: SamplerName;
  /** Of `traceidratio`. */
  readonly ratio: number;
  readonly version: string;
  /** Milliseconds of a clock that never goes back. */
  readonly now: () => number;
  /** Unix time in milliseconds. */
  readonly unixNow: () => number;
  readonly report: Report;
}

export interface Tracing {
  readonly tracer: Tracer;
  /** @param broadcast sends an event to this node's connections, and returns to how many */
  deliver(event: ChannelEvent, broadcast: (event: ChannelEvent) => number): void;
  /** Sends what is there; resolves within this time. */
  flush(withinMs: number): Promise<void>;
}

const deadlineMs = 10_000;
const maxAnswerBytes = 65_536;

export function createTracing(options: TracingOptions): Tracing {
  const { endpoint, headers, serviceName, version, now, report } = options;
  const client = createPostClient({
    isSecure: endpoint.protocol === "https:",
    target: { ...urlToHttpOptions(endpoint), path: pathOf(endpoint) },
    deadlineMs,
    maxConnections: 1,
    maxAnswerBytes,
    timers: systemTimers,
  });
  const resource = { serviceName, version, instanceId: randomUUID() };
  const exporter = createExporter({
    client,
    headers,
    // Anew for each batch, since the machine's time may be set.
    encode: (spans) => encodeSpans(spans, resource, options.unixNow() - now()),
    timers: systemTimers,
    report,
  });
  const tracer = createTracer({
    sampler: createSampler(options.sampler, options.ratio),
    record: (span) => exporter.record(span),
    now,
    randomHex: (bytes) => randomBytes(bytes).toString("hex"),
  });
  const fanOuts = new FanOuts({ tracer, afterWrites: options.afterWrites });
  return {
    tracer,
    deliver: (event, broadcast) => fanOuts.deliver(event, broadcast),
    flush: (withinMs) => exporter.flush(withinMs),
  };
}

/** OTLP/HTTP: `OTEL_EXPORTER_OTLP_ENDPOINT` is a base, to which the signal's path is added. */
function pathOf({ pathname, search }: URL): string {
  return `${pathname.replace(/\/$/, "")}/v1/traces${search}`;
}
