/** The broker of a single node: delivers what is published at once, in this process. */

import { LRUCache } from "lru-cache";
import { channelKind } from "../core/channel-name.ts";
import type { Broker, BrokerReceiver, ChannelEvent } from "../core/ports.ts";

export interface MemoryBrokerOptions {
  readonly receiver: BrokerReceiver;
  /** How long the last event of a cache channel is kept. */
  readonly cacheTtlMs: number;
  /** For the cached events of one app; past it, those used the longest ago go first. */
  readonly maxCacheBytes: number;
}

/** What an entry costs beside its data: names, and the entry itself. */
const entryOverheadBytes = 512;

export function createMemoryBroker(options: MemoryBrokerOptions): Broker {
  /** By app id, then by channel: apps never meet (rule C17), here neither. */
  const caches = new Map<string, LRUCache<string, ChannelEvent>>();

  function openCache(appId: string): LRUCache<string, ChannelEvent> {
    const cache = new LRUCache<string, ChannelEvent>({
      maxSize: options.maxCacheBytes,
      sizeCalculation: ({ dataJson }) => Buffer.byteLength(dataJson) + entryOverheadBytes,
      ttl: options.cacheTtlMs,
    });
    caches.set(appId, cache);
    return cache;
  }

  function deliver(event: ChannelEvent): void {
    const { appId, channel } = event;
    if (channelKind(channel).cache) (caches.get(appId) ?? openCache(appId)).set(channel, event);
    options.receiver.deliver(event);
  }

  return {
    publish(events) {
      for (const event of events) deliver(event);
      return { ok: true };
    },
    deliverHere: deliver,
    relay() {
      // There is no other node.
    },
    lastEvent(appId, channel) {
      const cache = caches.get(appId);
      const event = cache?.get(channel);
      return Promise.resolve(
        cache && event ? { event, ttlMs: cache.getRemainingTTL(channel) } : null,
      );
    },
    terminate(appId, userId) {
      options.receiver.terminate(appId, userId, Number.POSITIVE_INFINITY);
      return Promise.resolve({ ok: true });
    },
    close: () => Promise.resolve(),
  };
}
