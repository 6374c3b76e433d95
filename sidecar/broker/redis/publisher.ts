/**
 * Sends messages to the other nodes through Redis: each is either taken or delivered nowhere, and never delivered
 * twice.
 */

import { setTimeout as sleep } from "node:timers/promises";
import { channelKind } from "../../core/channel-name.ts";
import type { BrokerResult, CachedEvent, ChannelEvent } from "../../core/ports.ts";
import { wholeBackoffMs } from "../../http/backoff.ts";
import type { RedisClock } from "./clock.ts";
import { encodeEvent, encodeTerminate, parseEnvelope } from "./envelope.ts";
import { controlChannel, topicOf } from "./keys.ts";
import type { Links } from "./links.ts";
import { keepEvent, lastEvent, publish, type Publication } from "./scripts/events.ts";
import type { RunScript } from "./scripts/script.ts";

export interface PublisherOptions {
  readonly appId: string;
  readonly base: string;
  readonly nodeId: string;
  readonly newId: () => string;
  readonly run: RunScript;
  readonly links: Pick<Links, "isReady" | "publish">;
  readonly clock: RedisClock;
  /** Resolves once everything published before the call has been delivered; rejects if that is not known. */
  readonly whenReceived: () => Promise<void>;
  /** Resolves once Redis is available, or after this time, or at once if it has been lost for longer already. */
  readonly whenUp: (withinMs: number) => Promise<void>;
  readonly now: () => number;
  /** For all attempts together. */
  readonly timeoutMs: number;
  readonly cacheTtlMs: number;
}

/** Between attempts. */
const pauses = { firstMs: 20, maxMs: 250 };

/** How much the log keeps for nodes that are cut off. */
const maxLogEntries = 10_000;
const maxLogBytes = 64 * 1_048_576;

/** Errors that pass by themselves, and soon: a failover, a restart, a slot that moves. */
const temporary =
  /^(LOADING|CLUSTERDOWN|TRYAGAIN|MASTERDOWN|READONLY|UNBLOCKED|MOVED|ASK|BUSY|NOREPLICAS)\b/;

const failed: BrokerResult = { ok: false, reason: "broker_failed" };

export class Publisher {
  readonly #options: PublisherOptions;

  constructor(options: PublisherOptions) {
    this.#options = options;
  }

  publish(events: readonly ChannelEvent[]): Promise<BrokerResult> {
    return this.#send(this.#gather(events));
  }

  terminate(userId: string): Promise<BrokerResult> {
    const message = encodeTerminate(this.#options.newId(), userId);
    return this.#send([{ message, channels: [{ name: controlChannel, isCached: false }] }]);
  }

  /** Best effort, without the log; false if it can't be sent. */
  async relay(event: ChannelEvent): Promise<boolean> {
    const { links, base, nodeId, newId } = this.#options;
    if (!links.isReady) return false;
    const message = encodeEvent({ id: newId(), node: nodeId }, event);
    try {
      await links.publish(topicOf(base, event.channel), message);
      return true;
    } catch {
      return false;
    }
  }

  /** Stores it as its channel's last event, without publishing it. */
  async keep(event: ChannelEvent): Promise<void> {
    const { run, links, nodeId, newId, cacheTtlMs } = this.#options;
    if (!links.isReady) return;
    const message = encodeEvent({ id: newId(), node: nodeId }, event);
    try {
      await run(keepEvent, event.channel, message, cacheTtlMs);
    } catch {
      // New subscribers then get an older one, or none.
    }
  }

  async lastEvent(channel: string): Promise<CachedEvent | null> {
    const { run, appId, whenReceived } = this.#options;
    try {
      const last = await run(lastEvent, channel);
      // The event may be on its way here too; the caller has seen it then, and does not deliver it twice.
      await whenReceived().catch(() => {});
      if (!last) return null;
      const parsed = parseEnvelope(last.message);
      if (!parsed.ok || parsed.envelope.type !== "event") return null;
      return { event: { ...parsed.envelope.event, appId, channel }, ttlMs: last.ttlMs };
    } catch {
      return null;
    }
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
      channels: channels.map((name) => ({ name, isCached: channelKind(name).cache })),
    }));
  }

  /** Retried if that may help: nodes that already have a message know it by its id. */
  async #send(publications: readonly Publication[]): Promise<BrokerResult> {
    const { run, links, clock, whenUp, now, timeoutMs, cacheTtlMs } = this.#options;
    const endMs = now() + timeoutMs;
    for (let failures = 1; ; failures++) {
      const leftMs = endMs - now();
      if (leftMs <= 0) return failed;
      if (!links.isReady) await whenUp(leftMs);
      // After the deadline Redis does nothing, so that nobody gets an event whose publish was answered as failed.
      const deadlineMs = clock.toRedis(endMs);
      if (!links.isReady || deadlineMs === null) return failed;
      try {
        const limits = { deadlineMs, maxLogEntries, maxLogBytes, cacheTtlMs };
        return (await run(publish, limits, publications)) ? { ok: true } : failed;
      } catch (error) {
        const isRefused = error instanceof Error && error.name === "ReplyError";
        if (isRefused && !temporary.test(error.message)) return failed;
        await sleep(wholeBackoffMs(pauses, failures));
      }
    }
  }
}

function isSameContent(a: ChannelEvent, b: ChannelEvent): boolean {
  return a.event === b.event && a.dataJson === b.dataJson && a.exceptSocketId === b.exceptSocketId;
}
