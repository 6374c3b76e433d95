/** Options of traces. Each has OpenTelemetry's own name too. */

import { samplerNames } from "../../tracing/sampler.ts";
import { oneOf, orNone, optional } from "../parsers/parser.ts";
import { collectorHeaders, collectorUrl, ratio, serviceName } from "../parsers/tracing.ts";
import { option } from "./option.ts";

export const tracing = {
  endpoint: option({
    env: "POGO_TRACE_ENDPOINT",
    standard: "OTEL_EXPORTER_OTLP_ENDPOINT",
    parser: orNone(collectorUrl),
    fallback: null,
    docs: "Where traces go: the base URL of a collector that takes OTLP over HTTP with JSON, such as `http://collector:4318`; `/v1/traces` is added. Without it none are recorded, and `traceparent` of a request goes to the app as it came.",
  }),
  headers: option({
    env: "POGO_TRACE_HEADERS",
    standard: "OTEL_EXPORTER_OTLP_HEADERS",
    parser: optional(collectorHeaders),
    fallback: null,
    fallbackText: "none",
    secret: true,
    docs: "Header fields for the collector, such as a token: `authorization=Bearer%20…`, several by commas, values percent-encoded.",
  }),
  serviceName: option({
    env: "POGO_TRACE_SERVICE_NAME",
    standard: "OTEL_SERVICE_NAME",
    parser: serviceName,
    fallback: "pogo-sidecar",
    docs: "The name under which a trace shows the sidecar. Where the app is traced too and reads the same `.env`, give each its own.",
  }),
  sampler: option({
    env: "POGO_TRACE_SAMPLER",
    standard: "OTEL_TRACES_SAMPLER",
    parser: oneOf(samplerNames),
    fallback: "parentbased_always_on",
    docs: "Which traces are recorded. `parentbased_…` does as who sent the request: a publisher whose signature is right, or a proxy in `POGO_TRUSTED_PROXIES`; the rest of the name is for traces that begin here.",
  }),
  ratio: option({
    env: "POGO_TRACE_SAMPLER_ARG",
    standard: "OTEL_TRACES_SAMPLER_ARG",
    parser: ratio,
    fallback: 1,
    docs: "The share of traces that `traceidratio` and `parentbased_traceidratio` record, from 0 to 1.",
  }),
} as const;
