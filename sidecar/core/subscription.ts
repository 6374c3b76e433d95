/** A connection in a channel, or on its way there. */

import type { Channel } from "./channel.ts";
import type { ProtocolError } from "./errors.ts";
import type { Member } from "./presence.ts";
import type { Recipient } from "./recipient.ts";
import type { Standing } from "./recovery/client.ts";

export type SubscribeResult =
  /** `isNew`: it has just become live; else it was asked for again. */
  | { readonly ok: true; readonly channel: Channel; readonly isNew: boolean }
  | { readonly ok: false; readonly error: ProtocolError };

export type SubscribeAnswer = (result: SubscribeResult) => void;

export type SubscriptionState =
  /** The presence store is asked to bring the channel's events to this node. */
  | { readonly kind: "entering"; readonly answers: SubscribeAnswer[] }
  /** Its member has joined, which not every node knows yet. */
  | { readonly kind: "joining"; readonly answers: SubscribeAnswer[] }
  | Live
  /** Unsubscribed, refused or closed. */
  | { readonly kind: "ended" };

/** Events reach it. */
export interface Live {
  readonly kind: "live";
  readonly channel: Channel;
  /** Who is sent them: the connection or, while what it missed is read, who stands in for it. */
  recipient: Recipient;
  /** Null where that is of no use. */
  standing: Standing | null;
}

export interface Subscription {
  readonly channel: string;
  /** Who it is there, on presence channels. */
  readonly member: Member | null;
  state: SubscriptionState;
}
