/**
 * The port to whoever knows the members and subscriptions of all nodes: a contract in words, like those in `ports.ts`.
 */

import type { WebhookEvent } from "./ports.ts";
import type { Member } from "./presence.ts";

/** An occupied channel, counted over all nodes. */
export interface ChannelSummary {
  readonly name: string;
  readonly subscriptionCount: number;
  /** 0 unless it is a presence channel. */
  readonly userCount: number;
}

export type WantedChannels = { readonly names: readonly string[] } | { readonly prefix: string };

/** Not ok: there is no answer now; trying again later may help. */
export type Answer<T> = { readonly ok: true; readonly value: T } | { readonly ok: false };

/** The members of a channel, as announced to its subscribers on this node. */
export interface RosterView {
  readonly userCount: number;
  has(member: Member): boolean;
  /** In the order in which they joined. */
  members(): Iterable<Member>;
}

/**
 * The subscriptions and members of one app over all nodes; each hub has one store.
 *
 * A user's own channel (`#server-to-user-…`) is a channel here too: whoever signs in joins it, and whoever watches the
 * user enters it. Such channels are not part of any answer, and never count as occupied.
 *
 * `enter` and `join` take effect on this node at once, and call back when all nodes know: from then on events of the
 * channel reach this node, `roster` is complete, and every node's answers include it. They MUST call back exactly once,
 * and before they return if all nodes know by then, as with a single node, so that a client's messages are answered in
 * order. If the store can't be reached they do not wait: the node goes on alone, and catches up afterwards.
 * Each `enter` and `join` is undone by one `exit` and `leave`, which do not wait, even if the former still does.
 * Between an `enter` and its `exit` the listener is called for each user who comes or goes, once however many
 * connections and nodes it is on; these calls and `roster` always agree.
 * Users who stay through an outage of the store are neither removed nor added.
 */
export interface PresenceStore {
  enter(channel: string, entered: () => void): void;
  exit(channel: string): void;
  join(channel: string, member: Member, joined: () => void): void;
  leave(channel: string, member: Member): void;
  /** Undefined unless this node has entered the channel and it can have members (`hasMembers`). */
  roster(channel: string): RosterView | undefined;
  /** The number of this node's connections with at least one subscription. */
  setConnectionCount(count: number): void;
  /** Sends these channels' numbers of subscriptions to their subscribers on every node. MUST NOT throw or wait. */
  announceSubscriptionCounts(channels: readonly string[]): void;
  /** The occupied ones among these channels, or among those with this prefix. MUST resolve. */
  findChannels(wanted: WantedChannels): Promise<Answer<readonly ChannelSummary[]>>;
  findMembers(channel: string): Promise<Answer<readonly Member[]>>;
  countConnections(): Promise<Answer<number>>;
}

/** What a presence store calls on its hub. MUST NOT throw. */
export interface PresenceListener {
  memberAdded(channel: string, member: Member): void;
  memberRemoved(channel: string, member: Member): void;
  /** To be sent to this node's subscribers. */
  subscriptionsCounted(channel: string, count: number): void;
  /** An event for webhooks; of all nodes, only one gets it. */
  webhookDue(event: WebhookEvent): void;
}
