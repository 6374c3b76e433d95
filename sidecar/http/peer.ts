/** Where a connection came from: asked once, when it is accepted, since the kernel may no longer know later. */

import type { IncomingMessage, Server } from "node:http";
import type { Duplex } from "node:stream";
import type { Handshake } from "../core/ports.ts";

/** By socket; empty for a peer on a unix socket, which has none. */
const addresses = new WeakMap<Duplex, string>();

/**
 * Keeps the address of every connection that `server` accepts, for `peerOf`. A TCP connection without an address was
 * reset before it was accepted, though what came before the reset can still be read: it is destroyed, or its requests
 * would pass for those of a peer on a unix socket.
 */
export function recordPeers(server: Server): void {
  let isUnix = false;
  server.on("listening", () => {
    const address = server.address();
    // Null: a Unix socket whose descriptor was passed to this process.
    isUnix = address === null || typeof address === "string";
  });
  server.on("connection", (socket) => {
    const address = isUnix ? "" : socket.remoteAddress;
    if (address === undefined) return void socket.destroy();
    addresses.set(socket, address);
  });
}

/**
 * Who sent a request: its header fields, and the address that its connection had when it was accepted.
 *
 * @throws Error for a request of a server whose peers are not recorded.
 */
export function peerOf(req: IncomingMessage): Handshake {
  const remoteAddress = addresses.get(req.socket);
  if (remoteAddress === undefined) throw new Error("a request of a connection without a peer");
  return { rawHeaders: req.rawHeaders, remoteAddress };
}

/** Who is at the other end of a connection of which no request could be read; undefined: it is not known. */
export function peerAt(socket: Duplex): Handshake | undefined {
  const remoteAddress = addresses.get(socket);
  return remoteAddress === undefined ? undefined : { rawHeaders: [], remoteAddress };
}
