/** What happens to WebSocket connections, their subscriptions and the messages on them. */

import type { ErrorReason } from "../errors.ts";
import type { AuthorizationFault } from "../ports.ts";
import type { SignatureFault } from "../signature.ts";

/** Why a connection was refused before it was established. */
export type HandshakeRefusal =
  | "draining"
  | "rate_limit"
  | "connections_per_ip"
  | "unknown_key"
  | "over_capacity"
  | "over_quota"
  | "origin";

/** What a frame is, in the original's words. */
export type FrameKind =
  | "prepared" // encoded once and shared by all who get it: a broadcast
  | "bytes" // an answer to one client
  | "ping"; // a ping or a pong

/** Why a frame was not sent. */
export type FrameDropReason = "queue_full"; // as many bytes wait for this client as may

/** Why a connection was cut: it held the most when all that waits for slow clients was too much. */
export type CutReason = "outbound_memory";

/** Who asked for what; `channel` is null for a signin. */
export interface Requested {
  appId: string;
  socketId: string;
  channel: string | null;
}

export interface WebSocketEvents {
  connection_opened: { appId: string; socketId: string };
  /** `code`: of the close that was sent or received first; 1006: there was none. Clients choose theirs freely. */
  connection_closed: { appId: string; socketId: string; code: number };
  /** `appId` is null before an app is known. `sent`: the unknown key or the origin that was refused. */
  handshake_refused: { appId: string | null; reason: HandshakeRefusal; sent: string | null };
  /**
   * A WebSocket handshake for this app that can't be taken for one, since a proxy took its Upgrade field off or its path
   * has something before `/app/{key}`.
   */
  handshake_misdirected: { appId: string; reason: "no_upgrade" | "path" };
  subscription_added: { appId: string; socketId: string; channel: string };
  subscription_removed: { appId: string; socketId: string; channel: string };
  /** A subscribe was refused, since the node has as many subscriptions as it may. */
  subscriptions_exhausted: { max: number };
  /** An event went to so many connections of this node. */
  broadcast: { appId: string; recipients: number };
  /** A frame was not sent. `appId` is null for a client of an unknown app. */
  frame_dropped: { appId: string | null; reason: FrameDropReason; frame: FrameKind };
  /** The socket took no more bytes. `frame`: the last one that was to go out. */
  write_failed: { frame: FrameKind };
  /** Only while POGO_HOT_PATH_METRICS is on: a frame was queued, and so many waited for this client before it. */
  frame_queued: { waiting: number };
  /** Only while POGO_HOT_PATH_METRICS is on: the frames that waited for a client were written. */
  frames_written: { residenceMs: number };
  /** Only while POGO_HOT_PATH_METRICS is on: the kernel has taken a write. `frame`: its last one. */
  write_finished: { frame: FrameKind; durationMs: number };
  /** Its TCP connection was ended without a close; `appId` is null before an app is known. */
  connection_cut: { appId: string | null; reason: CutReason };
  /** A `pusher:error` was sent or, for a message too long, a close with 1009. `appId` is null before an app is known. */
  error_sent: {
    appId: string | null;
    /** Null, as the channel, before there is a connection. */
    socketId: string | null;
    /** Which it was about; null: none, or it is not known. */
    channel: string | null;
    code: number;
    reason: ErrorReason;
  };
  /** A subscribe or a signin was refused. */
  authorization_refused: Requested & { reason: AuthorizationFault };
  /** Refused: no signature came along, and there is no app that could be asked. */
  signature_missing: Requested;
  /** The signature that a client brought along to a subscribe or signin is wrong. `sentKey`: of a `wrong_key`. */
  client_signature_refused: Requested & { fault: SignatureFault; sentKey: string | null };
}
