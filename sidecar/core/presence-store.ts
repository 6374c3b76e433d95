/**
 * The port to whoever knows the members and subscriptions of all nodes: a contract in words, like those in `ports.ts`.
 */

import type { WebhookEvent } from "./ports.ts";
import type { Member } from "./presence.ts";

/** How an occupied channel is occupied, over all nodes. */
export interface ChannelSummary {
  readonly name: string;
  readonly subscriptionCount: number;
  /** 0 unless it is a presence channel. */
  readonly userCount: number;
}

export type WantedChannels = { readonly names: readonly string[] } | { readonly prefix: string };

/** Not ok: nobody can say now, trying again later may help. */
export type Answer<T> = { readonly ok: true; readonly value: T } | { readonly ok: false };

/** The members of a channel, as announced to its subscribers on this node. */
export interface RosterView {
  readonly userCount: number;
  has(member: Member): boolean;
  /** In the order in which they came. */
  members(): Iterable<Member>;
}

/**
 * Who is where, over all nodes, for one app: one store for each hub.
 *
 * A user's own channel (`#server-to-user-…`) is a channel here too: who signs in joins it, who watches the user
 * enters it. No answer is about such channels, and none of them is occupied.
 *
 * `enter` and `join` act at once, and call back when it is so for every node: from then on events of the channel reach
 * this node, `roster` is whole, and every node's answers count it. They call back once and MUST; before they return
 * where it is so by then, as on a single node, so that a client's messages are answered in their order. Where the store
 * can't be reached they don't wait: the node goes on alone, and makes it good afterwards.
 * Each `enter` and `join` is undone by one `exit` and `leave`, which don't wait, even while the former still waits.
 * Between an `enter` and its `exit` the listener is called with who comes and goes, each user once however many
 * connections it has and however many nodes; its calls and `roster` always agree.
 * An outage of the store is no news: who stayed through it is neither removed nor added.
 */
export interface PresenceStore {
  enter(channel: string, entered: () => void): void;
  exit(channel: string): void;
  join(channel: string, member: Member, joined: () => void): void;
  leave(channel: string, member: Member): void;
  /** Undefined unless this node has entered the channel, and where nobody can be a member (`hasMembers`). */
  roster(channel: string): RosterView | undefined;
  /** How many connections of this node are subscribed to anything. */
  setConnectionCount(count: number): void;
  /** Has the subscribers of these channels sent their number, on every node. MUST NOT throw or wait. */
  announceSubscriptionCounts(channels: readonly string[]): void;
  /** The occupied ones among these channels, or of those whose name starts so. MUST resolve. */
  findChannels(wanted: WantedChannels): Promise<Answer<readonly ChannelSummary[]>>;
  findMembers(channel: string): Promise<Answer<readonly Member[]>>;
  countConnections(): Promise<Answer<number>>;
}

/** What a presence store calls on its hub. None of it may throw. */
export interface PresenceListener {
  memberAdded(channel: string, member: Member): void;
  memberRemoved(channel: string, member: Member): void;
  /** To be passed on to this node's subscribers. */
  subscriptionsCounted(channel: string, count: number): void;
  /** An event for webhooks, given to one node alone. */
  webhookDue(event: WebhookEvent): void;
}
