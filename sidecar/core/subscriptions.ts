/** How a connection comes into a channel and leaves it: what the node's channels and the presence store hear of it. */

import { after } from "./after.ts";
import { Channel } from "./channel.ts";
import type { Connection, Subscription } from "./connection.ts";
import { errors, type ProtocolError } from "./errors.ts";
import type { App } from "./app.ts";
import { isPresenceFull } from "./limits.ts";
import type { Report } from "./report.ts";
import { memberKey, type Member } from "./presence.ts";
import type { PresenceStore } from "./presence-store.ts";

/** `gone`: unsubscribed or closed before it came to be. */
export type SubscribeOutcome =
  | { readonly kind: "subscribed"; readonly channel: Channel }
  | { readonly kind: "refused"; readonly error: ProtocolError }
  | { readonly kind: "gone" };

const gone: SubscribeOutcome = { kind: "gone" };

/** A presence subscription whose connection broke, and whose member is still listed until then. */
interface Lingering {
  readonly subscription: Subscription;
  readonly untilMs: number;
}

export class Subscriptions {
  readonly #app: App;
  readonly #presence: PresenceStore;
  readonly #report: Report;
  readonly #onChanged: (channel: Channel) => void;
  readonly #channels = new Map<string, Channel>();
  #subscribedConnections = 0;
  /** In the order in which they end. */
  readonly #lingering: Lingering[] = [];
  #tickedMs = 0;

  constructor(options: {
    app: App;
    presence: PresenceStore;
    report: Report;
    /** A channel has more or fewer subscriptions on this node. */
    onChanged: (channel: Channel) => void;
  }) {
    this.#app = options.app;
    this.#presence = options.presence;
    this.#report = options.report;
    this.#onChanged = options.onChanged;
  }

  /** Channels with subscriptions on this node, in the order in which they came to be. */
  get channelCount(): number {
    return this.#channels.size;
  }

  channel(name: string): Channel | undefined {
    return this.#channels.get(name);
  }

  /**
   * Adds the connection to the channel, at once where the presence store need not be waited for. Others hear of a
   * member that was not there before. Subscribing again is harmless: as the same member nothing changes, as another
   * one the old one leaves.
   */
  subscribe(
    connection: Connection,
    name: string,
    member: Member | null,
  ): SubscribeOutcome | Promise<SubscribeOutcome> {
    const before = connection.subscriptions.get(name);
    if (before && isSameMember(before.member, member)) return before.outcome;
    if (before) this.unsubscribe(connection, name);
    const subscription: Subscription = {
      channel: name,
      member,
      isLive: false,
      hasJoined: false,
      outcome: gone,
    };
    if (connection.subscriptions.size === 0) this.#countConnections(1);
    connection.subscriptions.set(name, subscription);
    const outcome = after(this.#presence.enter(name), () => this.#join(connection, subscription));
    subscription.outcome = outcome;
    return outcome;
  }

  /** Harmless when the connection is not subscribed. */
  unsubscribe(connection: Connection, name: string): void {
    const subscription = connection.subscriptions.get(name);
    if (!subscription) return;
    connection.subscriptions.delete(name);
    if (connection.subscriptions.size === 0) this.#countConnections(-1);
    this.#close(connection, subscription);
    this.#release(subscription);
  }

  /** Ends all that a broken connection had; its members may still be listed for a while (`presenceGraceMs`). */
  end(connection: Connection): void {
    if (connection.subscriptions.size > 0) this.#countConnections(-1);
    for (const subscription of connection.subscriptions.values()) {
      this.#close(connection, subscription);
      if (subscription.hasJoined && this.#app.presenceGraceMs > 0) this.#linger(subscription);
      else this.#release(subscription);
    }
    connection.subscriptions.clear();
  }

  /** Members whose connection broke are still listed. */
  get hasLingering(): boolean {
    return this.#lingering.length > 0;
  }

  /** Ends what has lingered. */
  tick(nowMs: number): void {
    this.#tickedMs = nowMs;
    const ended = this.#lingering.findIndex(({ untilMs }) => untilMs > nowMs);
    const count = ended === -1 ? this.#lingering.length : ended;
    for (const { subscription } of this.#lingering.splice(0, count)) this.#release(subscription);
  }

  #join(
    connection: Connection,
    subscription: Subscription,
  ): SubscribeOutcome | Promise<SubscribeOutcome> {
    if (!isCurrent(connection, subscription)) return gone;
    const { channel: name, member } = subscription;
    if (!member) return this.#admit(connection, subscription);
    if (isPresenceFull(this.#app, member, this.#presence.roster(name))) {
      this.unsubscribe(connection, name);
      return { kind: "refused", error: errors.presenceChannelFull };
    }
    subscription.hasJoined = true;
    return after(this.#presence.join(name, member), () => this.#admit(connection, subscription));
  }

  #admit(connection: Connection, subscription: Subscription): SubscribeOutcome {
    if (!isCurrent(connection, subscription)) return gone;
    const { channel: name } = subscription;
    const channel = this.#channels.get(name) ?? new Channel(name);
    this.#channels.set(name, channel);
    channel.connections.add(connection);
    subscription.isLive = true;
    this.#report({ kind: "subscription_added", appId: this.#app.id });
    this.#onChanged(channel);
    return { kind: "subscribed", channel };
  }

  /** Nothing more is delivered to it. */
  #close(connection: Connection, subscription: Subscription): void {
    const channel = this.#channels.get(subscription.channel);
    if (!channel || !subscription.isLive) return;
    channel.connections.delete(connection);
    if (channel.connections.size === 0) this.#channels.delete(channel.name);
    this.#report({ kind: "subscription_removed", appId: this.#app.id });
    this.#onChanged(channel);
  }

  /** Others hear that it is gone. */
  #release({ channel, member, hasJoined }: Subscription): void {
    if (member && hasJoined) this.#presence.leave(channel, member);
    this.#presence.exit(channel);
  }

  #linger(subscription: Subscription): void {
    this.#lingering.push({ subscription, untilMs: this.#tickedMs + this.#app.presenceGraceMs });
  }

  #countConnections(change: 1 | -1): void {
    this.#subscribedConnections += change;
    this.#presence.setConnectionCount(this.#subscribedConnections);
  }
}

function isCurrent(connection: Connection, subscription: Subscription): boolean {
  return connection.isOpen && connection.subscriptions.get(subscription.channel) === subscription;
}

function isSameMember(a: Member | null, b: Member | null): boolean {
  return a === null || b === null ? a === b : memberKey(a) === memberKey(b);
}
