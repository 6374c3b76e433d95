/** Traces: which span a request belongs to (W3C Trace Context), and the attributes of each step. */

export interface TraceContext {
  /** 32 hexadecimal digits, not all 0. */
  readonly traceId: string;
  /** 16 hexadecimal digits, not all 0. */
  readonly spanId: string;
  /** Somebody records it. */
  readonly isSampled: boolean;
}

/** From the kind of a span to what is known of it at its end. No field may hold a secret or a person's data. */
export interface SpanFields {
  /** A request that goes on to the app. */
  proxy: { readonly method: string; readonly path: string; readonly status: number };
  /** A request of the HTTP API whose signature is right. */
  api: {
    readonly appId: string;
    readonly method: string;
    readonly route: string;
    readonly status: number;
  };
  /** Its events are given to the broker. */
  broker: { readonly appId: string; readonly events: number; readonly fault: string | null };
  /** They go to the connections of one node, until the last write. */
  fan_out: {
    readonly appId: string;
    readonly channels: number;
    readonly recipients: number;
    /** Of the events' data, once for each recipient. */
    readonly bytes: number;
  };
  /** The app is asked about a subscribe or a signin. */
  authorization: {
    readonly path: string;
    /** Null: there was no answer. */
    readonly status: number | null;
    /** Null: it granted it, or refused it as it may. */
    readonly fault: string | null;
  };
}

export type SpanKind = keyof SpanFields;

export interface Span<K extends SpanKind = SpanKind> {
  /** Carried to whatever happens within it. */
  readonly context: TraceContext;
  /** Begins one within this one. */
  child<C extends SpanKind>(kind: C): Span<C>;
  /** Of several calls the first one counts. MUST NOT throw. */
  end(fields: SpanFields[K]): void;
}

/** Absent where nobody records traces, so that then nothing is made of them. */
export interface Tracer {
  /**
   * @param parent null: a trace begins here.
   * @param startedMs milliseconds of the tracer's clock; left out: now.
   */
  begin<K extends SpanKind>(kind: K, parent: TraceContext | null, startedMs?: number): Span<K>;
}

/** The name of the field, as it is sent. */
export const traceparentField = "traceparent";

/** Null where it is none. Of a later version the fields that this one has are read (W3C Trace Context §3.2.4). */
export function parseTraceparent(text: string | undefined): TraceContext | null {
  const found = /^([\da-f]{2})-([\da-f]{32})-([\da-f]{16})-([\da-f]{2})(-.*)?$/.exec(text ?? "");
  const [, version, traceId = "", spanId = "", flags = "", rest] = found ?? [];
  if (!found || version === "ff" || (version === "00" && rest !== undefined)) return null;
  if (isZero(traceId) || isZero(spanId)) return null;
  return { traceId, spanId, isSampled: (Number.parseInt(flags, 16) & 1) === 1 };
}

export function formatTraceparent({ traceId, spanId, isSampled }: TraceContext): string {
  return `00-${traceId}-${spanId}-0${Number(isSampled)}`;
}

function isZero(digits: string): boolean {
  return /^0*$/.test(digits);
}
