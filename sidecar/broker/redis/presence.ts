/** The presence store of several nodes: registers this node's members in Redis, and learns the others' from there. */

import { hasMembers } from "../../core/channel-name.ts";
import { toWebhookEvent } from "../../core/occupancy.ts";
import { encodeMember, memberKey, type Member } from "../../core/presence.ts";
import type {
  Answer,
  ChannelSummary,
  PresenceListener,
  PresenceStore,
  WantedChannels,
} from "../../core/presence-store.ts";
import { Roster, type RosterChange } from "../../core/roster.ts";
import type { Availability } from "./availability.ts";
import { createQueries, type Queries } from "./queries.ts";
import type { Registrations } from "./registrations.ts";
import { snapshot } from "./scripts/queries.ts";
import type { RunScript } from "./scripts/script.ts";
import { createCountAnnouncer } from "./subscription-counts.ts";
import type { Transition } from "./scripts/transitions.ts";
import type { Topics } from "./topics.ts";

export interface RedisPresenceOptions {
  readonly run: RunScript;
  readonly availability: Availability;
  readonly registrations: Registrations;
  readonly topics: Topics;
  readonly listener: PresenceListener;
}

interface EnteredChannel {
  entries: number;
  /** Null for channels without members: a public channel needs no lists. */
  readonly roster: Roster | null;
  /** Pending while the first subscriber to enter still waits for Redis. */
  opening: Promise<void> | null;
}

/** Snapshots requested at a time. */
const snapshotsAtOnce = 50;

export class RedisPresence implements PresenceStore {
  readonly #options: RedisPresenceOptions;
  readonly #channels = new Map<string, EnteredChannel>();
  readonly #queries: Queries;
  readonly #announceCounts: (names: readonly string[]) => Promise<void>;
  /** Whether lists in Redis may lack members who never left. */
  #isDegraded = false;
  #isDraining = false;

  constructor(options: RedisPresenceOptions) {
    this.#options = options;
    this.#queries = createQueries(options);
    this.#announceCounts = createCountAnnouncer({
      ...options,
      ownCount: (name) => this.#channels.get(name)?.entries ?? 0,
    });
    options.availability.onLost(() => this.#distrust());
  }

  enter(name: string, entered: () => void): void {
    void this.#enter(name).then(entered);
  }

  exit(name: string): void {
    const channel = this.#channels.get(name);
    if (!channel) return;
    channel.entries -= 1;
    if (channel.entries === 0) {
      this.#channels.delete(name);
      this.#options.topics.drop(name);
    }
    if (!this.#isDraining) this.#options.registrations.setCount(name, channel.entries);
  }

  join(name: string, member: Member, joined: () => void): void {
    void this.#join(name, member).then(joined);
  }

  leave(name: string, member: Member): void {
    const { registrations } = this.#options;
    const key = memberKey(member);
    const roster = this.#channels.get(name)?.roster;
    const isLast = roster?.leave(member, registrations.isStored(name, key));
    if (isLast && !this.#isDraining) registrations.removeMember(name, key);
  }

  hasEntered = (name: string): boolean => this.#channels.has(name);

  roster(name: string): Roster | undefined {
    return this.#channels.get(name)?.roster ?? undefined;
  }

  setConnectionCount(count: number): void {
    if (!this.#isDraining) this.#options.registrations.setConnections(count);
  }

  announceSubscriptionCounts(names: readonly string[]): void {
    void this.#announceCounts(names);
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

  listNodes(): ReturnType<Queries["listNodes"]> {
    return this.#queries.listNodes();
  }

  /** A change of a channel's members, from whichever node. */
  apply(name: string, change: RosterChange): void {
    const roster = this.#channels.get(name)?.roster;
    if (!roster || roster.apply(change)) return;
    const { signal } = this.#options.availability;
    // On the way back every incomplete list is read.
    if (signal) void this.#reload(name, roster, signal);
  }

  /** Passes beginnings and ends on to webhooks. */
  passOn(transitions: readonly Transition[]): void {
    for (const { occupancy, change } of transitions) {
      const event = toWebhookEvent(occupancy, change);
      if (event) this.#options.listener.webhookDue(event);
    }
  }

  /**
   * Reads all member lists, then calls back in the same turn. Rejects if they can't be read, or the signal aborts before
   * that.
   */
  async reload(signal: AbortSignal, onWhole: () => void): Promise<void> {
    const { topics, registrations } = this.#options;
    const read = async ([name, roster]: readonly [string, Roster]): Promise<void> => {
      await topics.want(name);
      await registrations.flush();
      // Channels left meanwhile are dropped already.
      if (this.#channels.get(name)?.roster !== roster) return;
      await this.#readSnapshot(name, roster, signal);
    };
    for (;;) {
      signal.throwIfAborted();
      const missing = [...this.#channels].flatMap(([name, { roster }]) =>
        roster && !roster.isLoaded ? [[name, roster] as const] : [],
      );
      if (missing.length === 0) return onWhole();
      for (let i = 0; i < missing.length; i += snapshotsAtOnce) {
        await Promise.all(missing.slice(i, i + snapshotsAtOnce).map(read));
      }
    }
  }

  /** The lists in Redis are complete: whoever is not on them has left. */
  trust(): void {
    this.#isDegraded = false;
    for (const { roster } of this.#channels.values()) roster?.trust();
  }

  /** This node stops: members who leave it stay listed until its registrations are removed. */
  beginDrain(): void {
    this.#isDraining = true;
  }

  /** Redis is lost, or its lists may be incomplete: nobody is removed from a list until `trust`. */
  #distrust(): void {
    this.#isDegraded = true;
    for (const { roster } of this.#channels.values()) {
      roster?.distrust();
      roster?.awaitSnapshot();
    }
  }

  async #enter(name: string): Promise<void> {
    const { topics, registrations, availability } = this.#options;
    const channel = this.#channels.get(name) ?? this.#open(name);
    channel.entries += 1;
    if (!this.#isDraining) registrations.setCount(name, channel.entries);
    const isFirst = channel.entries === 1;
    const subscribed = isFirst ? topics.want(name) : Promise.resolve();
    const { signal } = availability;
    if (!signal) return;
    if (isFirst) {
      channel.opening = this.#load(name, channel, subscribed, signal).finally(() => {
        channel.opening = null;
      });
    }
    await channel.opening;
    await registrations.flush();
  }

  async #join(name: string, member: Member): Promise<void> {
    const { registrations, availability } = this.#options;
    const isFirst = this.#channels.get(name)?.roster?.join(member);
    if (this.#isDraining) return;
    if (isFirst) registrations.addMember(name, memberKey(member), encodeMember(member));
    if (availability.signal) await registrations.flush();
  }

  #open(name: string): EnteredChannel {
    const { listener } = this.#options;
    const announce = {
      added: (member: Member) => listener.memberAdded(name, member),
      removed: (member: Member) => listener.memberRemoved(name, member),
    };
    const roster = hasMembers(name) ? new Roster(announce, { isTrusted: !this.#isDegraded }) : null;
    const channel = { entries: 0, roster, opening: null };
    this.#channels.set(name, channel);
    return channel;
  }

  async #load(
    name: string,
    channel: EnteredChannel,
    subscribed: Promise<void>,
    signal: AbortSignal,
  ): Promise<void> {
    // The snapshot comes after the subscription, so that no change falls in between; and after the registration,
    // without which Redis might forget the channel's version when others leave it.
    await subscribed;
    await this.#options.registrations.flush();
    if (!channel.roster || signal.aborted) return;
    await this.#reload(name, channel.roster, signal);
  }

  async #reload(name: string, roster: Roster, signal: AbortSignal): Promise<void> {
    try {
      await this.#readSnapshot(name, roster, signal);
    } catch {
      if (!signal.aborted) this.#options.availability.lose();
    }
  }

  async #readSnapshot(name: string, roster: Roster, signal: AbortSignal): Promise<void> {
    let isWhole = false;
    while (!isWhole) {
      const found = await this.#options.run(snapshot, name);
      // It dates from before the outage; changes since then were not received.
      signal.throwIfAborted();
      isWhole = roster.load(found);
    }
  }
}
