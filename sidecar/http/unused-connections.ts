/** Connections that were opened in advance and never used, so that a closing server need not wait for them. */

import type { Server } from "node:http";
import type { Socket } from "node:net";

/** A connection that was just accepted when the node stopped has so long to send the request that it was opened for. */
const firstRequestWithinMs = 500;

export interface UnusedConnections {
  /** A request has come on it. */
  use(socket: Socket): void;
  /** Closes those that are idle; one that nothing came on yet Node does not count as idle. */
  close(): void;
}

export function watchUnused(server: Server): UnusedConnections {
  /** By when they were accepted. */
  const unused = new Map<Socket, number>();
  // One for all sockets: it costs no memory of each.
  function forget(this: Socket): void {
    if (unused.delete(this)) this.off("close", forget);
  }
  server.on("connection", (socket) => {
    unused.set(socket, performance.now());
    socket.on("close", forget);
  });
  return {
    use: (socket) => forget.call(socket),
    close() {
      server.closeIdleConnections();
      const openedBeforeMs = performance.now() - firstRequestWithinMs;
      for (const [socket, acceptedMs] of unused) {
        if (socket.bytesRead === 0 && acceptedMs < openedBeforeMs) socket.destroy();
      }
    },
  };
}
