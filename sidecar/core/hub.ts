/** All connections and channels of one app on this node. Apps never meet: each has a hub of its own. */

import type { App } from "./app.ts";
import { sendToAll, type Channel } from "./channel.ts";
import { userOfChannel } from "./channel-name.ts";
import type { Connection } from "./connection.ts";
import { errors } from "./errors.ts";
import { encodeFrame } from "./frame.ts";
import {
  encodeChannelEvent,
  encodeMemberAdded,
  encodeMemberRemoved,
  encodeSubscriptionCount,
} from "./messages.ts";
import type { ChannelEvent, Webhooks } from "./ports.ts";
import type { Report } from "./report.ts";
import { memberKey, type Member } from "./presence.ts";
import type { PresenceListener, PresenceStore, RosterView } from "./presence-store.ts";
import { TokenBucket } from "./rate-limit.ts";
import { SubscriptionCounts } from "./subscription-counts.ts";
import { Subscriptions, type SubscribeOutcome } from "./subscriptions.ts";
import { Users } from "./users.ts";

export class Hub {
  readonly app: App;
  readonly presence: PresenceStore;
  readonly users: Users;
  readonly #report: Report;
  readonly #connections = new Map<string, Connection>();
  readonly #subscriptions: Subscriptions;
  #publishBucket: TokenBucket | null = null;
  readonly #counts = new SubscriptionCounts();

  constructor(options: {
    app: App;
    report: Report;
    webhooks: Webhooks;
    presence: (listener: PresenceListener) => PresenceStore;
  }) {
    const { app, report, webhooks } = options;
    this.app = app;
    this.#report = report;
    this.presence = options.presence({
      memberAdded: (channel, member) => this.#memberChanged(channel, member, "added"),
      memberRemoved: (channel, member) => this.#memberChanged(channel, member, "removed"),
      subscriptionsCounted: (name, count) => {
        this.channel(name)?.broadcast(encodeFrame(encodeSubscriptionCount(name, count)));
      },
      happened: (event) => webhooks.notify(app.id, event),
    });
    this.users = new Users(this.presence);
    const { presence } = this;
    const onChanged = (channel: Channel): void => this.#countChanged(channel);
    this.#subscriptions = new Subscriptions({ app, presence, report, onChanged });
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

  /** Clients are here, or may be on their way back. */
  get isInUse(): boolean {
    return this.#connections.size > 0 || this.#subscriptions.hasLingering;
  }

  /** Channels with at least one subscription on this node. */
  get channelCount(): number {
    return this.#subscriptions.channelCount;
  }

  channel(name: string): Channel | undefined {
    return this.#subscriptions.channel(name);
  }

  connect(connection: Connection): void {
    this.#connections.set(connection.socketId, connection);
    this.#report({ kind: "connection_opened", appId: this.app.id });
  }

  /** Ends all subscriptions of a connection that is closed, with its close code. Harmless when called twice. */
  disconnect(connection: Connection, code: number): void {
    if (!this.#connections.delete(connection.socketId)) return;
    connection.markClosed();
    this.users.signOut(connection);
    this.#subscriptions.end(connection);
    this.#report({ kind: "connection_closed", appId: this.app.id, code });
  }

  /** See `Subscriptions`. */
  subscribe(
    connection: Connection,
    name: string,
    member: Member | null,
  ): SubscribeOutcome | Promise<SubscribeOutcome> {
    return this.#subscriptions.subscribe(connection, name, member);
  }

  /** Harmless when the connection is not subscribed. A subscription that is still being authorized is called off. */
  unsubscribe(connection: Connection, name: string): void {
    connection.pending.get(name)?.abort();
    connection.pending.delete(name);
    this.#subscriptions.unsubscribe(connection, name);
  }

  /** The members of a channel that this node has subscribers in. */
  roster(name: string): RosterView | undefined {
    return this.presence.roster(name);
  }

  /**
   * Sends an event to this node's subscribers of its channel, or, on a user's own channel, to the connections that
   * signed in as this user. Encoded once. Returns how many got it.
   */
  broadcast(event: ChannelEvent): number {
    const connections = this.#recipients(event.channel);
    if (!connections) return 0;
    const channel = this.channel(event.channel);
    if (channel && !event.isClientEvent) channel.eventCount += 1;
    const frame = encodeFrame(encodeChannelEvent(event));
    const recipients = sendToAll(connections, frame, event.exceptSocketId);
    this.#report({ kind: "broadcast", appId: this.app.id, recipients });
    return recipients;
  }

  /** To be called every second or so: ends what has lingered, and counts subscribers anew where they changed. */
  tick(nowMs: number): void {
    this.#subscriptions.tick(nowMs);
    const names = [...this.#counts.due(nowMs)].map(({ name }) => name);
    if (names.length > 0) this.presence.tellSubscriptionCounts(names);
  }

  /**
   * Closes with 4009 every connection of a user, signed in or present in any presence channel under that id; those
   * opened after `beforeMs` are not meant.
   */
  terminateUser(userId: string, beforeMs = Number.POSITIVE_INFINITY): number {
    const connections = [...this.#connections.values()].filter(
      (connection) => connection.openedMs <= beforeMs && isUser(connection, userId),
    );
    for (const connection of connections) {
      connection.fail(errors.terminated);
      // Not a broken connection, which its member may outlive for a while.
      for (const name of connection.subscriptions.keys()) this.unsubscribe(connection, name);
      this.disconnect(connection, errors.terminated.closeCode);
    }
    return connections.length;
  }

  #recipients(channelName: string): ReadonlySet<Connection> | undefined {
    const userId = userOfChannel(channelName);
    return userId === null
      ? this.channel(channelName)?.connections
      : this.users.connectionsOf(userId);
  }

  #memberChanged(name: string, member: Member, change: "added" | "removed"): void {
    const userId = userOfChannel(name);
    if (userId !== null) {
      return this.users.announce(userId, change === "added" ? "online" : "offline");
    }
    const channel = this.channel(name);
    if (!channel) return;
    const text =
      change === "added"
        ? encodeMemberAdded(name, member)
        : encodeMemberRemoved(name, member.userId);
    channel.broadcast(encodeFrame(text));
  }

  #countChanged(channel: Channel): void {
    const isCounted = this.app.subscriptionCount && channel.kind.access !== "presence";
    if (isCounted) this.#counts.changed(channel);
  }
}

function isUser(connection: Connection, userId: string): boolean {
  if (connection.user?.id === userId) return true;
  for (const { member } of connection.subscriptions.values()) {
    if (member && memberKey(member) === userId) return true;
  }
  return false;
}
