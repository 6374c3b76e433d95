/** All connections and channels of one app on this node. Each app has its own hub, so apps never meet. */

import type { App } from "./app.ts";
import type { Channel } from "./channel.ts";
import { userOfChannel } from "./channel-name.ts";
import type { Connection } from "./connection.ts";
import { encodeFrame, type Frame } from "./frame.ts";
import { encodeChannelEvent, encodeSubscriptionCount } from "./messages.ts";
import type { Broker, ChannelEvent, Webhooks } from "./ports.ts";
import type { Report } from "./report.ts";
import type { Member } from "./presence.ts";
import type { PresenceListener, PresenceStore, RosterView } from "./presence-store.ts";
import { TokenBucket } from "./rate-limit.ts";
import { sendToAll, type Recipient } from "./recipient.ts";
import type { Recovery } from "./recovery/recovery.ts";
import { RepeatLimit } from "./repeat-limit.ts";
import { channelSubject } from "./subject.ts";
import type { SubscriptionBudget } from "./subscription-budget.ts";
import { SubscriptionCounts } from "./subscription-counts.ts";
import type { SubscribeAnswer } from "./subscription.ts";
import { Subscriptions } from "./subscriptions.ts";
import { terminate } from "./terminate.ts";
import { Users } from "./users.ts";
import { toDelivered } from "./wire-trace.ts";
import { WorkQueue } from "./work-queue.ts";

/** How many pieces of a tick's work are done in one turn of the event loop. */
const workPerTurn = 50;

export class Hub {
  readonly app: App;
  readonly presence: PresenceStore;
  readonly users: Users;
  /** Null: missed events are not sent again. */
  readonly recovery: Recovery | null;
  /** Limits requests that one connection repeats. */
  readonly repeats = new RepeatLimit();
  readonly #report: Report;
  /** By socket id, oldest first. Read-only for others. */
  readonly connections = new Map<string, Connection>();
  readonly #subscriptions: Subscriptions;
  #publishBucket: TokenBucket | null = null;
  readonly #counts = new SubscriptionCounts();
  /** Channels with work at the end of this tick. */
  readonly #ticking = new Set<Channel>();
  readonly #work: WorkQueue;

  constructor(options: {
    app: App;
    report: Report;
    webhooks: Webhooks;
    presence: (listener: PresenceListener) => PresenceStore;
    /** @param onSeatEnded called when a client has come back to a channel, or will not */
    recovery: ((onSeatEnded: (token: string, channel: string) => void) => Recovery) | null;
    /** Shared by all apps of the node. */
    budget: SubscriptionBudget;
    /** Runs its argument on a later turn of the event loop (`setImmediate`). */
    schedule: (run: () => void) => void;
  }) {
    const { app, report, webhooks, budget, schedule } = options;
    this.app = app;
    this.#report = report;
    this.#work = new WorkQueue({ perTurn: workPerTurn, schedule });
    this.presence = options.presence({
      memberAdded: (channel, member) => this.#memberChanged(channel, member, "added"),
      memberRemoved: (channel, member) => this.#memberChanged(channel, member, "removed"),
      subscriptionsCounted: (name, count) => {
        const { connections } = this.channel(name) ?? {};
        if (connections) sendToAll(connections, encodeFrame(encodeSubscriptionCount(name, count)));
      },
      webhookDue: (event) => webhooks.notify(app.id, event),
    });
    this.users = new Users(this.presence);
    const onChanged = (channel: Channel): void => this.#countChanged(channel);
    const onSeatEnded = (token: string, channel: string): void =>
      this.#subscriptions.endAway(token, channel);
    this.recovery = options.recovery?.(onSeatEnded) ?? null;
    const recoveryWindowMs = this.recovery?.windowMs ?? 0;
    const parts = { app, presence: this.presence, budget, report, recoveryWindowMs, onChanged };
    this.#subscriptions = new Subscriptions(parts);
  }

  /** Counts one of the app's publishing requests; false if it is over the rate. */
  mayPublish(nowMs: number): boolean {
    const { publishRate } = this.app;
    if (!publishRate) return true;
    this.#publishBucket ??= new TokenBucket(publishRate, nowMs);
    return this.#publishBucket.tryTake(nowMs);
  }

  get connectionCount(): number {
    return this.connections.size;
  }

  /** Whether clients are connected, or may be on their way back. */
  get isInUse(): boolean {
    return this.connections.size > 0 || this.#subscriptions.hasAway;
  }

  /** Channels with at least one subscription on this node, by name. */
  get channels(): ReadonlyMap<string, Channel> {
    return this.#subscriptions.channels;
  }

  /** Undefined if nobody on this node is subscribed. */
  channel(name: string): Channel | undefined {
    return this.#subscriptions.channel(name);
  }

  connect(connection: Connection): void {
    this.connections.set(connection.socketId, connection);
    const { socketId } = connection;
    this.#report({ kind: "connection_opened", appId: this.app.id, socketId });
    this.recovery?.connected(connection);
  }

  /** Ends all subscriptions of a connection that is closed, with its close code. Harmless when called twice. */
  disconnect(connection: Connection, code: number): void {
    if (!this.connections.delete(connection.socketId)) return;
    connection.markClosed();
    const mayComeBack = this.recovery?.closed(connection, code) ?? false;
    this.users.signOut(connection);
    this.repeats.forget(connection);
    const token = mayComeBack ? (connection.recovery?.token.key ?? null) : null;
    this.#subscriptions.endAll(connection, token);
    const { socketId } = connection;
    this.#report({ kind: "connection_closed", appId: this.app.id, socketId, code });
  }

  /** This node stops: the connection gets no more events. Calls back once its session is kept and it may be closed. */
  suspend(connection: Connection, done: () => void): void {
    if (!this.recovery) return done();
    const mute = (): void => {
      this.#subscriptions.mute(connection);
      this.users.mute(connection);
    };
    this.recovery.suspend(connection, mute, done);
  }

  /** A client of this node's predecessor may come back to this channel, and stays a member until then. */
  expect(token: string, channel: string, member: Member): void {
    this.#subscriptions.addAway(token, channel, member);
  }

  /** See `Subscriptions`. */
  subscribe(
    connection: Connection,
    name: string,
    member: Member | null,
    answer: SubscribeAnswer,
  ): void {
    this.#subscriptions.subscribe(connection, name, member, answer);
  }

  /** Harmless when the connection is not subscribed. A pending subscription is cancelled. */
  unsubscribe(connection: Connection, name: string): void {
    connection.cancel(channelSubject(name));
    this.repeats.cancel(connection, name);
    this.#subscriptions.unsubscribe(connection, name);
    this.recovery?.changed(connection);
  }

  /** The members of a channel with subscribers on this node. */
  roster(name: string): RosterView | undefined {
    return this.presence.roster(name);
  }

  /** The last event of a cache channel, as a frame shared by all who ask for it within a tick. */
  lastEvent(channel: Channel, broker: Broker): Promise<Frame | null> {
    this.#ticking.add(channel);
    return channel.lastEvent(this.app.id, broker);
  }

  /**
   * Sends an event to this node's subscribers of its channel, or, on a user's own channel, to the connections that
   * signed in as this user. Encoded once. Returns how many got it.
   */
  broadcast(event: ChannelEvent): number {
    const connections = this.#recipients(event.channel);
    this.recovery?.begin(event);
    const recipients = connections ? this.#deliver(event, connections) : 0;
    this.recovery?.end(connections);
    this.#report.contents?.(event, recipients);
    this.#report.details?.(toDelivered(event, recipients));
    return recipients;
  }

  /** To be called every second or so: starts deferred work, done a slice per turn of the event loop. */
  tick(nowMs: number): void {
    this.#subscriptions.tick(nowMs);
    this.recovery?.tick(nowMs);
    this.repeats.tick(this.#work);
    for (const channel of this.#ticking) this.#add(channel.tick());
    this.#ticking.clear();
    this.#add(this.users.tick());
    for (const names of this.#counts.due(nowMs)) {
      this.#work.add(() => this.presence.announceSubscriptionCounts(names));
    }
  }

  /**
   * Closes with 4009 every connection of a user, signed in or in any presence channel under that id, that was opened up
   * to `beforeMs`. Returns how many.
   */
  terminateUser(userId: string, beforeMs = Number.POSITIVE_INFINITY): number {
    const connections = [...this.connections.values()].filter(
      (connection) => connection.openedMs <= beforeMs && connection.isOf(userId),
    );
    for (const connection of connections) terminate(this, connection);
    this.recovery?.terminate(userId, this.connections.values());
    return connections.length;
  }

  #deliver(event: ChannelEvent, connections: ReadonlySet<Recipient>): number {
    const channel = this.channel(event.channel);
    if (channel && !event.isClientEvent) channel.eventCount += 1;
    const frame = encodeFrame(encodeChannelEvent(event));
    const recipients = sendToAll(connections, frame, event.exceptSocketId);
    this.#report({ kind: "broadcast", appId: this.app.id, recipients });
    return recipients;
  }

  #recipients(channelName: string): ReadonlySet<Recipient> | undefined {
    const userId = userOfChannel(channelName);
    return userId === null
      ? this.channel(channelName)?.connections
      : this.users.connectionsOf(userId);
  }

  #memberChanged(name: string, member: Member, change: "added" | "removed"): void {
    const userId = userOfChannel(name);
    if (userId !== null) {
      return change === "added" ? this.users.cameOnline(userId) : this.users.wentOffline(userId);
    }
    const channel = this.channel(name);
    if (!channel?.feed) return;
    channel.feed[change](member);
    this.#ticking.add(channel);
  }

  #add(work: readonly (() => void)[]): void {
    for (const run of work) this.#work.add(run);
  }

  #countChanged(channel: Channel): void {
    const isCounted = this.app.subscriptionCount && channel.kind.access !== "presence";
    if (isCounted) this.#counts.changed(channel);
  }
}
