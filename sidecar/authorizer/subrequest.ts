/** One POST to the app and its short answer, as the authorization sees it: what came of it. */

import { createPostClient, type PostFault, type PostResult } from "../http/client.ts";
import { systemTimers } from "../http/timers.ts";
import type { UpstreamAddress } from "../http/upstream-address.ts";

export interface SubrequestOptions {
  readonly upstream: UpstreamAddress;
  /** For all of it: connecting, the retry, the last byte of the answer. */
  readonly deadlineMs: number;
  /** Bytes of an answer's body; of a longer one nothing is kept. */
  readonly maxAnswerBytes: number;
  /** Connections to the upstream; the caller bounds its calls to as many. */
  readonly maxConnections: number;
}

/** What came of it. The reasons are those of `AuthorizationFault`. */
export type SubrequestResult =
  | { readonly ok: true; readonly body: Buffer }
  | { readonly ok: false; readonly reason: SubrequestFault };

export type SubrequestFault =
  | "forbidden" // another status than 200 below 500; redirects are not followed
  | "worker_error" // status 500 and above
  | "body_overflow"
  | "timeout"
  | "dispatch_error"
  | "aborted";

export interface Subrequest {
  /** With its query. */
  readonly path: string;
  /** Names and values in turn, with Host and Content-Length; values latin1. */
  readonly headers: readonly string[];
  readonly body: Buffer;
}

export interface SubrequestClient {
  /**
   * Always resolves, never rejects; with `aborted` as soon as `signal` is. To ask twice is safe, for the app only signs.
   */
  post(message: Subrequest, signal: AbortSignal): Promise<SubrequestResult>;
  /** Aborts what is under way and closes all connections. */
  close(): void;
}

export function createSubrequestClient(options: SubrequestOptions): SubrequestClient {
  const { upstream, ...limits } = options;
  const target =
    upstream.kind === "unix"
      ? { socketPath: upstream.socketPath }
      : { host: upstream.host, port: upstream.port };
  const client = createPostClient({ isSecure: false, target, timers: systemTimers, ...limits });
  return {
    post: async (message, signal) => judge(await client.post(message, signal)),
    close: () => client.close(),
  };
}

/** A status that says no has said it, even if the rest of the answer never came. */
function judge(result: PostResult): SubrequestResult {
  if (!result.ok) return { ok: false, reason: reasons[result.fault.kind] };
  const { status, body } = result;
  if (body.kind === "cut" && body.fault.kind === "aborted") return { ok: false, reason: "aborted" };
  // No final status (RFC 9110 §15.2): a 101 that upgrades to nothing.
  if (status < 200) return { ok: false, reason: "dispatch_error" };
  if (status !== 200) return { ok: false, reason: status >= 500 ? "worker_error" : "forbidden" };
  switch (body.kind) {
    case "whole":
      return { ok: true, body: body.bytes };
    case "too_long":
      return { ok: false, reason: "body_overflow" };
    case "cut":
      return { ok: false, reason: reasons[body.fault.kind] };
  }
}

const reasons: Readonly<Record<PostFault["kind"], SubrequestFault>> = {
  timeout: "timeout",
  aborted: "aborted",
  connection: "dispatch_error",
};
