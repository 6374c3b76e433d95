/** What happens to WebSocket connections, their subscriptions and the messages on them. */

import type { ErrorReason } from "../errors.ts";
import type { AuthorizationFault } from "../ports.ts";

/** Why a connection was refused before it was established. */
export type HandshakeRefusal =
  | "draining"
  | "rate_limit"
  | "unknown_key"
  | "over_capacity"
  | "over_quota"
  | "origin";

export interface WebSocketEvents {
  connection_opened: { appId: string };
  connection_closed: { appId: string };
  /** `appId` is null before an app is known. */
  handshake_refused: { appId: string | null; reason: HandshakeRefusal };
  subscription_added: { appId: string };
  subscription_removed: { appId: string };
  /** An event went to so many connections of this node. */
  broadcast: { appId: string; recipients: number };
  /** A client reads too slowly: this frame is not sent to it. */
  frame_dropped: { appId: string | null };
  /** A `pusher:error` was sent or, for a message too long, a close with 1009. `appId` is null before an app is known. */
  error_sent: { appId: string | null; code: number; reason: ErrorReason };
  /** A subscribe or signin was refused. */
  authorization_refused: { appId: string; reason: AuthorizationFault };
  /** The signature of a subscribe or signin names another app's key. `sentKey` is what the client sent. */
  foreign_key_sent: { appId: string; sentKey: string };
}
