/** One POST to the app and its short answer, reduced to an outcome for the authorizer. */

import type { AuthorizationFault } from "../core/ports.ts";
import type { Tracer } from "../core/trace.ts";
import { createPostClient, type PostFault, type PostResult } from "../http/client.ts";
import { valuesOf, type RawHeaders } from "../http/headers.ts";
import { systemTimers } from "../http/timers.ts";
import { withTrace } from "../http/trace-fields.ts";
import { toRequestOptions, type UpstreamAddress } from "../http/upstream-address.ts";

export interface SubrequestOptions {
  readonly upstream: UpstreamAddress;
  /** For all of it: connecting, the retry, the last byte of the answer. */
  readonly deadlineMs: number;
  /** Bytes of an answer's body; of a longer one nothing is kept. */
  readonly maxAnswerBytes: number;
  /** Bytes of an answer's status line and header. */
  readonly maxHeadBytes: number;
  /** Connections to the upstream; the caller bounds its calls to as many. */
  readonly maxConnections: number;
  /** Null: no traces are recorded. */
  readonly tracer: Tracer | null;
}

export type SubrequestResult =
  | { readonly ok: true; readonly status: 200; readonly body: Buffer }
  | {
      readonly ok: false;
      readonly reason: AuthorizationFault;
      /** Null: there was no answer. */
      readonly status: number | null;
      /** What the app asked for by Retry-After (RFC 9110 §10.2.3), else 0. */
      readonly retryAfterMs: number;
    };

export interface Subrequest {
  /** With its query. */
  readonly path: string;
  /** Names and values in turn, with Host and Content-Length; values latin1. */
  readonly headers: readonly string[];
  readonly body: Buffer;
}

export interface SubrequestClient {
  /** Always resolves, never rejects. To ask twice is safe, for the app only signs. */
  post(message: Subrequest): Promise<SubrequestResult>;
  /** Aborts what is under way and closes all connections. */
  close(): void;
}

export function createSubrequestClient(options: SubrequestOptions): SubrequestClient {
  const { upstream, maxHeadBytes: maxHeaderSize, tracer, ...limits } = options;
  const target = { ...toRequestOptions(upstream), maxHeaderSize };
  const client = createPostClient({ isSecure: false, target, timers: systemTimers, ...limits });
  const post = async (message: Subrequest) => read(await client.post(message));

  /** A trace begins here: what the handshake said of its own, long ago, is not what this is a part of. */
  async function postTraced(message: Subrequest, tracer: Tracer): Promise<SubrequestResult> {
    const span = tracer.begin("authorization", null);
    const headers = withTrace(message.headers, span.context, { isContinued: false });
    const result = await post({ ...message, headers });
    const fault = result.ok || isNo(result) ? null : result.reason;
    span.end({ path: message.path, status: result.status, fault });
    return result;
  }

  return {
    post: tracer ? (message) => postTraced(message, tracer) : post,
    close: () => client.close(),
  };
}

/** What the app may answer, and no fault of anybody. */
function isNo({ status }: { readonly status: number | null }): boolean {
  return status === 401 || status === 403;
}

/** A status that says no has said it, even if the rest of the answer never came. */
function read(result: PostResult): SubrequestResult {
  if (!result.ok) return failed(reasonOf(result.fault), null);
  const { status, rawHeaders, body } = result;
  if (body.kind === "cut" && body.fault.kind === "aborted") return failed("aborted", status);
  if (status !== 200) return failed(reasonOfStatus(status), status, retryAfterMs(rawHeaders));
  switch (body.kind) {
    case "whole":
      return { ok: true, status, body: body.bytes };
    case "too_long":
      return failed("body_overflow", status);
    case "cut":
      return failed(reasonOf(body.fault), status);
  }
}

function failed(
  reason: AuthorizationFault,
  status: number | null,
  retryAfterMs = 0,
): SubrequestResult {
  return { ok: false, reason, status, retryAfterMs };
}

function reasonOf(fault: PostFault): AuthorizationFault {
  if (fault.kind !== "connection") return fault.kind;
  const { code } = fault;
  if (code === "HPE_HEADER_OVERFLOW") return "head_overflow";
  // An upgrade that nobody asked for has no code.
  if (code.startsWith("HPE_") || code === "unknown") return "unreadable_answer";
  return unreachable.has(code) ? "dispatch_error" : "connection_reset";
}

/** There is no connection to be had, whatever is asked. */
const unreachable: ReadonlySet<string> = new Set([
  "EACCES",
  "EAI_AGAIN",
  "ECONNREFUSED",
  "EHOSTUNREACH",
  "ENETUNREACH",
  "ENOENT",
  "ENOTFOUND",
]);

function reasonOfStatus(status: number): AuthorizationFault {
  const known = statuses.get(status);
  if (known !== undefined) return known;
  if (status >= 500) return "worker_error";
  return status >= 300 && status < 400 ? "redirected" : "unexpected_status";
}

const statuses: ReadonlyMap<number, AuthorizationFault> = new Map([
  [401, "forbidden"],
  [403, "forbidden"],
  [404, "route_not_found"],
  [405, "method_not_allowed"],
  // Laravel's own, for want of a CSRF token.
  [419, "csrf_token_mismatch"],
  [429, "too_many_requests"],
  [502, "service_unavailable"],
  [503, "service_unavailable"],
  [504, "service_unavailable"],
]);

/** Seconds, or a date, which is compared with the answer's own. */
function retryAfterMs(rawHeaders: RawHeaders): number {
  const [value = ""] = valuesOf(rawHeaders, "retry-after");
  if (/^\d{1,9}$/.test(value)) return Number(value) * 1_000;
  const [date = ""] = valuesOf(rawHeaders, "date");
  const differenceMs = Date.parse(value) - Date.parse(date);
  return differenceMs > 0 ? differenceMs : 0;
}
