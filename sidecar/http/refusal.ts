/**
 * Refusals of malformed or excessive requests, before anybody looks at what they ask for: the reason and the answer.
 */

import type { RequestRefusal } from "../core/report/proxy.ts";
import type { PlainAnswer } from "./plain-answer.ts";
import type { ErrorPage } from "./error-page.ts";

export interface Refusal {
  readonly status: 400 | 405 | 408 | 413 | 417 | 431 | 501 | 503 | 505;
  readonly reason: RequestRefusal;
  /** For the client. */
  readonly text: string;
  /** The Allow field, which a 405 must have (RFC 9110 §15.5.6). */
  readonly allow?: string;
}

/** Every one there is; `docs/errors.md` is made of them. */
export const refusals = {
  malformed: { status: 400, reason: "malformed", text: "Bad Request" },
  tls: { status: 400, reason: "tls", text: "Bad Request" },
  chunkExtensions: { status: 413, reason: "malformed", text: "Content Too Large" },
  headTooLarge: { status: 431, reason: "head_too_large", text: "Request Header Fields Too Large" },
  timeout: { status: 408, reason: "timeout", text: "Request Timeout" },
  version: { status: 505, reason: "version", text: "HTTP/1.1 or HTTP/1.0 is required." },
  unknownMethod: { status: 501, reason: "method", text: "Not Implemented" },
  method: {
    status: 405,
    reason: "method",
    text: "Method not allowed.",
    allow: "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS",
  },
  target: { status: 400, reason: "target", text: "Malformed request target." },
  // The guard says which.
  duplicateField: { status: 400, reason: "duplicate_field", text: "Duplicate field." },
  host: { status: 400, reason: "host", text: "Missing or malformed host field." },
  contentLength: { status: 400, reason: "framing", text: "Malformed content-length field." },
  framing: { status: 400, reason: "framing", text: "Malformed framing of the body." },
  transferCoding: { status: 501, reason: "framing", text: "Unknown transfer coding." },
  expectation: { status: 417, reason: "expectation", text: "Unsupported expectation." },
  handshake: {
    status: 400,
    reason: "handshake",
    text: "A WebSocket handshake is a GET without a body.",
  },
  pipelining: { status: 503, reason: "pipelining", text: "Too many pipelined requests." },
} as const satisfies Record<string, Refusal>;

/** What the client reads; its connection closes after it. */
export function answerTo({ status, text, allow }: Refusal): PlainAnswer {
  return {
    status,
    text: `${text}\n`,
    headers: { ...(allow !== undefined && { Allow: allow }), Connection: "close" },
  };
}

/** A request where an app's WebSockets are, without an Upgrade (RFC 9110 §15.5.22). */
export const upgradeRequired: ErrorPage = {
  status: 426,
  title: "this is a WebSocket endpoint",
  text: 'Laravel Echo and other Pusher clients connect here. If one of them gets this answer, a proxy in front has taken its Upgrade off: it must speak HTTP/1.1 to the sidecar and pass Upgrade and Connection on. nginx: proxy_http_version 1.1; proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection "upgrade"; Apache: upgrade=websocket behind the URL of ProxyPass. Caddy and Traefik do so by themselves.',
  headers: { Upgrade: "websocket", Connection: "Upgrade, close" },
};

export const apiElsewhere = {
  status: 404,
  text: "The HTTP API is served on its Unix socket only (POGO_API_ONLY_ON_SOCKET).",
};
