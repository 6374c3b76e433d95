/** Adds connections to channels and removes them: in the node's channels, and in the presence store. */

import type { App } from "./app.ts";
import { Away, type Remainder } from "./away.ts";
import { Channel } from "./channel.ts";
import type { Connection } from "./connection.ts";
import { errors } from "./errors.ts";
import { isPresenceFull } from "./limits.ts";
import { isSameMember, type Member } from "./presence.ts";
import type { PresenceStore } from "./presence-store.ts";
import type { Report } from "./report.ts";
import type { SubscriptionBudget } from "./subscription-budget.ts";
import type { SubscribeAnswer, Subscription } from "./subscription.ts";

/** How many subscribes that come before the first is answered are answered together with it. */
const maxAnswers = 10;

export class Subscriptions {
  readonly #app: App;
  readonly #presence: PresenceStore;
  readonly #budget: SubscriptionBudget;
  readonly #report: Report;
  readonly #onChanged: (channel: Channel) => void;
  readonly #channels = new Map<string, Channel>();
  #subscribedConnections = 0;
  /**
   * Members kept for `presenceGraceMs`; and those of recoverable clients, kept for the recovery window if that is
   * longer.
   */
  readonly #graced: Away;
  readonly #recoverable: Away;

  constructor(options: {
    app: App;
    presence: PresenceStore;
    budget: SubscriptionBudget;
    report: Report;
    /** For how long clients can be recovered; 0: no recovery. */
    recoveryWindowMs: number;
    /** The number of a channel's subscriptions on this node has changed. */
    onChanged: (channel: Channel) => void;
  }) {
    this.#app = options.app;
    this.#presence = options.presence;
    this.#budget = options.budget;
    this.#report = options.report;
    this.#onChanged = options.onChanged;
    const { presenceGraceMs } = options.app;
    const release = (remainder: Remainder): void => this.#release(remainder);
    this.#graced = new Away(presenceGraceMs, release);
    this.#recoverable = new Away(Math.max(presenceGraceMs, options.recoveryWindowMs), release);
  }

  /** Channels with subscriptions on this node, by name. */
  get channels(): ReadonlyMap<string, Channel> {
    return this.#channels;
  }

  channel(name: string): Channel | undefined {
    return this.#channels.get(name);
  }

  /**
   * Adds the subscription at once. It becomes live, and gets the channel's events, when the presence store calls back.
   * In that very moment `answer` is called, before any event can reach the connection, or it is called with the error
   * that refused it. It is not called if the subscription has ended by then, or the connection is being suspended.
   * Subscribing again as the same member changes nothing; as another member, the old one leaves first.
   */
  subscribe(
    connection: Connection,
    name: string,
    member: Member | null,
    answer: SubscribeAnswer,
  ): void {
    const before = connection.subscriptions.get(name);
    if (before && isSameMember(before.member, member)) return answerAgain(before, answer);
    if (before) this.unsubscribe(connection, name);
    if (!this.#budget.tryTake()) {
      this.#report({ kind: "subscriptions_exhausted", max: this.#budget.max });
      return answer({ ok: false, error: errors.tooManySubscriptions });
    }
    const subscription: Subscription = {
      channel: name,
      member,
      state: { kind: "entering", answers: [answer] },
    };
    if (connection.subscriptions.size === 0) this.#countConnections(1);
    connection.subscriptions.set(name, subscription);
    this.#presence.enter(name, () => this.#entered(connection, subscription));
  }

  /** Harmless when the connection is not subscribed. */
  unsubscribe(connection: Connection, name: string): void {
    const subscription = connection.subscriptions.get(name);
    if (!subscription) return;
    connection.subscriptions.delete(name);
    if (connection.subscriptions.size === 0) this.#countConnections(-1);
    this.#release(this.#end(connection, subscription));
  }

  /**
   * Ends all subscriptions of a closed connection; their members may stay listed for a while.
   *
   * @param token of a client that may be recovered; null: it may not
   */
  endAll(connection: Connection, token: string | null): void {
    if (connection.subscriptions.size > 0) this.#countConnections(-1);
    for (const subscription of connection.subscriptions.values()) {
      const remainder = this.#end(connection, subscription);
      if (remainder.member === null) this.#release(remainder);
      else if (token !== null) this.#recoverable.add(remainder, awayKey(token, remainder.channel));
      else if (this.#app.presenceGraceMs > 0) this.#graced.add(remainder);
      else this.#release(remainder);
    }
    connection.subscriptions.clear();
  }

  /** A recoverable client is back in the channel, or will not come back: its member need not be kept any more. */
  endAway(token: string, channel: string): void {
    this.#recoverable.end(awayKey(token, channel));
  }

  /** Keeps a member listed whose client was connected to another process, and may be recovered here. */
  addAway(token: string, channel: string, member: Member): void {
    if (!this.#budget.tryTake()) return;
    this.#presence.enter(channel, () => undefined);
    this.#presence.join(channel, member, () => undefined);
    this.#recoverable.add({ channel, member }, awayKey(token, channel));
  }

  /** Stops events to a connection that is about to be closed; its members stay until then. */
  mute(connection: Connection): void {
    for (const { state } of connection.subscriptions.values()) {
      if (state.kind === "live") state.channel.connections.delete(state.recipient);
    }
  }

  /** Whether members of broken connections are still listed. */
  get hasAway(): boolean {
    return this.#graced.size > 0 || this.#recoverable.size > 0;
  }

  /** Removes members who have been away for too long. */
  tick(nowMs: number): void {
    this.#graced.tick(nowMs);
    this.#recoverable.tick(nowMs);
  }

  #entered(connection: Connection, subscription: Subscription): void {
    const { channel: name, member, state } = subscription;
    if (state.kind !== "entering" || connection.recovery?.isSuspended) return;
    const { answers } = state;
    if (!member) return this.#admit(connection, subscription, answers);
    if (isPresenceFull(this.#app, member, this.#presence.roster(name))) {
      this.unsubscribe(connection, name);
      for (const answer of answers) answer({ ok: false, error: errors.presenceChannelFull });
      return;
    }
    subscription.state = { kind: "joining", answers };
    this.#presence.join(name, member, () => {
      if (hasEnded(subscription) || connection.recovery?.isSuspended) return;
      this.#admit(connection, subscription, answers);
    });
  }

  #admit(
    connection: Connection,
    subscription: Subscription,
    answers: readonly SubscribeAnswer[],
  ): void {
    const { channel: name } = subscription;
    const channel = this.#channels.get(name) ?? new Channel(name);
    this.#channels.set(name, channel);
    channel.connections.add(connection);
    subscription.state = { kind: "live", channel, recipient: connection, standing: null };
    const { socketId } = connection;
    this.#report({ kind: "subscription_added", appId: this.#app.id, socketId, channel: name });
    this.#onChanged(channel);
    const [first, ...others] = answers;
    first?.({ ok: true, channel, isNew: true });
    for (const answer of others) answer({ ok: true, channel, isNew: false });
  }

  /** Stops deliveries to the subscription. */
  #end(connection: Connection, subscription: Subscription): Remainder {
    const { channel: name, member, state } = subscription;
    subscription.state = { kind: "ended" };
    if (state.kind === "live") {
      const { channel } = state;
      channel.connections.delete(state.recipient);
      const isLast = channel.connections.size === 0 && this.#channels.get(name) === channel;
      if (isLast) this.#channels.delete(name);
      const { socketId } = connection;
      this.#report({ kind: "subscription_removed", appId: this.#app.id, socketId, channel: name });
      this.#onChanged(channel);
    }
    return { channel: name, member: state.kind === "entering" ? null : member };
  }

  /** Gives it back to the presence store, which announces that its member left. */
  #release({ channel, member }: Remainder): void {
    if (member) this.#presence.leave(channel, member);
    this.#presence.exit(channel);
    this.#budget.release();
  }

  #countConnections(change: 1 | -1): void {
    this.#subscribedConnections += change;
    this.#presence.setConnectionCount(this.#subscribedConnections);
  }
}

/** At once if it is live, else together with the first answer. */
function answerAgain({ state }: Subscription, answer: SubscribeAnswer): void {
  if (state.kind === "live") return answer({ ok: true, channel: state.channel, isNew: false });
  if (state.kind !== "ended" && state.answers.length < maxAnswers) state.answers.push(answer);
}

function hasEnded({ state }: Subscription): boolean {
  return state.kind === "ended";
}

function awayKey(token: string, channel: string): string {
  return `${token} ${channel}`;
}
