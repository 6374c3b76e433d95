/** A connection in a channel, or on its way there. */

import type { Channel } from "./channel.ts";
import type { ProtocolError } from "./errors.ts";
import type { Member } from "./presence.ts";
import type { Recipient } from "./recipient.ts";
import type { Standing } from "./recovery/client.ts";

export type SubscribeResult =
  /** `isNew`: it has just become live; otherwise it is another subscribe to a live one. */
  | { readonly ok: true; readonly channel: Channel; readonly isNew: boolean }
  | { readonly ok: false; readonly error: ProtocolError };

export type SubscribeAnswer = (result: SubscribeResult) => void;

export type SubscriptionState =
  /** Waits until the channel's events reach this node. */
  | { readonly kind: "entering"; readonly answers: SubscribeAnswer[] }
  /** Its member has joined; waits until all nodes know. */
  | { readonly kind: "joining"; readonly answers: SubscribeAnswer[] }
  | Live
  /** Unsubscribed, refused or closed. */
  | { readonly kind: "ended" };

/** It gets the channel's events. */
export interface Live {
  readonly kind: "live";
  readonly channel: Channel;
  /** Gets the events: the connection or, while its missed events are read, its `Replay`. */
  recipient: Recipient;
  /** Null without recovery. */
  standing: Standing | null;
}

export interface Subscription {
  readonly channel: string;
  /** On presence channels. */
  readonly member: Member | null;
  state: SubscriptionState;
}
