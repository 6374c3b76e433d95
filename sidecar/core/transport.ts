/** The connection to one client, as the protocol sees it. */

import type { Frame } from "./frame.ts";
import type { FrameKind } from "./report/websocket.ts";

/** Traffic of one client's socket. */
export interface Traffic {
  /** On the wire, the handshake included. */
  readonly sentBytes: number;
  readonly receivedBytes: number;
  /** Waiting to be sent now. */
  readonly queuedBytes: number;
  /** Dropped because the client read too slowly. */
  readonly droppedFrames: number;
}

/** All calls are harmless after the socket closed. */
export interface Transport {
  /** Queues a frame; frames leave in the order of the calls. `kind` is for metrics. */
  send(frame: Frame, kind: FrameKind): void;
  /** False: a frame of this many bytes would be dropped, since the client reads too slowly. */
  hasRoom(bytes: number): boolean;
  /** Sends what is queued, then a WebSocket close. */
  close(code: number, reason: string): void;
}
