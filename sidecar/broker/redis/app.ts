/** One app on Redis: builds the parts that share its keys, and passes each message to the part it is for. */

import type { BrokerReceiver } from "../../core/ports.ts";
import type { PresenceListener } from "../../core/presence-store.ts";
import type { Report } from "../../core/report.ts";
import { Availability } from "./availability.ts";
import { RedisClock } from "./clock.ts";
import { parseEnvelope, type Envelope } from "./envelope.ts";
import { EventLog } from "./event-log.ts";
import { baseOf, echoChannelOf, ownMark, topicOf } from "./keys.ts";
import type { Links } from "./links.ts";
import { createLogReader } from "./log-reader.ts";
import { RedisPresence } from "./presence.ts";
import { Publisher } from "./publisher.ts";
import { createRedisRecovery, type RecoveryBounds, type RedisRecovery } from "./recovery.ts";
import { Registrations } from "./registrations.ts";
import { register } from "./scripts/registrations.ts";
import type { RunScript } from "./scripts/script.ts";
import { Session } from "./session.ts";
import type { SubscriberLink } from "./subscriber-link.ts";
import { Topics } from "./topics.ts";

export interface RedisAppOptions {
  readonly appId: string;
  readonly links: Links;
  readonly prefix: string;
  readonly nodeId: string;
  readonly adminUrl: string | null;
  readonly newId: () => string;
  readonly now: () => number;
  readonly receiver: BrokerReceiver;
  readonly listener: PresenceListener;
  /** How long ends may still be undone before their webhook is sent; null: there are no webhooks. */
  readonly graceMs: number | null;
  readonly timeoutMs: number;
  readonly nodeLeaseMs: number;
  readonly cacheTtlMs: number;
  readonly report: Report;
}

export class RedisApp {
  readonly availability: Availability;
  readonly publisher: Publisher;
  readonly presence: RedisPresence;
  /** Recovery of missed events; null: there is none. */
  #recovery: RedisRecovery | null = null;
  readonly #options: RedisAppOptions;
  readonly #base: string;
  readonly #clock = new RedisClock();
  readonly #run: RunScript;
  readonly #link: SubscriberLink;
  readonly #log: EventLog;
  readonly #session: Session;
  #lastParsed: { message: string; parsed: ReturnType<typeof parseEnvelope> } | null = null;

  constructor(options: RedisAppOptions) {
    const { links, appId, listener, now, timeoutMs, graceMs } = options;
    this.#options = options;
    this.#base = baseOf(options.prefix, appId);
    const availability = new Availability(now);
    this.availability = availability;
    const run: RunScript = (script, ...args) =>
      links.run(script, { base: this.#base, graceMs }, ...args);
    this.#run = run;
    const link = links.subscriber(this.#base);
    this.#link = link;
    const topics = this.#createTopics(link);
    const registrations = this.#createRegistrations(run);
    this.presence = new RedisPresence({ run, availability, registrations, topics, listener });
    this.#log = this.#createLog(run);
    this.#session = new Session({
      ...options,
      availability,
      run,
      link,
      topics,
      registrations,
      presence: this.presence,
      log: this.#log,
      clock: this.#clock,
      explain: (error) => links.explain(error),
    });
    this.publisher = new Publisher({
      ...options,
      base: this.#base,
      run,
      clock: this.#clock,
      whenReceived: () => this.#whenReceived(),
      // A PHP worker is waiting: if Redis has already been lost for longer than the timeout, it is answered at once.
      whenUp: (withinMs) =>
        availability.whenUp(Math.min(withinMs, timeoutMs - availability.lostForMs)),
    });
    this.#attach(link, topics);
  }

  get nodeCount(): number {
    return this.#session.nodeCount;
  }

  get isAlone(): boolean {
    return this.#session.isAlone;
  }

  /** From now on deliveries are remembered with their position in the log. To be called once. */
  openRecovery(bounds: RecoveryBounds): RedisRecovery {
    const { appId, nodeId, timeoutMs } = this.#options;
    const run = this.#run;
    const whenReceived = (): Promise<void> => this.#whenReceived();
    // As a publish does: longer than this nobody waits.
    const whenUp = (): Promise<void> =>
      this.availability.whenUp(timeoutMs - this.availability.lostForMs);
    this.#recovery = createRedisRecovery({ appId, nodeId, run, whenReceived, whenUp, bounds });
    return this.#recovery;
  }

  /** Resolves once everything published before the call has been delivered here; rejects if that is not known. */
  async #whenReceived(): Promise<void> {
    await this.#link.ping();
    // After an outage, what arrives has to wait for what was missed.
    await this.availability.whenUp(this.#options.timeoutMs);
    if (!this.availability.isUp) throw new Error("Redis is lost");
  }

  /** Removes everything that this node has registered, and ends. Resolves even if Redis does not answer in time. */
  leave(): Promise<void> {
    return this.#session.leave();
  }

  #createTopics(link: SubscriberLink): Topics {
    const toTopics = (channels: readonly string[]): string[] =>
      channels.map((channel) => topicOf(this.#base, channel));
    return new Topics({
      subscribe: (channels) => link.subscribe(toTopics(channels)),
      unsubscribe: (channels) => link.unsubscribe(toTopics(channels)),
      onFault: () => this.availability.lose(),
    });
  }

  #createRegistrations(run: RunScript): Registrations {
    const { nodeId, now, graceMs } = this.#options;
    return new Registrations({
      register: async (term, changes) => {
        const transitions = await run(register, nodeId, term, changes);
        if (!transitions) throw new Error("Redis does not know this node any more");
        this.presence.passOn(transitions);
      },
      onFault: () => this.availability.lose(),
      now,
      // The time for which an end waits in Redis, and some for the way.
      endedMemoryMs: (graceMs ?? 0) + 2_000,
    });
  }

  #createLog(run: RunScript): EventLog {
    const { appId, report } = this.#options;
    return new EventLog({
      ...createLogReader(run),
      deliver: (channel, message, entryId) => this.#deliver(channel, message, entryId),
      onPosition: (position) => this.#recovery?.log.advance(position),
      appId,
      report,
    });
  }

  #attach(link: SubscriberLink, topics: Topics): void {
    const { links, nodeId } = this.#options;
    const echoChannel = echoChannelOf(nodeId);
    link.attach(this.#base, {
      message: (channel, text) => {
        // An echo does not wait with the other messages: it says how far they have come.
        if (channel === echoChannel) this.#deliver(channel, text);
        else this.#log.receive(channel, text);
      },
      ready: () => this.#session.wake(),
      lost: () => {
        this.#log.pause();
        topics.forget();
        this.availability.lose();
      },
    });
    links.onChange(() => {
      if (links.isReady) this.#session.wake();
      else this.availability.lose();
    });
  }

  #deliver(channel: string, message: string, entryId?: string): void {
    // The log has the messages of all channels.
    if (!channel.startsWith(ownMark) && !this.presence.hasEntered(channel)) return;
    // One event for many channels comes as many messages with the same text.
    if (message !== this.#lastParsed?.message) {
      this.#lastParsed = { message, parsed: parseEnvelope(message) };
    }
    const { parsed } = this.#lastParsed;
    if (parsed.ok) this.#handle(channel, parsed.envelope, entryId);
    else this.#options.report({ kind: "broker_message_ignored", reason: parsed.fault });
  }

  #handle(channel: string, envelope: Envelope, entryId?: string): void {
    const { appId, nodeId, receiver, listener } = this.#options;
    switch (envelope.type) {
      case "event": {
        // A client event of this node was broadcast here before it was relayed.
        if (envelope.event.isClientEvent && envelope.node === nodeId) return;
        if (!this.#log.isNew(envelope.id, channel)) return;
        const { position = entryId } = envelope.event;
        const place = position === undefined ? {} : { position };
        return receiver.deliver({ ...envelope.event, ...place, appId, channel });
      }
      case "member_added":
        return this.presence.apply(channel, { ...envelope, kind: "added" });
      case "member_removed":
        return this.presence.apply(channel, { ...envelope, kind: "removed" });
      case "node_registered":
        return this.#session.nodeRegistered(envelope.node);
      case "claim":
        if (envelope.node !== nodeId) return;
        return this.#recovery?.sessions.checkpoints.onClaimed(envelope.token);
      case "echo":
        return this.#session.echoed(envelope.id);
      case "subscription_count":
        return listener.subscriptionsCounted(channel, envelope.count);
      case "terminate": {
        if (!this.#log.isNew(envelope.id, channel)) return;
        return receiver.terminate(appId, envelope.userId, this.#timeOf(entryId));
      }
    }
  }

  /** When an entry of the log was written, on this node's clock; for a live message, now. */
  #timeOf(entryId: string | undefined): number {
    const redisMs = Number(entryId?.split("-")[0] ?? Number.NaN);
    const ms = this.#clock.fromRedis(redisMs) ?? Number.NaN;
    return Number.isNaN(ms) ? Number.POSITIVE_INFINITY : ms;
  }
}
