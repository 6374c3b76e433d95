/**
 * How many WebSocket handshakes and connections one visitor may have, including those that pass through to the app. A
 * handshake over the rate waits for its turn, since a refused one costs a browser 15 s.
 */

import type { Duplex } from "node:stream";
import { LRUCache } from "lru-cache";
import type { Rate } from "../core/app.ts";
import type { Handshake } from "../core/ports.ts";
import type { Report } from "../core/report.ts";
import { peerOf } from "../http/peer.ts";
import type { RequestContext } from "../http/request-context.ts";
import { SocketCounts } from "../http/socket-counts.ts";
import { visitorOf } from "../http/visitor.ts";
import { httpRefusals } from "./refusals.ts";

export interface HandshakeLimitOptions {
  readonly handshakeRate: Rate;
  /** Maximum open connections of one visitor; null: no limit. */
  readonly maxConnectionsPerIp: number | null;
  readonly clientIp: (handshake: Handshake) => string;
  readonly report: Report;
  /** Milliseconds of a clock that never goes back. */
  readonly now: () => number;
  readonly schedule: (run: () => void, delayMs: number) => void;
  /** Maximum number of handshakes that wait, over all visitors. */
  readonly maxWaiting?: number;
}

/**
 * Calls `go` when it is the handshake's turn: at once within the rate, later beyond it. A refused handshake is answered
 * here, and a client that left meanwhile loses its turn.
 */
export type AdmitHandshake = (context: RequestContext, socket: Duplex, go: () => void) => void;

/** How long a handshake may wait; pusher-js gives up after 10 s. */
const maxWaitMs = 5_000;
/** Bounds the memory; beyond it the visitor who came longest ago is forgotten. */
const maxVisitors = 50_000;

export function createHandshakeLimit(options: HandshakeLimitOptions): AdmitHandshake {
  const { handshakeRate, maxConnectionsPerIp, report, now, schedule, maxWaiting = 2_000 } = options;
  /** Until when the rate of each visitor is used up (a leaky bucket as a meter: ITU-T I.371, the GCRA). */
  const usedUntilMs = new LRUCache<string, number>({ max: maxVisitors });
  const counts = maxConnectionsPerIp === null ? null : new SocketCounts(maxConnectionsPerIp);
  let waiting = 0;

  /** How long a handshake has to wait; null: too long. */
  function reserve(visitor: string): number | null {
    const nowMs = now();
    const intervalMs = 1_000 / handshakeRate.perSecond;
    const untilMs = Math.max(usedUntilMs.get(visitor) ?? 0, nowMs) + intervalMs;
    const waitMs = untilMs - handshakeRate.burst * intervalMs - nowMs;
    if (waitMs > maxWaitMs || (waitMs > 0 && waiting >= maxWaiting)) return null;
    usedUntilMs.set(visitor, untilMs);
    return Math.max(0, waitMs);
  }

  function refuse(
    context: RequestContext,
    socket: Duplex,
    reason: "rate_limit" | "connections_per_ip",
  ): void {
    report({ kind: "handshake_refused", appId: null, reason, sent: null });
    context.refuse(socket, httpRefusals[reason]);
  }

  return (context, socket, go) => {
    const visitor = visitorOf(options.clientIp(peerOf(context.req)));
    const waitMs = reserve(visitor);
    if (waitMs === null) return refuse(context, socket, "rate_limit");
    const proceed = (): void => {
      if (socket.destroyed) return;
      const isAdmitted = counts?.admit(visitor, socket) ?? true;
      if (!isAdmitted) return refuse(context, socket, "connections_per_ip");
      go();
    };
    if (waitMs === 0) return proceed();
    waiting += 1;
    schedule(() => {
      waiting -= 1;
      proceed();
    }, waitMs);
  };
}
