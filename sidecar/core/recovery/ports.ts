/** What recovery needs from whoever keeps events and sessions, in this process or in Redis. */

import type { Frame } from "../frame.ts";
import type { ChannelEvent } from "../ports.ts";
import type { Position, Session } from "./session.ts";

/**
 * Which clients are sent what they missed. `orderly`: those closed because their node stops. `all`: those cut off, too.
 */
export type RecoveryMode = "off" | "orderly" | "all";

/** An event that was published, with its place in the log. */
export interface LoggedEvent {
  readonly position: Position;
  readonly event: ChannelEvent;
  /** Encoded once for all clients. */
  readonly frame: Frame;
}

/** Not ok: the log does not have all of it, or can't be read. */
export type Missed =
  | {
      readonly ok: true;
      readonly events: readonly LoggedEvent[];
      /** They include everything that this node has delivered up to here. */
      readonly upTo: Position;
    }
  | { readonly ok: false };

/**
 * The last events of one app, without client events, in the one order in which all nodes deliver them.
 * `delivered` counts those that this node has delivered; it serves as a position on this node, short enough for a ping.
 */
export interface RecoveryLog {
  readonly delivered: number;
  /** The position of the event being delivered; null between two events. */
  readonly current: Position | null;
  /** An event is about to be delivered. MUST NOT throw. */
  begin(event: ChannelEvent): void;
  /** It has been delivered. */
  end(): void;
  /** Counts one more without an event: a client that has received that much has everything sent before it. */
  mark(): number;
  /** The position of a client that has received this many; null: too long ago to say. */
  positionAt(delivered: number): Position | null;
  /** A sort order: below, above or equal to 0. */
  compare(a: Position, b: Position): number;
  /**
   * Reads a channel's events after a position. MUST call back once, and before it returns if it can, as on a single
   * node, so that nothing is delivered in between.
   */
  read(channel: string, after: Position, done: (missed: Missed) => void): void;
  /** To be called every second or so. */
  tick(nowMs: number): void;
}

/** The sessions that this node's connections would leave if it died now, of pages that each have their own token. */
export interface Checkpoints {
  /**
   * Stores sessions (`encodeSession`) in place of earlier ones. Any that has received less than `position` counts as
   * having received that much.
   */
  store(
    sessions: ReadonlyMap<string, string>,
    position: Position | null,
    done: (isStored: boolean) => void,
  ): void;
  /** The connection with this token has ended and leaves nothing. */
  forget(token: string): void;
  /**
   * Called with the token of a page that has connected to another node: its connection here is dead, and MUST be
   * closed.
   */
  onClaimed: (token: string) => void;
}

/**
 * Sessions of one app by token, each kept for as long as a client may be away. `put` and `take` MUST call back once, and
 * before they return if they can; `put` says whether the session is kept. Every `take` after that callback finds it.
 */
export interface SessionStore {
  /** Merged with an existing one (`mergeSessions`). */
  put(token: string, session: Session, done: (isKept: boolean) => void): void;
  /** The session, or null. It is removed after as many calls as connections have left it. */
  take(token: string, done: (session: Session | null) => void): void;
  /** Removes the sessions of a user. */
  terminate(userId: string): void;
  /** How many sessions are kept in this process. */
  readonly size: number;
  /** Null if sessions can't outlive their node, and clients can't be at another one. */
  readonly checkpoints: Checkpoints | null;
  /** To be called every second or so. */
  tick(nowMs: number): void;
}
