/** One app on Redis: builds the parts that share its names, and hands each message to the one that it is for. */

import type { BrokerReceiver, BrokerResult, CachedEvent, ChannelEvent } from "../../core/ports.ts";
import type { PresenceListener } from "../../core/presence-store.ts";
import { RedisClock } from "./clock.ts";
import {
  encodeEvent,
  encodeTerminate,
  parseEnvelope,
  type Envelope,
  type EnvelopeFault,
} from "./envelope.ts";
import { EventLog, parseEntries } from "./event-log.ts";
import { Holdings } from "./holdings.ts";
import { baseOf, controlChannel, topicOf } from "./keys.ts";
import type { Links } from "./links.ts";
import { RedisPresence } from "./presence.ts";
import { publishTo, type Publication } from "./publisher.ts";
import * as scripts from "./scripts.ts";
import { Session } from "./session.ts";
import { Topics } from "./topics.ts";

export interface RedisAppOptions {
  readonly appId: string;
  readonly links: Links;
  readonly prefix: string;
  readonly nodeId: string;
  readonly newId: () => string;
  readonly now: () => number;
  readonly receiver: BrokerReceiver;
  readonly listener: PresenceListener;
  /** How long ends wait for their undoing; null: nobody wants to hear of them. */
  readonly graceMs: number | null;
  readonly timeoutMs: number;
  readonly nodeLeaseMs: number;
  readonly cacheTtlMs: number;
  readonly onState: (isUp: boolean) => void;
  readonly onIgnored: (fault: EnvelopeFault) => void;
  readonly onReplayed: (messages: number) => void;
  readonly onGap: () => void;
  readonly onTakeover: (nodeId: string) => void;
}

export class RedisApp {
  readonly presence: RedisPresence;
  readonly #options: RedisAppOptions;
  readonly #base: string;
  readonly #clock = new RedisClock();
  readonly #log: EventLog;
  readonly #session: Session;
  readonly #waiting = new Set<() => void>();
  #lostSinceMs: number;

  constructor(options: RedisAppOptions) {
    const { links, appId, now, graceMs } = options;
    this.#options = options;
    this.#base = baseOf(options.prefix, appId);
    this.#lostSinceMs = now();
    const run = (script: scripts.Script, ...args: (string | number)[]): Promise<unknown> =>
      this.#run(script, ...args);
    const link = links.subscriber(this.#base);
    const onFault = (): void => this.#session.lose();
    const topics = new Topics({
      subscribe: (channels) => link.subscribe(channels.map((name) => topicOf(this.#base, name))),
      unsubscribe: (channels) =>
        link.unsubscribe(channels.map((name) => topicOf(this.#base, name))),
      onFault,
    });
    const holdings = new Holdings({
      report: async (changes) => {
        const reply = await run(scripts.report, options.nodeId, JSON.stringify(changes));
        const [isKnown, facts]: unknown[] = Array.isArray(reply) ? reply : [];
        if (isKnown !== 1) throw new Error("this node is not known any more");
        this.presence.tellFacts(facts);
      },
      onFault,
      now,
      endedMemoryMs: (graceMs ?? 0) + 2_000,
    });
    this.presence = new RedisPresence({
      run,
      holdings,
      topics,
      listener: options.listener,
      isUp: () => this.#session.isUp,
      onFault,
    });
    this.#log = new EventLog({
      read: async (after, count) =>
        parseEntries(await run(scripts.readLog, `(${after}`, "+", count)),
      has: async (id) => parseEntries(await run(scripts.readLog, id, id, 1)).length > 0,
      deliver: (channel, message, entryId) => this.#deliver(channel, message, entryId),
      onReplayed: options.onReplayed,
      onGap: options.onGap,
    });
    this.#session = new Session({
      ...options,
      run,
      link,
      topics,
      holdings,
      presence: this.presence,
      log: this.#log,
      clock: this.#clock,
      onState: (isUp) => this.#changeState(isUp),
    });
    link.attach(this.#base, {
      message: (channel, text) => this.#log.receive(channel, text),
      ready: () => this.#session.wake(),
      lost: () => {
        this.#log.hold();
        this.#session.lose();
      },
    });
    links.onChange(() => {
      if (links.isReady) this.#session.wake();
      else this.#session.lose();
    });
  }

  get isUp(): boolean {
    return this.#session.isUp;
  }

  get nodeCount(): number {
    return this.#session.nodeCount;
  }

  publish(events: readonly ChannelEvent[]): Promise<BrokerResult> {
    return this.#publish(this.#gather(events));
  }

  terminate(userId: string): Promise<BrokerResult> {
    const message = encodeTerminate(this.#options.newId(), userId);
    return this.#publish([{ message, channels: [controlChannel] }]);
  }

  /** To all other nodes, without a promise; false if it can't be sent. */
  async relay(event: ChannelEvent): Promise<boolean> {
    const { links, nodeId, newId } = this.#options;
    if (!links.isReady) return false;
    const message = encodeEvent({ id: newId(), node: nodeId }, event);
    try {
      await links.publish(topicOf(this.#base, event.channel), message);
      return true;
    } catch {
      return false;
    }
  }

  async lastEvent(channel: string): Promise<CachedEvent | null> {
    try {
      const reply = await this.#run(scripts.lastEvent, channel);
      const [message, ttlMs]: unknown[] = Array.isArray(reply) ? reply : [];
      const parsed = typeof message === "string" ? parseEnvelope(message) : null;
      if (!parsed?.ok || parsed.envelope.type !== "event") return null;
      const { appId } = this.#options;
      return { event: { ...parsed.envelope.event, appId, channel }, ttlMs: Number(ttlMs) };
    } catch {
      return null;
    }
  }

  /** Resolves once Redis is there, or after so long. */
  whenUp(withinMs: number): Promise<void> {
    if (this.isUp) return Promise.resolve();
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, withinMs);
    this.#waiting.add(resolve);
    return promise.finally(() => {
      clearTimeout(timer);
      this.#waiting.delete(resolve);
    });
  }

  /** From now on who leaves is not told: they may come back on another node. */
  handOver(): void {
    this.presence.handOver();
  }

  /** Gives up what is left of this node's members. */
  async leave(): Promise<void> {
    await this.#session.leave();
  }

  close(): void {
    this.#session.close();
  }

  #run(script: scripts.Script, ...args: (string | number)[]): Promise<unknown> {
    return this.#runWith(script, args);
  }

  async #runWith(script: scripts.Script, args: readonly (string | number)[]): Promise<unknown> {
    const { links, graceMs } = this.#options;
    const command = await links.publishCommand();
    return links.run(script, this.#base, [command, graceMs ?? -1, ...args]);
  }

  /** Events of one publish with the same content, for several channels, are one message. */
  #gather(events: readonly ChannelEvent[]): Publication[] {
    const { nodeId, newId } = this.#options;
    const publications: { event: ChannelEvent; channels: string[] }[] = [];
    for (const event of events) {
      const last = publications.at(-1);
      if (last && isSameContent(last.event, event)) last.channels.push(event.channel);
      else publications.push({ event, channels: [event.channel] });
    }
    return publications.map(({ event, channels }) => ({
      message: encodeEvent({ id: newId(), node: nodeId }, event),
      channels,
    }));
  }

  #publish(publications: readonly Publication[]): Promise<BrokerResult> {
    const { links, now, timeoutMs, cacheTtlMs } = this.#options;
    return publishTo(publications, {
      run: (script, ...args) => this.#run(script, ...args),
      clock: this.#clock,
      // Where Redis has been away for longer than anybody would wait, nobody does.
      whenReady: (withinMs) =>
        this.whenUp(Math.min(withinMs, Math.max(0, timeoutMs - (now() - this.#lostSinceMs)))),
      isReady: () => links.isReady,
      now,
      timeoutMs,
      cacheTtlMs,
    });
  }

  #changeState(isUp: boolean): void {
    const { now, onState } = this.#options;
    if (isUp) for (const resolve of this.#waiting) resolve();
    else this.#lostSinceMs = now();
    onState(isUp);
  }

  #deliver(channel: string, message: string, entryId?: string): void {
    const parsed = parseEnvelope(message);
    if (parsed.ok) this.#handle(channel, parsed.envelope, entryId);
    else this.#options.onIgnored(parsed.fault);
  }

  #handle(channel: string, envelope: Envelope, entryId?: string): void {
    const { appId, nodeId, receiver, listener } = this.#options;
    switch (envelope.type) {
      case "event": {
        // What a client of this node sent was broadcast here before it was relayed.
        if (envelope.event.isClientEvent && envelope.node === nodeId) return;
        if (!this.#log.isNew(envelope.id, channel)) return;
        return receiver.deliver({ ...envelope.event, appId, channel });
      }
      case "member_added":
        return this.presence.apply(channel, { ...envelope, kind: "added" });
      case "member_removed":
        return this.presence.apply(channel, { ...envelope, kind: "removed" });
      case "subscription_count":
        return listener.subscriptionsCounted(channel, envelope.count);
      case "terminate": {
        if (!this.#log.isNew(envelope.id, channel)) return;
        return receiver.terminate(appId, envelope.userId, this.#timeOf(entryId));
      }
    }
  }

  /** When an entry of the log was written, on this node's clock; a message that comes at once is as of now. */
  #timeOf(entryId: string | undefined): number {
    const redisMs = Number(entryId?.split("-")[0] ?? Number.NaN);
    const ms = this.#clock.fromRedis(redisMs) ?? Number.NaN;
    return Number.isNaN(ms) ? Number.POSITIVE_INFINITY : ms;
  }
}

function isSameContent(a: ChannelEvent, b: ChannelEvent): boolean {
  return a.event === b.event && a.dataJson === b.dataJson && a.exceptSocketId === b.exceptSocketId;
}
