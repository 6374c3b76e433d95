/** How many connections one client IP may have open, whatever they are used for. */

import type { Server } from "node:http";
import type { Handshake } from "../core/ports.ts";
import { peerAt } from "./peer.ts";
import { SocketCounts } from "./socket-counts.ts";
import { visitorAt } from "./visitor.ts";

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
  const counts = new SocketCounts(max);
  server.on("connection", (socket) => {
    const peer = peerAt(socket);
    const visitor = visitorAt(socket);
    if (!peer || visitor === undefined || isTrustedPeer(peer)) return;
    if (counts.admit(visitor, socket)) return;
    socket.destroy();
    onRefused(max);
  });
}
