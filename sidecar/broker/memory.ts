/** The broker of a single node: what is published is delivered here, at once. */

import { LRUCache } from "lru-cache";
import { channelKind } from "../core/channel-name.ts";
import type { Broker, BrokerReceiver, ChannelEvent } from "../core/ports.ts";

export interface MemoryBrokerOptions {
  readonly receiver: BrokerReceiver;
  /** How long the last event of a cache channel is kept. */
  readonly cacheTtlMs: number;
  /** For all cached events together; past it, those used the longest ago go first. */
  readonly maxCacheBytes: number;
}

/** What an entry costs beside its data: names, and the entry itself. */
const entryOverheadBytes = 512;

export function createMemoryBroker(options: MemoryBrokerOptions): Broker {
  const cache = new LRUCache<string, ChannelEvent>({
    maxSize: options.maxCacheBytes,
    sizeCalculation: ({ dataJson }) => dataJson.length + entryOverheadBytes,
    ttl: options.cacheTtlMs,
  });

  return {
    publish(events) {
      for (const event of events) {
        if (channelKind(event.channel).cache) cache.set(keyOf(event.appId, event.channel), event);
        options.receiver.deliver(event);
      }
      return Promise.resolve({ ok: true });
    },
    relay() {
      // There is no other node.
    },
    lastEvent(appId, channel) {
      const key = keyOf(appId, channel);
      const event = cache.get(key);
      return Promise.resolve(event ? { event, ttlMs: cache.getRemainingTTL(key) } : null);
    },
    terminate(appId, userId) {
      options.receiver.terminate(appId, userId, Number.POSITIVE_INFINITY);
      return Promise.resolve({ ok: true });
    },
    close: () => Promise.resolve(),
  };
}

/** A slash stands in no channel name, so that no two apps share a key. */
function keyOf(appId: string, channel: string): string {
  return `${appId}/${channel}`;
}
