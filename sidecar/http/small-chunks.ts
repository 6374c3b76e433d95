/**
 * Bodies in chunks of a few bytes (RFC 9112 §7.1). Node parses all that it has read of a connection at once, up to 64 KiB,
 * and ten thousand chunks take it some 25 ms: fifty connections that have sent as much would keep everybody else waiting
 * for a second. Once one of them turns out to be like that, the others of its visitor are read on later turns of the event
 * loop, one in a turn.
 */

import type { IncomingMessage, Server } from "node:http";
import type { Socket } from "node:net";
import { visitorAt } from "./visitor.ts";

/** Pieces of one body, as Node hands them out; 64 KiB in the usual chunks are some ten. */
const manyPieces = 1_000;

/** A kind of requests that calls `onMany` with the connection of each for every thousandth piece of its body. */
export function countPieces(
  Message: typeof IncomingMessage,
  onMany: (socket: Socket) => void,
): typeof IncomingMessage {
  return class extends Message {
    #pieces = 0;

    override push(piece: unknown, encoding?: BufferEncoding): boolean {
      this.#pieces += 1;
      if (this.#pieces % manyPieces === 0) onMany(this.socket);
      return super.push(piece, encoding);
    }
  };
}

export interface Siblings {
  /** What the others of its visitor have sent, and was not read yet, is read on later turns. */
  postpone(socket: Socket): void;
}

/** The connections of each visitor, until they are upgraded. @param schedule runs its argument on a later turn */
export function watchSiblings(
  server: Server,
  schedule: (run: () => void) => void = setImmediate,
): Siblings {
  const siblings = new Map<string | undefined, Set<Socket>>();
  const postponed = new Set<Socket>();

  server.on("connection", (socket) => {
    const visitor = visitorAt(socket);
    const sockets = siblings.get(visitor) ?? new Set();
    siblings.set(visitor, sockets.add(socket));
    socket.once("close", forget);
  });
  for (const event of ["upgrade", "connect"]) {
    server.on(event, ({ socket }: IncomingMessage) => {
      socket.off("close", forget);
      forget.call(socket);
    });
  }

  // One for all sockets: it costs no memory of each.
  function forget(this: Socket): void {
    const visitor = visitorAt(this);
    const sockets = siblings.get(visitor);
    if (sockets?.delete(this) && sockets.size === 0) siblings.delete(visitor);
    if (postponed.delete(this)) this.resume();
  }

  function resumeNext(): void {
    const [socket] = postponed;
    if (!socket) return;
    postponed.delete(socket);
    socket.resume();
    if (postponed.size > 0) schedule(resumeNext);
  }

  return {
    postpone(socket) {
      const before = postponed.size;
      for (const other of siblings.get(visitorAt(socket)) ?? []) {
        if (other === socket || other.isPaused()) continue;
        other.pause();
        postponed.add(other);
      }
      if (before === 0 && postponed.size > 0) schedule(resumeNext);
    },
  };
}
