/** The cluster that this node belongs to: joined by Redis, or a single node. */

import { createMemoryPresence } from "../broker/memory-presence.ts";
import { createMemoryBroker } from "../broker/memory.ts";
import type { RedisBroker } from "../broker/redis.ts";
import type { Config } from "../config.ts";
import type { Broker, BrokerReceiver } from "../core/ports.ts";
import type { RecoveryLog, SessionStore } from "../core/recovery/ports.ts";
import type { PresenceListener, PresenceStore } from "../core/presence-store.ts";
import type { Report } from "../core/report.ts";
import type { Metrics } from "../observability/metrics.ts";

export interface Cluster {
  readonly broker: Broker;
  readonly presence: (appId: string, listener: PresenceListener) => PresenceStore;
  /** What an app's clients missed, and who may come back, over all nodes; null: there is one node, which keeps that. */
  readonly recovery:
    | ((
        appId: string,
        bounds: { readonly windowMs: number; readonly maxBytes: number },
      ) => { readonly log: RecoveryLog; readonly sessions: SessionStore } | null)
    | null;
  /** How long webhooks keep an end waiting; with Redis the nodes do that together, before. */
  readonly webhookGraceMs: number;
  /** Whether the node should get traffic, as far as other nodes go. */
  readonly isReady: () => boolean;
  readonly health: () => Record<string, unknown>;
  /** Null: there is one node, or nobody can say. */
  readonly nodes: () => ReturnType<RedisBroker["listNodes"]>;
  /** Resolves once other nodes can be reached, or soon. */
  whenUp(): Promise<void>;
  /**
   * The clients are about to be closed: who is gone from here stays listed until the broker closes.
   *
   * @param isReplaced other workers of this sidecar go on
   */
  beginDrain(isReplaced: boolean): DrainPlan;
}

export interface DrainPlan {
  /** There is no node beside this one and those that stop with it: clients come back to a successor. */
  readonly isAlone: boolean;
  /** How long coming back on another node should take who is closed last. */
  readonly handoverMs: number;
}

/** How long Pusher keeps the last event of a cache channel. */
const cacheTtlMs = 30 * 60_000;
const maxCacheBytes = 64 * 1_048_576;
/** pusher-js comes back at once after 4200, and asks the app for its signatures again. */
const handoverMs = 2_000;

export async function createCluster(
  config: Config,
  options: { receiver: BrokerReceiver; report: Report; metrics: Metrics; now: () => number },
): Promise<Cluster> {
  const { receiver, report, metrics, now } = options;
  const { redis, webhooks, workers } = config;
  if (!redis) {
    return {
      broker: createMemoryBroker({ receiver, cacheTtlMs, maxCacheBytes }),
      presence: (_appId, listener) => createMemoryPresence(listener),
      recovery: null,
      webhookGraceMs: webhooks.graceMs,
      isReady: () => true,
      health: () => ({}),
      nodes: () => Promise.resolve(null),
      whenUp: () => Promise.resolve(),
      beginDrain: () => ({ isAlone: true, handoverMs: 0 }),
    };
  }

  // Some 7 MB, which a node of its own does without.
  const { createRedisBroker } = await import("../broker/redis.ts");
  const broker = createRedisBroker({
    redis,
    apps: webhooks.apps.map(({ id, endpoints }) => ({
      id,
      graceMs: endpoints.length > 0 ? webhooks.graceMs : null,
    })),
    receiver,
    adminUrl: config.admin.url,
    now,
    cacheTtlMs,
    report,
  });
  metrics.broker.up.read(() => Number(broker.isUp));
  metrics.broker.clusterNodes.read(() => broker.nodeCount);
  return {
    broker,
    presence: (appId, listener) => broker.presence(appId, listener),
    recovery: (appId, bounds) => broker.recovery(appId, bounds),
    webhookGraceMs: 0,
    isReady: () => broker.isUp || redis.readyWithoutRedis,
    health: () => ({
      node: broker.nodeId,
      redis: broker.isUp ? "up" : "lost",
      ...(!broker.isUp && { redis_error: broker.lastError }),
      nodes: broker.nodeCount,
    }),
    nodes: () => broker.listNodes(),
    async whenUp() {
      // Somewhat longer than connecting may take, so that it is said why.
      await broker.whenUp(redis.timeoutMs + 250);
      if (!broker.isUp) report({ kind: "redis_lost", reason: broker.lastError });
    },
    beginDrain(isReplaced) {
      broker.beginDrain();
      const stopping = isReplaced ? 1 : workers.count;
      const isAlone = broker.isAlone || (broker.isUp && broker.nodeCount <= stopping);
      return { isAlone, handoverMs: isAlone ? 0 : handoverMs };
    },
  };
}
