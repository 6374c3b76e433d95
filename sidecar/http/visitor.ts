/** Whom a limit counts: a visitor is one client IP (for IPv6, one /64). */

import type { Duplex } from "node:stream";
import { normaliseIp } from "./ip-address.ts";
import { peerAt } from "./peer.ts";

/**
 * The key under which a client's costs are counted; `clientIp` as `Forwarding.clientIp` gives it. Whoever has one IPv6
 * address has all of its /64 (RFC 4291 §2.5.1), and could come from another one every time.
 */
export function visitorOf(clientIp: string): string {
  if (!clientIp.includes(":")) return clientIp;
  const [left = [], right = []] = clientIp
    .split("::")
    .map((half) => half.split(":").filter((group) => group !== ""));
  const zeros = Array.from({ length: Math.max(0, 8 - left.length - right.length) }, () => "0");
  return [...left, ...zeros, ...right].slice(0, 4).join(":");
}

/** Who is at the other end of a connection, be it for others; undefined: a Unix socket, or nobody has recorded it. */
export function visitorAt(socket: Duplex): string | undefined {
  const address = normaliseIp(peerAt(socket)?.remoteAddress ?? "");
  return address === undefined ? undefined : visitorOf(address);
}
