/** Anything that frames can be sent to. */

import type { Frame } from "./frame.ts";

export interface Recipient {
  readonly socketId: string;
  send(frame: Frame): void;
  /** Sends a ping that carries a position, unless it was sent one in this tick or its client can't be recovered. */
  askPosition?(ping: Frame, tick: number): void;
}

/** Sends one frame to all recipients but one; returns how many got it. */
export function sendToAll(
  recipients: ReadonlySet<Recipient>,
  frame: Frame,
  exceptSocketId?: string,
): number {
  let count = 0;
  for (const recipient of recipients) {
    if (recipient.socketId === exceptSocketId) continue;
    recipient.send(frame);
    count += 1;
  }
  return count;
}
