/** What recovery needs from whoever keeps events and sessions, in this process or in Redis. */

import type { Frame } from "../frame.ts";
import type { ChannelEvent } from "../ports.ts";
import type { Position, Session } from "./session.ts";

/** `off`: nobody is sent what it missed. `orderly`: who was closed because its node stops. `all`: who was cut off, too. */
export type RecoveryMode = "off" | "orderly" | "all";

/** An event that was published, with its place in the log. */
export interface LoggedEvent {
  readonly position: Position;
  readonly event: ChannelEvent;
  /** Encoded once for all who are sent it. */
  readonly frame: Frame;
}

/** Not ok: events are missing, or nobody can say. */
export type Missed =
  | {
      readonly ok: true;
      readonly events: readonly LoggedEvent[];
      /** What has come to this node up to here is among them. */
      readonly upTo: Position;
    }
  | { readonly ok: false };

/**
 * The last events of one app, in the one order in which all nodes deliver them. The events of clients are not in it.
 * `delivered` counts those that this node has delivered: short enough for a ping, and a position on this node.
 */
export interface RecoveryLog {
  readonly delivered: number;
  /** Of the event that is being delivered; null between two. */
  readonly current: Position | null;
  /** An event is about to be delivered. MUST NOT throw. */
  begin(event: ChannelEvent): void;
  /** It was. */
  end(): void;
  /** Counts one more without an event; who has received that much has received all that was sent before. */
  mark(): number;
  /** Where it is who has received so many; null: that is too long ago to say. */
  positionAt(delivered: number): Position | null;
  /** Below, above or 0, as sorting takes it. */
  compare(a: Position, b: Position): number;
  /**
   * What a channel had behind a position. MUST call back once, before it returns where it can, as on a single node; what
   * is delivered after the call is then not missing in between.
   */
  read(channel: string, after: Position, done: (missed: Missed) => void): void;
  /** To be called every second or so. */
  tick(nowMs: number): void;
}

/** What the connections of this node would leave if it died now, of pages that each have a token of their own. */
export interface Checkpoints {
  /** Stores some, encoded (`encodeSession`), in place of what they had. Who has received less than `position` counts as having received that much. */
  store(
    sessions: ReadonlyMap<string, string>,
    position: Position | null,
    done: (isStored: boolean) => void,
  ): void;
  /** Its connection has ended, and leaves nothing. */
  forget(token: string): void;
  /** Called with the token of a page that is at another node: what is still open of it here is dead, and MUST end. */
  onClaimed: (token: string) => void;
}

/**
 * Sessions of one app, by token, each for as long as a client may be away. They MUST call back once, `put` with whether
 * it is kept; where that is so at once, before they return. What is put is there for every `take` after its callback.
 */
export interface SessionStore {
  /** Joined with one that is there already (`mergeSessions`). */
  put(token: string, session: Session, done: (isKept: boolean) => void): void;
  /** The session, which is gone with as many calls as connections have left it; null if there is none. */
  take(token: string, done: (session: Session | null) => void): void;
  /** Ends those of a user. */
  terminate(userId: string): void;
  /** How many wait here. */
  readonly size: number;
  /** Null where a session can't outlive its node, nor its client be at another one. */
  readonly checkpoints: Checkpoints | null;
  /** To be called every second or so. */
  tick(nowMs: number): void;
}
