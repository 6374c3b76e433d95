/** A collector of traces: takes OTLP over HTTP with JSON, and keeps what came. */

import {
  createServer,
  type IncomingHttpHeaders,
  type IncomingMessage,
  type ServerResponse,
} from "node:http";
import { text } from "node:stream/consumers";
import { until } from "../../sidecar/testing/eventually.ts";
import { listen, type Cleanup } from "../../sidecar/testing/raw-http.ts";

export interface Span {
  readonly service: string;
  readonly traceId: string;
  readonly spanId: string;
  /** Empty: the trace begins with it. */
  readonly parentSpanId: string;
  readonly name: string;
  readonly kind: number;
  readonly attributes: Readonly<Record<string, unknown>>;
  readonly isError: boolean;
  readonly startNs: bigint;
  readonly endNs: bigint;
}

export interface Collector {
  readonly url: string;
  readonly spans: readonly Span[];
  readonly requests: readonly { readonly path: string; readonly headers: IncomingHttpHeaders }[];
  /** What it answers from now on, in place of 200. */
  answer(status: number): void;
  /** Waits for the span of this name. */
  span(name: string): Promise<Span>;
}

export async function startCollector(test: Cleanup): Promise<Collector> {
  const spans: Span[] = [];
  const requests: { path: string; headers: IncomingHttpHeaders }[] = [];
  let status = 200;
  async function take(req: IncomingMessage, res: ServerResponse): Promise<void> {
    const body = await text(req);
    requests.push({ path: req.url ?? "", headers: req.headers });
    if (status === 200) spans.push(...parseSpans(JSON.parse(body)));
    res.writeHead(status, { "Content-Type": "application/json" }).end("{}");
  }

  const server = createServer((req, res) => void take(req, res));
  const port = await listen(test, server);
  return {
    url: `http://127.0.0.1:${port}`,
    spans,
    requests,
    answer: (next) => void (status = next),
    span: (name) => until(`the span ${name}`, () => spans.find((span) => span.name === name)),
  };
}

/** As opentelemetry-proto has an ExportTraceServiceRequest. */
interface Exported {
  readonly resourceSpans: readonly {
    readonly resource: { readonly attributes: Attributes };
    readonly scopeSpans: readonly { readonly spans: readonly ExportedSpan[] }[];
  }[];
}

interface ExportedSpan {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId?: string;
  readonly name: string;
  readonly kind: number;
  readonly startTimeUnixNano: string;
  readonly endTimeUnixNano: string;
  readonly attributes: Attributes;
  readonly status?: { readonly code: number };
}

type Attributes = readonly {
  readonly key: string;
  readonly value: { readonly stringValue?: string; readonly intValue?: string };
}[];

function parseSpans(exported: Exported): Span[] {
  return exported.resourceSpans.flatMap(({ resource, scopeSpans }) => {
    const service = String(read(resource.attributes)["service.name"]);
    return scopeSpans.flatMap(({ spans }) => spans.map((span) => parseSpan(service, span)));
  });
}

function parseSpan(service: string, span: ExportedSpan): Span {
  const { traceId, spanId, parentSpanId = "", name, kind, status } = span;
  return {
    service,
    traceId,
    spanId,
    parentSpanId,
    name,
    kind,
    attributes: read(span.attributes),
    isError: status?.code === 2,
    startNs: BigInt(span.startTimeUnixNano),
    endNs: BigInt(span.endTimeUnixNano),
  };
}

function read(attributes: Attributes): Record<string, unknown> {
  return Object.fromEntries(
    attributes.map(({ key, value }) => [key, value.stringValue ?? Number(value.intValue)]),
  );
}
