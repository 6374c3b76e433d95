/** How many connections one client IP may have open, whatever it does with them. */

import type { Server } from "node:http";
import type { Handshake } from "../core/ports.ts";
import { normaliseIp } from "./ip-address.ts";
import { peerAt } from "./peer.ts";
import { visitorOf } from "./visitor.ts";

export interface ConnectionLimitOptions {
  /** Of one client IP; null: no limit. */
  readonly maxTcpConnectionsPerIp: number | null;
  /** Whether the connections of this peer are those of many clients. */
  readonly isTrustedPeer: (peer: Handshake) => boolean;
}

/**
 * Ends a connection beyond the limit at once, unread: who it is for may not be known before its first request, so that
 * peers that speak for others are not limited. Nor is a Unix socket. The peers of `server` MUST be recorded before.
 */
export function limitConnections(
  server: Server,
  { maxTcpConnectionsPerIp: max, isTrustedPeer }: ConnectionLimitOptions,
  onRefused: (limit: number) => void,
): void {
  if (max === null) return;
  /** Open ones by visitor. */
  const counts = new Map<string, number>();
  server.on("connection", (socket) => {
    const peer = peerAt(socket);
    const address = normaliseIp(peer?.remoteAddress ?? "");
    if (!peer || address === undefined || isTrustedPeer(peer)) return;
    const visitor = visitorOf(address);
    const count = counts.get(visitor) ?? 0;
    if (count >= max) {
      socket.destroy();
      return onRefused(max);
    }
    counts.set(visitor, count + 1);
    socket.once("close", () => {
      const left = (counts.get(visitor) ?? 1) - 1;
      if (left === 0) counts.delete(visitor);
      else counts.set(visitor, left);
    });
  });
}
