/** What joins the nodes: Redis, or nothing where there is one node. */

import { createMemoryPresence } from "../broker/memory-presence.ts";
import { createMemoryBroker } from "../broker/memory.ts";
import { createRedisBroker } from "../broker/redis.ts";
import type { Config } from "../config.ts";
import type { Broker, BrokerReceiver } from "../core/ports.ts";
import type { PresenceListener, PresenceStore } from "../core/presence-store.ts";
import type { Report } from "../core/report.ts";
import type { Metrics } from "../observability/metrics.ts";

export interface Joined {
  readonly broker: Broker;
  readonly presence: (appId: string, listener: PresenceListener) => PresenceStore;
  /** How long webhooks hold an end back; with Redis the nodes do that together, before. */
  readonly webhookGraceMs: number;
  /** Whether other nodes can be reached: always, where there are none. */
  readonly isUp: () => boolean;
  readonly health: () => Record<string, unknown>;
  /** Resolves once other nodes can be reached, or soon. */
  whenUp(): Promise<void>;
  /**
   * The clients are about to be sent to other nodes: who is gone from here stays listed until the broker closes.
   * Returns how long that should take them.
   */
  handOver(): number;
}

/** How long Pusher keeps the last event of a cache channel. */
const cacheTtlMs = 30 * 60_000;
const maxCacheBytes = 64 * 1_048_576;
/** pusher-js comes back at once after 4200, and asks the app for its signatures again. */
const handOverMs = 2_000;

export function createJoined(
  config: Config,
  options: { receiver: BrokerReceiver; report: Report; metrics: Metrics; now: () => number },
): Joined {
  const { receiver, report, metrics, now } = options;
  const { redis, webhooks } = config;
  if (!redis) {
    return {
      broker: createMemoryBroker({ receiver, cacheTtlMs, maxCacheBytes }),
      presence: (_appId, listener) => createMemoryPresence(listener),
      webhookGraceMs: webhooks.graceMs,
      isUp: () => true,
      health: () => ({}),
      whenUp: () => Promise.resolve(),
      handOver: () => 0,
    };
  }

  const broker = createRedisBroker({
    redis,
    apps: webhooks.apps.map(({ id, endpoints }) => ({
      id,
      graceMs: endpoints.length > 0 ? webhooks.graceMs : null,
    })),
    receiver,
    now,
    cacheTtlMs,
    report,
  });
  metrics.broker.up.read(() => Number(broker.isUp));
  metrics.broker.clusterNodes.read(() => broker.nodeCount);
  return {
    broker,
    presence: (appId, listener) => broker.presence(appId, listener),
    webhookGraceMs: 0,
    isUp: () => broker.isUp,
    health: () => ({
      node: broker.nodeId,
      redis: broker.isUp ? "up" : "lost",
      ...(!broker.isUp && { redis_error: broker.lastError }),
      nodes: broker.nodeCount,
    }),
    async whenUp() {
      // Somewhat longer than connecting may take, so that it is said why.
      await broker.whenUp(redis.timeoutMs + 250);
      if (!broker.isUp) report({ kind: "redis_lost", reason: broker.lastError });
    },
    handOver() {
      broker.beginDrain();
      return handOverMs;
    },
  };
}
