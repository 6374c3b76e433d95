/** The broker of many nodes: Redis carries events, presence, counts and terminations between them. */

import { randomUUID } from "node:crypto";
import { channelKind } from "../core/channel-name.ts";
import type { Broker, BrokerReceiver, BrokerResult, ChannelEvent } from "../core/ports.ts";
import type { PresenceListener, PresenceStore } from "../core/presence-store.ts";
import type { Report } from "../core/report.ts";
import { mayHaveMore } from "../http/fair-share.ts";
import { RedisApp } from "./redis/app.ts";
import type { RedisAccess } from "./redis/clients.ts";
import { createLinks } from "./redis/links.ts";
import type { RecoveryBounds, RedisRecovery } from "./redis/recovery.ts";
import type { NodeSummary } from "./redis/scripts/queries.ts";

export interface RedisBrokerOptions {
  readonly redis: RedisAccess & {
    /** In front of all keys and channels. */
    readonly prefix: string;
    /** Publishes and relays under way at most. */
    readonly queueSize: number;
    /** Silence of a node after which its members are taken over. */
    readonly nodeLeaseMs: number;
  };
  readonly apps: readonly {
    readonly id: string;
    /** How long ends wait for their undoing before webhooks are sent; null: there are no webhooks. */
    readonly graceMs: number | null;
  }[];
  readonly receiver: BrokerReceiver;
  /** Where a browser reaches this node's admin port, for the others' consoles; null: nowhere that is known. */
  readonly adminUrl: string | null;
  /** Milliseconds of a clock that never goes back. */
  readonly now: () => number;
  /** How long the last event of a cache channel is kept. */
  readonly cacheTtlMs: number;
  readonly report: Report;
}

export interface RedisBroker extends Broker {
  /** Always waited for: Redis has to take them. */
  publish(events: readonly ChannelEvent[]): Promise<BrokerResult>;
  readonly nodeId: string;
  readonly isUp: boolean;
  /** What went wrong last, in Redis' or the system's words; nothing secret. */
  readonly lastError: string;
  /** Nodes that are seen alive, this one included; 0 while Redis is lost. */
  readonly nodeCount: number;
  /** Null: Redis can't say now. */
  listNodes(): Promise<readonly NodeSummary[] | null>;
  /** No other node is there, or was when Redis was lost. False before Redis was ever there. */
  readonly isAlone: boolean;
  /** The presence store of an app; its listener is called from then on. To be called once for each app. */
  presence(appId: string, listener: PresenceListener): PresenceStore;
  /** What an app's clients missed, and who may come back. To be called once for each app, after `presence`. */
  recovery(appId: string, bounds: RecoveryBounds): RedisRecovery | null;
  /** Resolves once Redis is there for all apps, or after so long. */
  whenUp(withinMs: number): Promise<void>;
  /** From now on who leaves this node stays listed, until `close`: time to come back on another one. */
  beginDrain(): void;
}

export function createRedisBroker(options: RedisBrokerOptions): RedisBroker {
  const { redis, receiver, now, cacheTtlMs, report } = options;
  const nodeId = randomUUID().slice(0, 13);
  const links = createLinks(redis);
  const apps = new Map<string, RedisApp>();
  const lost = new Set<string>();
  let hasBeenUp = false;
  let underWay = 0;
  /** Client events among them: what clients send may not keep a publisher out. */
  let relaysUnderWay = 0;
  let ids = 0;

  function changeState(appId: string, isUp: boolean): void {
    const wasUp = lost.size === 0 && hasBeenUp;
    if (isUp) lost.delete(appId);
    else lost.add(appId);
    const isWholeNow = lost.size === 0;
    hasBeenUp ||= isWholeNow;
    if (isWholeNow && !wasUp) {
      links.explain(null);
      report({ kind: "redis_connected" });
    }
    if (!isWholeNow && wasUp) report({ kind: "redis_lost", reason: links.lastError });
  }

  async function publish(
    appId: string,
    send: (app: RedisApp) => Promise<BrokerResult>,
  ): Promise<BrokerResult> {
    const app = apps.get(appId);
    if (!app) return { ok: false, reason: "broker_failed" };
    if (underWay >= redis.queueSize) return { ok: false, reason: "broker_queue_full" };
    underWay += 1;
    try {
      return await send(app);
    } finally {
      underWay -= 1;
    }
  }

  return {
    nodeId,
    get isUp() {
      return hasBeenUp && lost.size === 0;
    },
    get lastError() {
      return links.lastError;
    },
    get nodeCount() {
      return Math.max(0, ...[...apps.values()].map((app) => app.nodeCount));
    },
    get isAlone() {
      return [...apps.values()].every(({ isAlone }) => isAlone);
    },
    presence(appId, listener) {
      const graceMs = options.apps.find(({ id }) => id === appId)?.graceMs ?? null;
      lost.add(appId);
      const app = new RedisApp({
        appId,
        links,
        prefix: redis.prefix,
        nodeId,
        adminUrl: options.adminUrl,
        newId: () => `${nodeId}.${(ids += 1)}`,
        now,
        receiver,
        listener,
        graceMs,
        timeoutMs: redis.timeoutMs,
        nodeLeaseMs: redis.nodeLeaseMs,
        cacheTtlMs,
        report,
      });
      app.availability.onUp(() => changeState(appId, true));
      app.availability.onLost(() => changeState(appId, false));
      apps.set(appId, app);
      return app.presence;
    },
    recovery: (appId, bounds) => apps.get(appId)?.openRecovery(bounds) ?? null,
    publish(events) {
      const [first] = events;
      if (!first) return Promise.resolve({ ok: true });
      return publish(first.appId, (app) => app.publisher.publish(events));
    },
    deliverHere(event) {
      const { appId, channel } = event;
      if (channelKind(channel).cache) void apps.get(appId)?.publisher.keep(event);
      receiver.deliver(event);
    },
    terminate: (appId, userId) => publish(appId, (app) => app.publisher.terminate(userId)),
    relay(event) {
      const { appId } = event;
      const app = apps.get(appId);
      if (!app) return;
      if (!mayHaveMore(relaysUnderWay, redis.queueSize - underWay)) {
        return report({ kind: "broker_relay_dropped", appId, reason: "queue_full" });
      }
      underWay += 1;
      relaysUnderWay += 1;
      void (async () => {
        const isSent = await app.publisher.relay(event);
        underWay -= 1;
        relaysUnderWay -= 1;
        if (!isSent) report({ kind: "broker_relay_dropped", appId, reason: "failed" });
      })();
    },
    lastEvent: (appId, channel) =>
      apps.get(appId)?.publisher.lastEvent(channel) ?? Promise.resolve(null),
    async listNodes() {
      const nodes = new Map<string, NodeSummary>();
      for (const answer of await Promise.all(
        [...apps.values()].map(({ presence }) => presence.listNodes()),
      )) {
        if (!answer.ok) return null;
        for (const node of answer.value) {
          const { connections = 0 } = nodes.get(node.id) ?? {};
          nodes.set(node.id, { ...node, connections: connections + node.connections });
        }
      }
      return [...nodes.values()];
    },
    async whenUp(withinMs) {
      await Promise.all(
        [...apps.values()].map(({ availability }) => availability.whenUp(withinMs)),
      );
    },
    beginDrain() {
      for (const { presence } of apps.values()) presence.beginDrain();
    },
    async close() {
      await Promise.all([...apps.values()].map((app) => app.leave()));
      links.close();
    },
  };
}
