/** What can go wrong between us and the upstream, and what the client is told about it. */

import type { Report, SidecarEvent } from "../core/report.ts";
import type { ProxyFault } from "../core/report/proxy.ts";
import type { PlainAnswer } from "../http/plain-answer.ts";

export type Failure = Pick<SidecarEvent<"proxy_failed">, "fault" | "cause">;

/** Reports how a proxied request or WebSocket handshake ended. */
export function reportEnd(
  report: Report,
  {
    failure,
    ...end
  }: Omit<SidecarEvent<"proxy_finished">, "kind"> & { failure?: Failure | undefined },
): void {
  const { method, status } = end;
  report({ kind: "proxy_finished", ...end });
  if (failure) report({ kind: "proxy_failed", method, status, ...failure });
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
