/** The presence store of many nodes: what this node holds is told to Redis, and what the others hold comes from there. */

import { hasMembers } from "../../core/channel-name.ts";
import { toFact } from "../../core/facts.ts";
import { encodeMember, memberKey, type Member } from "../../core/presence.ts";
import type {
  Answer,
  ChannelSummary,
  PresenceListener,
  PresenceStore,
  WantedChannels,
} from "../../core/presence-store.ts";
import { Roster, type RosterChange } from "../../core/roster.ts";
import type { Holdings } from "./holdings.ts";
import { parseField } from "./keys.ts";
import { createQueries, parseSnapshot, type Queries } from "./queries.ts";
import { snapshot, tellCounts } from "./scripts/queries.ts";
import type { RunScript } from "./scripts/script.ts";
import type { Topics } from "./topics.ts";

export interface RedisPresenceOptions {
  readonly run: RunScript;
  readonly holdings: Holdings;
  readonly topics: Topics;
  readonly listener: PresenceListener;
  /** Whether Redis is there, and knows all that this node holds. */
  readonly isUp: () => boolean;
  /** Something that was asked for could not be had. */
  readonly onFault: () => void;
}

interface EnteredChannel {
  entries: number;
  /** Null where nobody can be a member: a public channel costs no lists. */
  readonly roster: Roster | null;
  /** Pending while the first one to enter still waits for Redis. */
  opening: Promise<void> | null;
}

/** Snapshots that are asked for at a time. */
const snapshotsAtOnce = 50;

export class RedisPresence implements PresenceStore {
  readonly #options: RedisPresenceOptions;
  readonly #channels = new Map<string, EnteredChannel>();
  readonly #queries: Queries;
  #isSettled = true;
  #isLeaving = false;
  #losses = 0;

  constructor(options: RedisPresenceOptions) {
    this.#options = options;
    this.#queries = createQueries(options);
  }

  enter(name: string): void | Promise<void> {
    const { topics, holdings, isUp } = this.#options;
    const channel = this.#channels.get(name) ?? this.#open(name);
    channel.entries += 1;
    if (!this.#isLeaving) holdings.setCount(name, channel.entries);
    const subscribing = channel.entries === 1 ? topics.want(name) : undefined;
    if (!isUp()) return;
    if (channel.entries === 1) {
      channel.opening = this.#load(name, channel, subscribing).finally(() => {
        channel.opening = null;
      });
    }
    const { opening } = channel;
    return opening ? opening.then(() => holdings.flush()) : holdings.flush();
  }

  exit(name: string): void {
    const channel = this.#channels.get(name);
    if (!channel) return;
    channel.entries -= 1;
    if (channel.entries === 0) {
      this.#channels.delete(name);
      this.#options.topics.drop(name);
    }
    if (!this.#isLeaving) this.#options.holdings.setCount(name, channel.entries);
  }

  join(name: string, member: Member): void | Promise<void> {
    const { holdings, isUp } = this.#options;
    const isFirst = this.#channels.get(name)?.roster?.join(member);
    if (this.#isLeaving) return;
    if (isFirst) holdings.hold(name, memberKey(member), encodeMember(member));
    if (isUp()) return holdings.flush();
  }

  leave(name: string, member: Member): void {
    const { holdings } = this.#options;
    const key = memberKey(member);
    const isLast = this.#channels.get(name)?.roster?.leave(member, holdings.isStored(name, key));
    if (isLast && !this.#isLeaving) holdings.release(name, key);
  }

  hasEntered = (name: string): boolean => this.#channels.has(name);

  roster(name: string): Roster | undefined {
    return this.#channels.get(name)?.roster ?? undefined;
  }

  setConnectionCount(count: number): void {
    if (!this.#isLeaving) this.#options.holdings.setConnections(count);
  }

  tellSubscriptionCounts(names: readonly string[]): void {
    void this.#tellSubscriptionCounts(names);
  }

  findChannels(wanted: WantedChannels): Promise<Answer<readonly ChannelSummary[]>> {
    return this.#queries.findChannels(wanted);
  }

  findMembers(name: string): Promise<Answer<readonly Member[]>> {
    return this.#queries.findMembers(name);
  }

  countConnections(): Promise<Answer<number>> {
    return this.#queries.countConnections();
  }

  /** A change of a channel's members, from whichever node. */
  apply(name: string, change: RosterChange): void {
    const roster = this.#channels.get(name)?.roster;
    if (roster && !roster.apply(change)) this.#reload(name, roster);
  }

  /** Facts of the scripts: `+` or `-` and a field. */
  tellFacts(facts: unknown): void {
    for (const fact of Array.isArray(facts) ? facts : []) {
      const text = String(fact);
      const thing = parseField(text.slice(1));
      const event = thing && toFact(thing, text.startsWith("+") ? "began" : "ended");
      if (event) this.#options.listener.happened(event);
    }
  }

  /** Redis is lost, or may say too little: nobody is taken off a list until `settle`. */
  unsettle(): void {
    this.#losses += 1;
    this.#isSettled = false;
    for (const { roster } of this.#channels.values()) {
      roster?.unsettle();
      roster?.awaitSnapshot();
    }
  }

  /** Reads who is where, until nothing is left to read; then calls back in the same turn. Rejects if it can't be read. */
  async reload(onWhole: () => void): Promise<void> {
    const { topics, holdings } = this.#options;
    const read = async ([name, roster]: readonly [string, Roster]): Promise<void> => {
      await topics.want(name);
      await holdings.flush();
      // Whoever left meanwhile is dropped already.
      if (this.#channels.get(name)?.roster === roster) await this.#readSnapshot(name, roster);
    };
    for (;;) {
      const missing = [...this.#channels].flatMap(([name, { roster }]) =>
        roster && !roster.isLoaded ? [[name, roster] as const] : [],
      );
      if (missing.length === 0) return onWhole();
      for (let i = 0; i < missing.length; i += snapshotsAtOnce) {
        await Promise.all(missing.slice(i, i + snapshotsAtOnce).map(read));
      }
    }
  }

  settle(): void {
    this.#isSettled = true;
    for (const { roster } of this.#channels.values()) roster?.settle();
  }

  /** This node stops: who is gone from here stays listed until its holdings are given up. */
  handOver(): void {
    this.#isLeaving = true;
    this.#options.holdings.close();
  }

  #open(name: string): EnteredChannel {
    const { listener } = this.#options;
    const announce = {
      added: (member: Member) => listener.memberAdded(name, member),
      removed: (member: Member) => listener.memberRemoved(name, member),
    };
    const roster = hasMembers(name) ? new Roster(announce, { isSettled: this.#isSettled }) : null;
    const channel = { entries: 0, roster, opening: null };
    this.#channels.set(name, channel);
    return channel;
  }

  async #load(
    name: string,
    channel: EnteredChannel,
    subscribing: void | Promise<void>,
  ): Promise<void> {
    // The snapshot comes after the subscription, so that no change falls in between; and after the report, without
    // which Redis might forget the channel's version when others leave it.
    await subscribing;
    await this.#options.holdings.flush();
    if (!channel.roster || !this.#options.isUp()) return;
    try {
      await this.#readSnapshot(name, channel.roster);
    } catch {
      this.#options.onFault();
    }
  }

  async #readSnapshot(name: string, roster: Roster): Promise<void> {
    const losses = this.#losses;
    let isWhole = false;
    while (!isWhole) {
      const reply = await this.#options.run(snapshot, name);
      // It is of a time before the loss: what has changed since was not listened to.
      if (losses !== this.#losses) throw new Error("lost meanwhile");
      isWhole = roster.load(parseSnapshot(reply));
    }
  }

  #reload(name: string, roster: Roster): void {
    this.#readSnapshot(name, roster).catch(this.#options.onFault);
  }

  async #tellSubscriptionCounts(names: readonly string[]): Promise<void> {
    const { run, listener, holdings, isUp } = this.#options;
    if (!isUp()) {
      // What this node knows is better than nothing.
      for (const name of names) {
        const count = this.#channels.get(name)?.entries;
        if (count !== undefined) listener.subscriptionsCounted(name, count);
      }
      return;
    }
    try {
      await holdings.flush();
      const counts = await run(tellCounts, ...names);
      if (!Array.isArray(counts)) return;
      for (const [index, channel] of names.entries()) {
        const count = Number(counts[index]);
        if (count === 0) continue;
        listener.happened({ name: "subscription_count", channel, subscription_count: count });
      }
    } catch {
      this.#options.onFault();
    }
  }
}
