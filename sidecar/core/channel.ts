/** A channel that somebody on this node is subscribed to: its connections. */

import type { Connection } from "./connection.ts";
import type { Frame } from "./frame.ts";
import { channelKind, type ChannelKind } from "./channel-name.ts";

export class Channel {
  readonly name: string;
  readonly kind: ChannelKind;
  readonly connections = new Set<Connection>();
  /** How many events were broadcast here so far, those of clients aside: each is the last event of a cache channel. */
  eventCount = 0;

  constructor(name: string) {
    this.name = name;
    this.kind = channelKind(name);
  }

  broadcast(frame: Frame, exceptSocketId?: string): number {
    return sendToAll(this.connections, frame, exceptSocketId);
  }
}

/** Sends one frame to every connection but one; returns how many got it. */
export function sendToAll(
  connections: ReadonlySet<Connection>,
  frame: Frame,
  exceptSocketId?: string,
): number {
  let recipients = 0;
  for (const connection of connections) {
    if (connection.socketId === exceptSocketId) continue;
    connection.send(frame);
    recipients += 1;
  }
  return recipients;
}
