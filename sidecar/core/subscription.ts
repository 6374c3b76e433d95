/** A connection in a channel, or on its way there. */

import type { Channel } from "./channel.ts";
import type { ProtocolError } from "./errors.ts";
import type { Member } from "./presence.ts";

export type SubscribeResult =
  | { readonly ok: true; readonly channel: Channel }
  | { readonly ok: false; readonly error: ProtocolError };

export type SubscribeAnswer = (result: SubscribeResult) => void;

export type SubscriptionState =
  /** The presence store is asked to bring the channel's events to this node. */
  | { readonly kind: "entering"; readonly answers: SubscribeAnswer[] }
  /** Its member has joined, which not every node knows yet. */
  | { readonly kind: "joining"; readonly answers: SubscribeAnswer[] }
  /** Events reach it. */
  | { readonly kind: "live"; readonly channel: Channel }
  /** Unsubscribed, refused or closed. */
  | { readonly kind: "ended" };

export interface Subscription {
  readonly channel: string;
  /** Who it is there, on presence channels. */
  readonly member: Member | null;
  state: SubscriptionState;
}
