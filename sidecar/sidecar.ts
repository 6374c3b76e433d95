/** The composition root: builds every object and joins them. */

import { randomUUID } from "node:crypto";
import type { Config } from "./config.ts";
import { handleMessage } from "./core/handlers.ts";
import { Hub } from "./core/hub.ts";
import { SubscriptionBudget } from "./core/subscription-budget.ts";
import type { BrokerReceiver, ChannelEvent } from "./core/ports.ts";
import type { PresenceListener } from "./core/presence-store.ts";
import { createAdminActions } from "./composition/admin-actions.ts";
import { connectBroadcasts } from "./composition/broadcasts.ts";
import { createCluster } from "./composition/cluster.ts";
import { bindConsole, type LoadBackend } from "./composition/console.ts";
import { bindBackend } from "./composition/console-backend.ts";
import { createDoors } from "./composition/doors.ts";
import { readOpenFilesLimit } from "./composition/open-files.ts";
import { connectReadings } from "./composition/readings.ts";
import { createRecoveries } from "./composition/recovery.ts";
import { connectTracing } from "./composition/tracing.ts";
import { connectUpstream } from "./composition/upstream.ts";
import { createHttpApi, matchApiPath } from "./http-api/router.ts";
import { createAdminServer, type AdminRoutes, type AdminServer } from "./observability/admin.ts";
import { createAdminPages } from "./observability/admin-pages.ts";
import { createLog, type Logger } from "./observability/log.ts";
import { createMetrics, type Metrics } from "./observability/metrics.ts";
import { createReport } from "./observability/report.ts";
import { createLifecycle, Phase, readinessOf, type Lifecycle } from "./lifecycle.ts";
import { originalHealth } from "./public-health.ts";
import { AccessLog } from "./http/access-log.ts";
import { createForwarding } from "./http/forwarded.ts";
import { guardRequest } from "./http/guard.ts";
import type { InheritedSockets } from "./http/listener.ts";
import { peerOf } from "./http/peer.ts";
import { showUpstream } from "./http/upstream-address.ts";
import { visitorOf } from "./http/visitor.ts";
import { systemClock } from "./webhooks/clock.ts";
import { createWebhookDispatcher } from "./webhooks/dispatcher.ts";
import { createHandshakeLimit } from "./ws/handshake-limit.ts";
import { createWebSocketEndpoint } from "./ws/upgrade.ts";

/** What tests replace; everything else is made here. */
export interface Overrides {
  readonly log?: Logger;
  /** Milliseconds of a clock that never goes back. */
  readonly now?: () => number;
  readonly inherited?: InheritedSockets;
  /** Of POGO_WORKERS, from 1. */
  readonly worker?: number;
  /** In place of the admin port: a worker answers its supervisor. */
  readonly admin?: (
    routes: AdminRoutes & { readonly loadConsole: LoadBackend },
    registry: Metrics["registry"],
  ) => AdminServer;
}

const webhookBounds = {
  maxBatchEvents: 100,
  maxBatchBytes: 256 * 1024,
  maxQueuedBytes: 16 * 1_048_576,
};
const webhookBackoff = { firstMs: 1_000, maxMs: 30_000 };

export async function createSidecar(
  config: Config,
  { version, ...overrides }: { version: string } & Overrides,
): Promise<Lifecycle> {
  const now = overrides.now ?? (() => performance.now());
  const log = overrides.log ?? createLog({ level: config.log.level, version });
  const startedMs = now();
  const phase = new Phase();
  const isDraining = (): boolean => phase.isDraining;

  const appIds = config.apps.map(({ id }) => id);
  const metrics = createMetrics(appIds, config.metrics);
  const report = createReport({ metrics, log, now });

  const afterWrites = (run: () => void): void => webSockets.afterWrites(run);
  const tracing = await connectTracing(config, { version, now, report, afterWrites });
  const tracer = tracing?.tracer ?? null;
  const broadcast = (event: ChannelEvent) => hubsById.get(event.appId)?.broadcast(event) ?? 0;
  const receiver: BrokerReceiver = {
    deliver: tracing ? (event) => tracing.deliver(event, broadcast) : broadcast,
    terminate: (appId, userId, beforeMs) => hubsById.get(appId)?.terminateUser(userId, beforeMs),
  };
  const cluster = await createCluster(config, { receiver, report, metrics, now });
  const { broker } = cluster;
  const webhooks = createWebhookDispatcher({
    ...config.webhooks,
    ...webhookBounds,
    graceMs: cluster.webhookGraceMs,
    upstream: config.upstream.address,
    retry: { ...webhookBackoff, ...config.webhooks.retry },
    clock: systemClock,
    random: Math.random,
    report,
  });
  const budget = new SubscriptionBudget(config.websocket.maxSubscriptions);
  const recoveries = createRecoveries(config, { cluster, report, now });
  const hubs = config.apps.map((app) => {
    const presence = (listener: PresenceListener) => cluster.presence(app.id, listener);
    const recovery = recoveries.of(app.id);
    return new Hub({ app, report, webhooks, presence, recovery, budget, schedule: setImmediate });
  });
  const hubsById = new Map(hubs.map((hub) => [hub.app.id, hub]));
  recoveries.restore(hubs);
  const broadcasts = await connectBroadcasts(config, {
    hubs: hubsById,
    broker,
    metrics,
    report,
    now,
  });
  const hubsByKey = new Map(hubs.map((hub) => [hub.app.key, hub]));

  const forwarding = createForwarding({ ...config.forwarding, report });
  const upstream = connectUpstream(config, {
    hubs,
    forwarding,
    report,
    metrics,
    now,
    isDraining,
    tracer,
  });

  const webSockets = createWebSocketEndpoint({
    ...config.websocket,
    hotPathMetrics: config.metrics.hotPath,
    keepsHandshakes: config.upstream.address !== null,
    setsRecoveryCookie: config.recovery.setsCookie,
    knowsBrowsers: config.recovery.authorizes,
    hubs: hubsByKey,
    onMessage(hub, connection, text, nowMs) {
      const authorizer = upstream?.authorizer ?? null;
      handleMessage(connection, text, { hub, authorizer, broker, report, webhooks }, nowMs);
    },
    report,
    clientIp: (handshake) => forwarding.clientIp(handshake),
    isDraining,
    now,
  });

  const httpApi = createHttpApi({
    ...config.httpApi,
    hubs: hubsById,
    broker,
    report,
    visitorOf: (req) => visitorOf(forwarding.clientIp(peerOf(req))),
    now,
    nowSeconds: () => Date.now() / 1000,
    tracer,
  });
  connectReadings(metrics, { config, version, hubs, webSockets, httpApi, dispatcher: webhooks });

  const readiness = () => readinessOf(phase, cluster, broadcasts);
  const frontDoor = createDoors({
    ...config.server,
    appIds: new Set(hubsById.keys()),
    appIdsByKey: new Map(config.apps.map(({ id, key }) => [key, id])),
    guard: guardRequest,
    matchApi: matchApiPath,
    admitHandshake: createHandshakeLimit({
      ...config.websocket,
      clientIp: (handshake) => forwarding.clientIp(handshake),
      report,
      now,
      schedule: (run, delayMs) => void setTimeout(run, delayMs).unref(),
    }),
    webSocket: webSockets.handleUpgrade,
    httpApi: httpApi.handle,
    upstream: upstream?.atDoor ?? null,
    maxOpenFiles: readOpenFilesLimit(),
    isTrustedPeer: (peer) => forwarding.isTrusted(peer),
    requestIdOf: (req) => forwarding.requestId(peerOf(req)) ?? randomUUID(),
    accessLog: new AccessLog({
      mode: config.log.access,
      report,
      clientIp: (peer) => forwarding.clientIp(peer),
      upstream: config.upstream.address && showUpstream(config.upstream.address),
    }),
    publicHealth: config.server.hasPublicHealth ? () => originalHealth(readiness()) : null,
    isDraining,
    report,
  });

  const health = () => ({
    version,
    uptime_seconds: Math.round((now() - startedMs) / 1000),
    connections: webSockets.connectionCount,
    circuit_breaker: upstream?.authorizer.worstBreakerState ?? null,
    ...upstream?.health(),
    ...cluster.health(),
  });
  const routes: AdminRoutes = {
    pages: createAdminPages({ metrics, readiness, health }),
    actions: createAdminActions({
      drain: () => void lifecycle.stop(),
      proxy: upstream?.proxy ?? null,
    }),
  };
  const loadConsole = bindBackend({
    config,
    worker: overrides.worker ?? null,
    registry: metrics.registry,
    hubs,
    upstream,
    cluster,
    webSockets,
    readiness,
    health,
    now,
    report,
    clientIp: (handshake) => forwarding.clientIp(handshake),
  });
  const admin =
    overrides.admin?.({ ...routes, loadConsole }, metrics.registry) ??
    createAdminServer({
      ...config.admin,
      ...routes,
      openConsole: bindConsole(config, { loadBackend: loadConsole, report, now }),
    });

  const lifecycle = createLifecycle({
    config,
    phase,
    inherited: overrides.inherited ?? { public: null, admin: null },
    report,
    now,
    hubs,
    recoveries,
    cluster,
    broadcasts,
    upstream,
    webSockets,
    webhooks,
    tracing,
    frontDoor,
    admin,
  });
  return lifecycle;
}
