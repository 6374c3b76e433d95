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
    docs: "Where traces go: the base URL of a collector that takes OTLP over HTTP with JSON, such as `http://collector:4318`; `/v1/traces` is added. Without it no traces are recorded, and the `traceparent` of a request goes to the app unchanged.",
  }),
  headers: option({
    env: "POGO_TRACE_HEADERS",
    standard: "OTEL_EXPORTER_OTLP_HEADERS",
    parser: optional(collectorHeaders),
    fallback: null,
    fallbackText: "none",
    secret: true,
    docs: "Header fields for the collector, such as a token: `authorization=Bearer%20…`, separated by commas, values percent-encoded.",
  }),
  serviceName: option({
    env: "POGO_TRACE_SERVICE_NAME",
    standard: "OTEL_SERVICE_NAME",
    parser: serviceName,
    fallback: "pogo-sidecar",
    docs: "Service name of the sidecar in traces. If the app is traced too and reads the same `.env`, give each its own.",
  }),
  sampler: option({
    env: "POGO_TRACE_SAMPLER",
    standard: "OTEL_TRACES_SAMPLER",
    parser: oneOf(samplerNames),
    fallback: "parentbased_always_on",
    docs: "Which traces are recorded. `parentbased_…` follows the decision of the sender: a publisher with a valid signature, or a proxy in `POGO_TRUSTED_PROXIES`; the rest of the name applies to traces that begin here.",
  }),
  ratio: option({
    env: "POGO_TRACE_SAMPLER_ARG",
    standard: "OTEL_TRACES_SAMPLER_ARG",
    parser: ratio,
    fallback: 1,
    docs: "Share of traces that `traceidratio` and `parentbased_traceidratio` record, from 0 to 1.",
  }),
} as const;
