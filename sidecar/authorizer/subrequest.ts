/** One POST to the app and its short answer, within a deadline: the HTTP of the authorization, and none of its rules. */

import { Agent, request as httpRequest, type IncomingMessage } from "node:http";
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
   * Always resolves, never rejects; with `aborted` as soon as `signal` is.
   */
  post(message: Subrequest, signal: AbortSignal): Promise<SubrequestResult>;
  /** Aborts what is under way and closes all connections. */
  close(): void;
}

/** Below the idle timeouts of common upstreams (Node 5 s, nginx 75 s), so that we close a connection before they do. */
const idleConnectionMs = 4_000;

export function createSubrequestClient(options: SubrequestOptions): SubrequestClient {
  const { upstream, deadlineMs, maxAnswerBytes, maxConnections } = options;
  const agent = new Agent({
    keepAlive: true,
    maxSockets: maxConnections,
    timeout: idleConnectionMs,
  });
  const underWay = new Set<AbortController>();
  let isClosed = false;
  const where =
    upstream.kind === "unix"
      ? { socketPath: upstream.socketPath }
      : { host: upstream.host, port: upstream.port };

  async function post(message: Subrequest, signal: AbortSignal): Promise<SubrequestResult> {
    if (isClosed || signal.aborted) return { ok: false, reason: "aborted" };
    const stop = new AbortController();
    const abort = () => stop.abort("aborted");
    const timer = setTimeout(() => stop.abort("timeout"), deadlineMs);
    signal.addEventListener("abort", abort, { once: true });
    underWay.add(stop);

    let status = 0;
    try {
      const response = await send(agent, message, stop.signal);
      status = response.statusCode ?? 0;
      const answer = await readBody(response, maxAnswerBytes);
      return faultOfStatus(status) ?? answer;
    } catch {
      if (stop.signal.reason === "aborted") return { ok: false, reason: "aborted" };
      // A status that says no has said it, even if the rest of the answer never came.
      const reason = stop.signal.aborted ? "timeout" : "dispatch_error";
      return (status !== 0 && faultOfStatus(status)) || { ok: false, reason };
    } finally {
      clearTimeout(timer);
      signal.removeEventListener("abort", abort);
      underWay.delete(stop);
    }
  }

  /**
   * Resolves with the head of the answer. A kept connection that the upstream closes while we write on it is no failure
   * of the upstream: one more try, on a connection of its own. To ask twice is safe, for the app only signs.
   */
  function send(
    agent: Agent | false,
    message: Subrequest,
    stop: AbortSignal,
  ): Promise<IncomingMessage> {
    const { path, headers, body } = message;
    const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
    const request = httpRequest({ ...where, method: "POST", path, agent, headers, signal: stop });
    let bytesBefore = 0;
    request.on("socket", (socket) => (bytesBefore = socket.bytesRead));
    request.on("response", resolve);
    // A 101, which nobody asked for.
    request.on("upgrade", (_response, socket) => {
      socket.destroy();
      reject(new Error("unexpected upgrade"));
    });
    request.on("error", (error: NodeJS.ErrnoException) => {
      const isUnanswered = request.socket?.bytesRead === bytesBefore;
      const isReset = error.code === "ECONNRESET" || error.code === "EPIPE";
      const isStale = request.reusedSocket && isReset && isUnanswered;
      if (isStale) resolve(send(false, message, stop));
      else reject(error);
    });
    // A buffer, for with a string Node would write the header as UTF-8 too.
    request.end(body);
    return promise;
  }

  return {
    post,
    close() {
      isClosed = true;
      for (const stop of underWay) stop.abort("aborted");
      agent.destroy();
    },
  };
}

/** Null for a 200. */
function faultOfStatus(status: number): SubrequestResult | null {
  if (status === 200) return null;
  // No final status (RFC 9110 §15.2): a 101 that upgrades to nothing.
  if (status < 200) return { ok: false, reason: "dispatch_error" };
  return { ok: false, reason: status >= 500 ? "worker_error" : "forbidden" };
}

/** Reads to the end, for then the connection can be kept; leaving early cuts it. */
async function readBody(response: IncomingMessage, maxBytes: number): Promise<SubrequestResult> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of response.iterator()) {
    const buffer: Buffer = chunk;
    bytes += buffer.length;
    if (bytes > maxBytes) return { ok: false, reason: "body_overflow" };
    chunks.push(buffer);
  }
  return { ok: true, body: Buffer.concat(chunks) };
}
