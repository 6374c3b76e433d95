/** Keeps a reserve of file descriptors free, since every connection takes one. */

import type { Server } from "node:http";
import type { Socket } from "node:net";

/** Of the limit one part in so many stays free, for the admin port and connections to the app and to Redis. */
const reservedPart = 8;
const maxReserved = 256;

/** How many descriptors a public port leaves free. */
function reservedFiles(limit: number): number {
  return Math.min(maxReserved, Math.floor(limit / reservedPart));
}

/**
 * Ends new connections at once while no more than the reserve is free; without it the kernel would end them on every port
 * alike, and nobody would learn why.
 *
 * @param limit of files that the process may open; null: it is not known, and nothing is ended.
 */
export function keepFilesFree(
  server: Server,
  limit: number | null,
  onExhausted: (limit: number) => void,
): void {
  if (limit === null) return;
  const highest = limit - reservedFiles(limit);
  server.on("connection", (socket) => {
    if (descriptorOf(socket) < highest) return;
    socket.destroy();
    onExhausted(limit);
  });
}

/**
 * A new descriptor is the lowest that is free (POSIX.1-2024 §2.6), so as many as its number are in use. Node has it in a
 * field that its types leave out; where that is gone nothing is refused.
 */
function descriptorOf(socket: Socket): number {
  const handle: unknown = Reflect.get(socket, "_handle");
  const fd = typeof handle === "object" && handle !== null ? Reflect.get(handle, "fd") : undefined;
  return typeof fd === "number" ? fd : -1;
}
