/** How a handshake is refused: in HTTP where that is cheaper, else in the protocol, so that clients learn why. */

import { errors, type ProtocolError } from "../core/errors.ts";
import type { ErrorData } from "../core/dialect.ts";
import { errorFrame } from "../core/error-frames.ts";
import type { HandshakeRefusal } from "../core/report/websocket.ts";
import type { PlainAnswer } from "../http/plain-answer.ts";
import type { SocketTransport } from "./transport.ts";

export interface Refusal {
  readonly reason: HandshakeRefusal;
  readonly error: ProtocolError & { readonly closeCode: number };
}

export const refusals = {
  unknown_key: { reason: "unknown_key", error: errors.applicationDoesNotExist },
  over_capacity: { reason: "over_capacity", error: errors.overCapacity },
  over_quota: { reason: "over_quota", error: errors.overConnectionQuota },
  origin: { reason: "origin", error: errors.originNotAllowed },
} as const satisfies Record<string, Refusal>;

/** Answered in HTTP, before a handshake is spent on them; pusher-js tries again by itself. */
export const httpRefusals = {
  draining: httpRefusal(503, "Server is shutting down."),
  rate_limit: httpRefusal(429, "Too many connection attempts."),
  connections_per_ip: httpRefusal(429, "Too many connections from this address."),
};

function httpRefusal(status: number, text: string): PlainAnswer {
  return { status, text, headers: { "Retry-After": "1" } };
}

/** In the protocol, once the socket is open; what the client sends meanwhile is nobody's. */
export function refuse(
  transport: SocketTransport,
  error: ProtocolError & { closeCode: number },
  errorData: ErrorData,
): void {
  transport.listen({ onReceived() {}, onMessage() {}, onLongMessage() {}, onClosed() {} });
  transport.send(errorFrame(error, errorData), "prepared");
  transport.close(error.closeCode, error.message);
}
