/** Helpers around the two sockets of a WebSocket that passes through: noticing that one side has left. */

import type { Duplex } from "node:stream";

/**
 * Calls `onLeave` once when the client of a socket that nobody reads yet has ended or lost its connection. Reads no
 * further than the socket's own buffer; what came in stays there. A client that had sent frames before it left is not
 * noticed until somebody reads.
 *
 * @returns stops watching; to be called before anybody reads.
 */
export function watchUnread(socket: Duplex, onLeave: () => void): () => void {
  // With this listener a stream fills its buffer and hears of its end, and hands out nothing.
  const onReadable = (): void => {};
  const stop = (): void => {
    socket.off("readable", onReadable);
    socket.off("end", leave);
    socket.off("close", leave);
  };
  const leave = (): void => {
    stop();
    onLeave();
  };
  socket.on("readable", onReadable);
  socket.on("end", leave);
  socket.on("close", leave);
  return stop;
}

/** Lets neither side outlive the other: what is on its way is written first, then the connection goes. */
export function tieTogether(one: Duplex, other: Duplex): void {
  for (const [left, right] of [
    [one, other],
    [other, one],
  ] as const) {
    // A WebSocket has no use for a connection that is open in one direction.
    left.once("end", () => right.end(() => right.destroy()));
    left.once("close", () => right.end(() => right.destroy()));
  }
}
