/** What can go wrong between us and the upstream, and what the client is told about it. */

import type { PlainAnswer } from "../http/plain-answer.ts";

/** Also the label of a metric, so the set is closed. */
export type ProxyFault =
  | "connect_failed" // refused, no such socket, name not found
  | "connect_timeout" // no connection within connectTimeoutMs
  | "response_timeout" // no response head within responseTimeoutMs
  | "no_response" // the connection ended before a response
  | "bad_response" // something, but no response that could be relayed
  | "response_cut" // the body broke off: the client's connection ends too, so that it notices
  | "not_sent"; // the request could not be made; a bug

/** How a proxied request or WebSocket handshake ended. */
export interface ProxyOutcome {
  readonly method: string;
  /** As sent to the client; 499: it left before the response was complete. */
  readonly status: number;
  /** Until the response was complete, or the handshake answered. */
  readonly durationMs: number;
  readonly fault?: ProxyFault;
  /** In words, for the log; names upstream addresses, so it is not for clients. */
  readonly cause?: string;
}

/** Status of the log for a client that left (nginx's). */
export const clientGoneStatus = 499;

const badGateway: PlainAnswer = {
  status: 502,
  text:
    "Bad Gateway: the application did not answer.\n" +
    "Its operator should check that it is running; the sidecar's log names the cause.\n",
};

const gatewayTimeout: PlainAnswer = {
  status: 504,
  text:
    "Gateway Timeout: the application did not answer in time.\n" +
    "Its operator should check what it is busy with; the sidecar's log names the cause.\n",
};

/** What a client reads, as long as nothing else was sent to it. */
export const answerTo: Readonly<Record<ProxyFault, PlainAnswer>> = {
  connect_failed: badGateway,
  connect_timeout: gatewayTimeout,
  response_timeout: gatewayTimeout,
  no_response: badGateway,
  bad_response: badGateway,
  response_cut: badGateway,
  not_sent: badGateway,
};

/** The fault behind an error of the request to the upstream, before a response. */
export function faultOf(error: Error): ProxyFault {
  const code = codeOf(error);
  if (code.startsWith("HPE_")) return "bad_response";
  return faultOfCode[code] ?? "no_response";
}

/** `ECONNRESET`, `HPE_INVALID_CONSTANT` …; empty if the error has none. */
export function codeOf(error: Error): string {
  return "code" in error && typeof error.code === "string" ? error.code : "";
}

const faultOfCode: Readonly<Record<string, ProxyFault>> = {
  EACCES: "connect_failed",
  EADDRNOTAVAIL: "connect_failed",
  EAI_AGAIN: "connect_failed",
  ECONNREFUSED: "connect_failed",
  EHOSTUNREACH: "connect_failed",
  EMFILE: "connect_failed",
  ENETUNREACH: "connect_failed",
  ENOENT: "connect_failed",
  ENOTFOUND: "connect_failed",
  ENOTSOCK: "connect_failed",
  ECONNECT_TIMEOUT: "connect_timeout", // http-proxy-3's
  ETIMEDOUT: "connect_timeout",
};
