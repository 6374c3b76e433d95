/** Passes Node's socket events to the socket's owner, with the same few functions for all sockets. */

import type { Duplex } from "node:stream";

export interface SocketOwner {
  /** There is something to read, or the end of the stream. */
  onSocketReadable(): void;
  onSocketError(error: Error): void;
  /** It is gone; nothing comes after this. */
  onSocketClose(): void;
}

const owners = new WeakMap<Duplex, SocketOwner>();

/** Only what is read from `socket` by then is lost. */
export function listenTo(socket: Duplex, owner: SocketOwner): void {
  owners.set(socket, owner);
  socket.on("readable", onReadable);
  socket.on("end", onReadable);
  socket.on("error", onError);
  socket.on("close", onClose);
}

function onReadable(this: Duplex): void {
  owners.get(this)?.onSocketReadable();
}

function onError(this: Duplex, error: Error): void {
  owners.get(this)?.onSocketError(error);
}

function onClose(this: Duplex): void {
  owners.get(this)?.onSocketClose();
}
