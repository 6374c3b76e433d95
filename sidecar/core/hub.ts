/** All connections and channels of one app on this node. Apps never meet: each has a hub of its own. */

import type { App } from "./app.ts";
import { Channel, sendToAll } from "./channel.ts";
import { userOfChannel } from "./channel-name.ts";
import type { Connection, Subscription } from "./connection.ts";
import { errors } from "./errors.ts";
import { encodeFrame } from "./frame.ts";
import {
  encodeChannelEvent,
  encodeMemberAdded,
  encodeMemberRemoved,
  encodeSubscriptionCount,
} from "./messages.ts";
import { memberKey, type Member } from "./presence.ts";
import type { ChannelEvent, Observer, WebhookEvent, Webhooks } from "./ports.ts";
import { TokenBucket } from "./rate-limit.ts";
import { SubscriptionCounts } from "./subscription-counts.ts";
import { Users } from "./users.ts";

export class Hub {
  readonly app: App;
  readonly #observer: Observer;
  readonly #connections = new Map<string, Connection>();
  readonly #channels = new Map<string, Channel>();
  readonly #webhooks: Webhooks;
  #publishBucket: TokenBucket | null = null;
  readonly #counts = new SubscriptionCounts();
  readonly users = new Users({
    onChange: (userId, status) => {
      const name = status === "online" ? "user_connected" : "user_disconnected";
      this.#tell({ name, user_id: userId });
    },
  });

  constructor(options: { app: App; observer: Observer; webhooks: Webhooks }) {
    this.app = options.app;
    this.#observer = options.observer;
    this.#webhooks = options.webhooks;
  }

  /** Takes one of the app's publishing requests; false if there are too many. */
  mayPublish(nowMs: number): boolean {
    const { publishRate } = this.app;
    if (!publishRate) return true;
    this.#publishBucket ??= new TokenBucket(publishRate, nowMs);
    return this.#publishBucket.tryTake(nowMs);
  }

  get connectionCount(): number {
    return this.#connections.size;
  }

  connections(): Iterable<Connection> {
    return this.#connections.values();
  }

  /** Channels with at least one subscription, in the order in which they came to be. */
  channels(): Iterable<Channel> {
    return this.#channels.values();
  }

  channel(name: string): Channel | undefined {
    return this.#channels.get(name);
  }

  connect(connection: Connection): void {
    this.#connections.set(connection.socketId, connection);
    this.#observer.connectionOpened(this.app.id);
  }

  /** Ends all subscriptions of a connection whose socket is gone. Harmless when called twice. */
  disconnect(connection: Connection): void {
    if (!this.#connections.delete(connection.socketId)) return;
    connection.markClosed();
    this.users.signOut(connection);
    for (const subscription of connection.subscriptions.values()) {
      this.#leave(connection, subscription);
    }
    connection.subscriptions.clear();
    this.#observer.connectionClosed(this.app.id);
  }

  /**
   * Adds the connection to the channel, and returns the channel. Others hear of a member that was not there
   * before. Subscribing again is harmless: as the same member nothing changes, as another one the old one leaves.
   */
  subscribe(connection: Connection, name: string, member: Member | null): Channel {
    const before = connection.subscriptions.get(name);
    if (before) {
      const channel = this.#channels.get(name);
      if (channel && isSameMember(before.member, member)) return channel;
      this.unsubscribe(connection, name);
    }
    const channel = this.#channels.get(name) ?? this.#open(name);
    channel.connections.add(connection);
    connection.subscriptions.set(name, { channel: name, member });
    this.#observer.subscribed(this.app.id);
    this.#countChanged(channel);
    if (member && channel.presence?.join(member)) {
      const frame = encodeFrame(encodeMemberAdded(name, member));
      channel.broadcast(frame, connection.socketId);
      this.#tell({ name: "member_added", channel: name, user_id: memberKey(member) });
    }
    return channel;
  }

  /** Harmless when the connection is not subscribed. A subscription that is still being authorized is called off. */
  unsubscribe(connection: Connection, name: string): void {
    connection.pending.get(name)?.abort();
    connection.pending.delete(name);
    const subscription = connection.subscriptions.get(name);
    if (!subscription) return;
    connection.subscriptions.delete(name);
    this.#leave(connection, subscription);
  }

  /**
   * Sends an event to this node's subscribers of its channel, or, on a user's own channel, to the connections that
   * signed in as this user. Encoded once. Returns how many got it.
   */
  broadcast(event: ChannelEvent): number {
    const connections = this.#recipients(event.channel);
    if (!connections) return 0;
    const channel = this.#channels.get(event.channel);
    if (channel && !event.isClientEvent) channel.eventCount += 1;
    const frame = encodeFrame(encodeChannelEvent(event));
    const recipients = sendToAll(connections, frame, event.exceptSocketId);
    this.#observer.broadcast(this.app.id, recipients);
    return recipients;
  }

  /** To be called every second or so: tells subscribers how many they are, where that has changed. */
  tick(nowMs: number): void {
    for (const channel of this.#counts.due(nowMs)) {
      const { name, connections } = channel;
      channel.broadcast(encodeFrame(encodeSubscriptionCount(name, connections.size)));
      this.#tell({
        name: "subscription_count",
        channel: name,
        subscription_count: connections.size,
      });
    }
  }

  /** Connections with at least one subscription (what Reverb's `/connections` counts). */
  countSubscribed(): number {
    let count = 0;
    for (const connection of this.#connections.values()) {
      if (connection.subscriptions.size > 0) count += 1;
    }
    return count;
  }

  /** Closes with 4009 every connection of a user, signed in or present in any presence channel under that id. */
  terminateUser(userId: string): number {
    const connections = [...this.#connections.values()].filter((connection) =>
      isUser(connection, userId),
    );
    for (const connection of connections) {
      connection.fail(errors.terminated);
      this.disconnect(connection);
    }
    return connections.length;
  }

  #recipients(channelName: string): ReadonlySet<Connection> | undefined {
    const userId = userOfChannel(channelName);
    return userId === null
      ? this.#channels.get(channelName)?.connections
      : this.users.connectionsOf(userId);
  }

  #tell(event: WebhookEvent): void {
    this.#webhooks.notify(this.app.id, event);
  }

  #open(name: string): Channel {
    const channel = new Channel(name);
    this.#channels.set(name, channel);
    this.#tell({ name: "channel_occupied", channel: name });
    return channel;
  }

  #countChanged(channel: Channel): void {
    if (this.app.subscriptionCount && !channel.presence) this.#counts.changed(channel);
  }

  #leave(connection: Connection, subscription: Subscription): void {
    const channel = this.#channels.get(subscription.channel);
    if (!channel) return;
    channel.connections.delete(connection);
    this.#observer.unsubscribed(this.app.id);
    this.#countChanged(channel);
    const { name } = channel;
    const { member } = subscription;
    if (member && channel.presence?.leave(member)) {
      channel.broadcast(encodeFrame(encodeMemberRemoved(name, member.userId)));
      this.#tell({ name: "member_removed", channel: name, user_id: memberKey(member) });
    }
    if (channel.connections.size > 0) return;
    this.#channels.delete(name);
    this.#tell({ name: "channel_vacated", channel: name });
  }
}

function isSameMember(a: Member | null, b: Member | null): boolean {
  return a === null || b === null ? a === b : memberKey(a) === memberKey(b);
}

function isUser(connection: Connection, userId: string): boolean {
  if (connection.user?.id === userId) return true;
  for (const { member } of connection.subscriptions.values()) {
    if (member && memberKey(member) === userId) return true;
  }
  return false;
}
