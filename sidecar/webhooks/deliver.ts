/** One POST to an endpoint, and whether it was taken: the HTTP of the webhooks, and none of their rules. */

import { Agent as HttpAgent, request as httpRequest, type IncomingMessage } from "node:http";
import { Agent as HttpsAgent, request as httpsRequest } from "node:https";
import type { Clock } from "./clock.ts";
import type { WebhookTarget } from "./target.ts";

export type Delivery =
  | { readonly ok: true; readonly status: number }
  | { readonly ok: false; readonly fault: DeliveryFault };

/** Why an attempt failed. `code` is Node's: `ECONNREFUSED`, `ENOTFOUND`, `CERT_HAS_EXPIRED`, … */
export type DeliveryFault =
  | { readonly kind: "status"; readonly status: number } // none of 2xx; redirects are not followed
  | { readonly kind: "timeout" }
  | { readonly kind: "connection"; readonly code: string };

export interface Courier {
  /**
   * Always resolves, never rejects, within `timeoutMs`. The status decides; of the body that follows some is read, so
   * that the connection can be kept, and nothing is kept. One call at a time.
   */
  post(body: Buffer, headers: Readonly<Record<string, string>>): Promise<Delivery>;
  /** Cuts what is under way, and all connections. */
  close(): void;
}

export interface CourierOptions {
  readonly target: WebhookTarget;
  /** For all of it: connecting, sending, the last byte of the answer. */
  readonly timeoutMs: number;
  readonly clock: Clock;
}

/** Below the idle timeouts of common servers (Node 5 s, Apache 5 s), so that we close a connection before they do. */
const idleConnectionMs = 4_000;
/** A longer answer costs its connection. */
const maxAnswerBytes = 65_536;

export function createCourier({ target, timeoutMs, clock }: CourierOptions): Courier {
  const agentOptions = { keepAlive: true, maxSockets: 1, timeout: idleConnectionMs };
  const agent = target.isSecure ? new HttpsAgent(agentOptions) : new HttpAgent(agentOptions);
  const request = target.isSecure ? httpsRequest : httpRequest;
  let underWay: AbortController | null = null;

  async function post(body: Buffer, headers: Record<string, string>): Promise<Delivery> {
    const stop = new AbortController();
    underWay = stop;
    const cancelTimeout = clock.setTimeout(() => stop.abort(), timeoutMs);
    try {
      const response = await send(body, headers, stop.signal, agent);
      const status = response.statusCode ?? 0;
      await discardBody(response);
      if (status >= 200 && status < 300) return { ok: true, status };
      return { ok: false, fault: { kind: "status", status } };
    } catch (error) {
      if (stop.signal.aborted) return { ok: false, fault: { kind: "timeout" } };
      return { ok: false, fault: { kind: "connection", code: codeOf(error) } };
    } finally {
      cancelTimeout();
      underWay = null;
    }
  }

  /**
   * Resolves with the head of the answer. A kept connection that the other side closed while we wrote on it is no fault
   * of the endpoint: one more try, on a connection of its own. It may hear a batch twice, as with any retry.
   */
  function send(
    body: Buffer,
    headers: Record<string, string>,
    signal: AbortSignal,
    from: HttpAgent | false,
  ): Promise<IncomingMessage> {
    const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
    const post = request({ ...target.request, method: "POST", headers, agent: from, signal });
    post.on("response", resolve);
    // A 101, which nobody asked for.
    post.on("upgrade", (_response, socket) => {
      socket.destroy();
      reject(new Error("unexpected upgrade"));
    });
    post.on("error", (error) => {
      const isReset = ["ECONNRESET", "EPIPE"].includes(codeOf(error));
      if (from && post.reusedSocket && isReset) resolve(send(body, headers, signal, false));
      else reject(error);
    });
    post.end(body);
    return promise;
  }

  return {
    post,
    close() {
      underWay?.abort();
      agent.destroy();
    },
  };
}

/** Resolves however the body ends: whole, cut by the other side, by the timeout, or by us for being too long. */
function discardBody(response: IncomingMessage): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  let bytes = 0;
  response.on("data", (chunk: Buffer) => {
    bytes += chunk.length;
    if (bytes > maxAnswerBytes) response.destroy();
  });
  // The status was said; what breaks afterwards changes nothing.
  response.on("error", () => resolve());
  response.on("close", () => resolve());
  return promise;
}

function codeOf(error: unknown): string {
  if (!(error instanceof Error) || !("code" in error)) return "unknown";
  return typeof error.code === "string" ? error.code : "unknown";
}
