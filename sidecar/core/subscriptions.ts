/** How a connection comes into a channel and leaves it: for the node's channels, and for the presence store. */

import type { App } from "./app.ts";
import { Channel } from "./channel.ts";
import type { Connection } from "./connection.ts";
import { errors } from "./errors.ts";
import { isPresenceFull } from "./limits.ts";
import { memberKey, type Member } from "./presence.ts";
import type { PresenceStore } from "./presence-store.ts";
import type { Report } from "./report.ts";
import type { SubscriptionBudget } from "./subscription-budget.ts";
import type { SubscribeAnswer, Subscription } from "./subscription.ts";

/** Of subscribes that come before the first one is answered, so many are answered with it. */
const maxAnswers = 10;

/** What a subscription leaves with the presence store when it ends. */
interface Remainder {
  readonly channel: string;
  /** Who joined by it. */
  readonly member: Member | null;
}

/** Of a presence subscription whose connection broke, and whose member stays in the channel until then. */
interface Lingering extends Remainder {
  readonly untilMs: number;
}

export class Subscriptions {
  readonly #app: App;
  readonly #presence: PresenceStore;
  readonly #budget: SubscriptionBudget;
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
    budget: SubscriptionBudget;
    report: Report;
    /** A channel has more or fewer subscriptions on this node. */
    onChanged: (channel: Channel) => void;
  }) {
    this.#app = options.app;
    this.#presence = options.presence;
    this.#budget = options.budget;
    this.#report = options.report;
    this.#onChanged = options.onChanged;
  }

  /** Channels with subscriptions on this node. */
  get channelCount(): number {
    return this.#channels.size;
  }

  channel(name: string): Channel | undefined {
    return this.#channels.get(name);
  }

  /**
   * The connection has the subscription from now on; it is live, and gets the channel's events, when the presence
   * store says so. `answer` is called in that very moment, before any event can reach the connection, or with what
   * refused it; not at all if the subscription has ended by then. Subscribing again is harmless: as the same member
   * nothing changes, as another one the old one leaves.
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

  /** Ends all that a broken connection had; its members may stay for a while (`presenceGraceMs`). */
  endAll(connection: Connection): void {
    const { presenceGraceMs } = this.#app;
    if (connection.subscriptions.size > 0) this.#countConnections(-1);
    for (const subscription of connection.subscriptions.values()) {
      const remainder = this.#end(connection, subscription);
      if (remainder.member === null || presenceGraceMs === 0) this.#release(remainder);
      else this.#lingering.push({ ...remainder, untilMs: this.#tickedMs + presenceGraceMs });
    }
    connection.subscriptions.clear();
  }

  /** Members whose connection broke are still in their channels. */
  get hasLingering(): boolean {
    return this.#lingering.length > 0;
  }

  /** Ends what has lingered. */
  tick(nowMs: number): void {
    this.#tickedMs = nowMs;
    const ended = this.#lingering.findIndex(({ untilMs }) => untilMs > nowMs);
    const count = ended === -1 ? this.#lingering.length : ended;
    for (const remainder of this.#lingering.splice(0, count)) this.#release(remainder);
  }

  #entered(connection: Connection, subscription: Subscription): void {
    const { channel: name, member, state } = subscription;
    if (state.kind !== "entering") return;
    const { answers } = state;
    if (!member) return this.#admit(connection, subscription, answers);
    if (isPresenceFull(this.#app, member, this.#presence.roster(name))) {
      this.unsubscribe(connection, name);
      for (const answer of answers) answer({ ok: false, error: errors.presenceChannelFull });
      return;
    }
    subscription.state = { kind: "joining", answers };
    this.#presence.join(name, member, () => {
      if (hasEnded(subscription)) return;
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
    subscription.state = { kind: "live", channel };
    const { socketId } = connection;
    this.#report({ kind: "subscription_added", appId: this.#app.id, socketId, channel: name });
    this.#onChanged(channel);
    for (const answer of answers) answer({ ok: true, channel });
  }

  /** Nothing more is delivered to it. */
  #end(connection: Connection, subscription: Subscription): Remainder {
    const { channel: name, member, state } = subscription;
    subscription.state = { kind: "ended" };
    if (state.kind === "live") {
      const { channel } = state;
      channel.connections.delete(connection);
      if (channel.connections.size === 0) this.#channels.delete(name);
      const { socketId } = connection;
      this.#report({ kind: "subscription_removed", appId: this.#app.id, socketId, channel: name });
      this.#onChanged(channel);
    }
    return { channel: name, member: state.kind === "entering" ? null : member };
  }

  /** The channel's subscribers are sent that its member left. */
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

/** At once, or with the first one. */
function answerAgain({ state }: Subscription, answer: SubscribeAnswer): void {
  if (state.kind === "live") return answer({ ok: true, channel: state.channel });
  if (state.kind !== "ended" && state.answers.length < maxAnswers) state.answers.push(answer);
}

function hasEnded({ state }: Subscription): boolean {
  return state.kind === "ended";
}

function isSameMember(a: Member | null, b: Member | null): boolean {
  return a === null || b === null ? a === b : memberKey(a) === memberKey(b);
}
