/**
 * One POST to another server, limited in time, connections and bytes of the answer; it knows HTTP and no application
 * rules.
 */

import type { Agent, ClientRequest, IncomingMessage, RequestOptions } from "node:http";
import { Agent as HttpsAgent, request as httpsRequest } from "node:https";
import { readBody } from "./body.ts";
import type { RawHeaders } from "./headers.ts";
import { Agent as HttpAgent, request as httpRequest } from "./node-http.ts";
import { isStale, keptIdleMs } from "./stale.ts";
import type { Timers } from "./timers.ts";
import { errorCode } from "./error-code.ts";

export interface PostClientOptions {
  readonly isSecure: boolean;
  /** For `http.request`: host and port or `socketPath`; the path too, where each message has the same. */
  readonly target: RequestOptions;
  /** For all of it: connecting, the repetition, the last byte of the answer. */
  readonly deadlineMs: number;
  /** Connections at a time; what is over it waits for one, within its deadline. */
  readonly maxConnections: number;
  /** Bytes of an answer's body; of a longer one nothing is kept, and the rest is not read. */
  readonly maxAnswerBytes: number;
  readonly timers: Timers;
}

export interface PostMessage {
  /** With its query; absent: the target's. */
  readonly path?: string;
  /** By name, or names and values in turn: then with Host and Content-Length. Values are latin1. */
  readonly headers: Readonly<Record<string, string>> | readonly string[];
  readonly body: Buffer;
}

export type PostResult =
  /** An answer's head came; any final status. */
  | {
      readonly ok: true;
      readonly status: number;
      readonly rawHeaders: RawHeaders;
      readonly body: AnswerBody;
    }
  | { readonly ok: false; readonly fault: PostFault };

export type AnswerBody =
  | { readonly kind: "whole"; readonly bytes: Buffer }
  | { readonly kind: "too_long" }
  | { readonly kind: "cut"; readonly fault: PostFault };

export type PostFault =
  | { readonly kind: "timeout" }
  /** By `signal`, or by `close`. */
  | { readonly kind: "aborted" }
  /** `code` is Node's: `ECONNREFUSED`, `ENOTFOUND`, `CERT_HAS_EXPIRED`, `HPE_HEADER_OVERFLOW`, … */
  | { readonly kind: "connection"; readonly code: string };

export interface PostClient {
  /** Always resolves, never rejects; as soon as `signal` is aborted, or the deadline has passed. Redirects are not followed. */
  post(message: PostMessage, signal?: AbortSignal): Promise<PostResult>;
  /** Aborts what is under way and closes all connections. */
  close(): void;
}

export function createPostClient(options: PostClientOptions): PostClient {
  const { isSecure, target, deadlineMs, maxConnections, maxAnswerBytes, timers } = options;
  const agentOptions = {
    keepAlive: true,
    maxSockets: maxConnections,
    timeout: keptIdleMs,
  };
  const agent = isSecure ? new HttpsAgent(agentOptions) : new HttpAgent(agentOptions);
  const request = isSecure ? httpsRequest : httpRequest;
  const underWay = new Set<AbortController>();
  let isClosed = false;

  async function post(message: PostMessage, signal?: AbortSignal): Promise<PostResult> {
    if (isClosed || signal?.aborted) return { ok: false, fault: { kind: "aborted" } };
    const stop = new AbortController();
    const abort = () => stop.abort("aborted");
    const cancelDeadline = timers.setTimeout(() => stop.abort("timeout"), deadlineMs);
    signal?.addEventListener("abort", abort, { once: true });
    underWay.add(stop);
    try {
      const response = await send(message, stop.signal, agent);
      return await readAnswer(response, stop.signal);
    } catch (error) {
      return { ok: false, fault: faultOf(stop.signal, error) };
    } finally {
      cancelDeadline();
      signal?.removeEventListener("abort", abort);
      underWay.delete(stop);
    }
  }

  /** Resolves with the head of the answer. What met a stale connection is sent again, on a connection of its own. */
  function send(
    message: PostMessage,
    stop: AbortSignal,
    from: Agent | false,
  ): Promise<IncomingMessage> {
    const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
    const { body, ...fields } = message;
    const sent = request({ ...target, ...fields, method: "POST", agent: from, signal: stop });
    const isStale = watchStaleness(sent);
    sent.on("response", resolve);
    // A 101, which nobody asked for.
    sent.on("upgrade", (_response, socket) => {
      socket.destroy();
      reject(new Error("unexpected upgrade"));
    });
    sent.on("error", (error) => {
      if (isStale(error)) resolve(send(message, stop, false));
      else reject(error);
    });
    // A buffer, for with a string Node would write the header as UTF-8 too.
    sent.end(body);
    return promise;
  }

  /** To the end, for then the connection can be kept. */
  async function readAnswer(response: IncomingMessage, stop: AbortSignal): Promise<PostResult> {
    const { statusCode: status = 0, rawHeaders } = response;
    const body = await readBody(response, { maxBytes: maxAnswerBytes, deadline: null });
    if (body.kind === "whole") return { ok: true, status, rawHeaders, body };
    response.destroy();
    const end: AnswerBody =
      body.kind === "too_long"
        ? { kind: "too_long" }
        : { kind: "cut", fault: faultOf(stop, response.errored) };
    return { ok: true, status, rawHeaders, body: end };
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

/** Answers, of an error of `request`, what `isStale` does. To be called right after the request was made. */
function watchStaleness(request: ClientRequest): (error: Error) => boolean {
  let bytesBefore = 0;
  request.on("socket", (socket) => (bytesBefore = socket.bytesRead));
  return (error) =>
    isStale({
      isReused: request.reusedSocket,
      isAnswered: request.socket?.bytesRead !== bytesBefore,
      code: errorCode(error) ?? "unknown",
    });
}

function faultOf(stop: AbortSignal, error: unknown): PostFault {
  if (!stop.aborted) return { kind: "connection", code: errorCode(error) ?? "unknown" };
  return { kind: stop.reason === "timeout" ? "timeout" : "aborted" };
}
