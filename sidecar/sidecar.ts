/** The composition root: builds every object, joins them, and knows in which order they start and stop. */

import type { Config } from "./config.ts";
import { handleMessage } from "./core/handlers.ts";
import { Hub } from "./core/hub.ts";
import { shutdownClose } from "./core/errors.ts";
import type { BrokerReceiver } from "./core/ports.ts";
import type { PresenceListener } from "./core/presence-store.ts";
import { createJoined } from "./composition/broker.ts";
import { connectUpstream } from "./composition/upstream.ts";
import { createHttpApi, matchApiPath } from "./http-api/router.ts";
import { createAdminServer, type Readiness } from "./observability/admin.ts";
import { createLog, type Logger } from "./observability/log.ts";
import { createMetrics } from "./observability/metrics.ts";
import { createReport } from "./observability/report.ts";
import { createFrontDoor } from "./server.ts";
import { createForwarding } from "./http/forwarded.ts";
import { showListenAddress, toListenAddress } from "./http/listener.ts";
import { guardRequest } from "./http/guard.ts";
import { peerOf } from "./http/peer.ts";
import { showUpstream } from "./http/upstream-address.ts";
import { visitorOf } from "./http/visitor.ts";
import { systemClock } from "./webhooks/clock.ts";
import { createWebhookDispatcher } from "./webhooks/dispatcher.ts";
import { createWebSocketEndpoint } from "./ws/upgrade.ts";

export interface Sidecar {
  /** Resolves once both ports listen; rejects if one of them can't be had. */
  start(): Promise<{ port: number; adminPort: number }>;
  /**
   * Stops accepting, closes WebSockets with 4200 over `drainWindowMs`, lets requests in flight finish; what is still open after
   * `shutdownTimeoutMs` is cut. Resolves when all is closed; called again it returns the same promise.
   */
  stop(): Promise<void>;
}

/** What tests replace; everything else is made here. */
export interface Overrides {
  readonly log?: Logger;
  /** Milliseconds of a clock that never goes back. */
  readonly now?: () => number;
  /** Descriptors of listening sockets that take the place of the configured addresses. */
  readonly inherited?: { readonly public: number | null; readonly admin: number | null };
}

const tickMs = 1_000;
const webhookBounds = {
  maxBatchEvents: 100,
  maxBatchBytes: 256 * 1024,
  maxQueuedBytes: 16 * 1_048_576,
};
const webhookBackoff = { firstMs: 1_000, maxMs: 30_000 };
/** What webhooks get of a stop, however late it is. */
const minWebhookFlushMs = 500;

export function createSidecar(
  config: Config,
  { version, ...overrides }: { version: string } & Overrides,
): Sidecar {
  const now = overrides.now ?? (() => performance.now());
  const log = overrides.log ?? createLog({ level: config.log.level, version });
  const startedMs = now();
  const inherited = overrides.inherited ?? { public: null, admin: null };
  let state: "starting" | "listening" | "draining" = "starting";
  const isDraining = (): boolean => state === "draining";

  const appIds = config.apps.map(({ id }) => id);
  const metrics = createMetrics(appIds);
  const report = createReport({ metrics, log, now });

  const receiver: BrokerReceiver = {
    deliver: (event) => hubsById.get(event.appId)?.broadcast(event),
    terminate: (appId, userId, beforeMs) => hubsById.get(appId)?.terminateUser(userId, beforeMs),
  };
  const joined = createJoined(config, { receiver, report, metrics, now });
  const { broker } = joined;
  const webhooks = createWebhookDispatcher({
    ...config.webhooks,
    ...webhookBounds,
    graceMs: joined.webhookGraceMs,
    upstream: config.upstream.address,
    retry: { ...webhookBackoff, ...config.webhooks.retry },
    clock: systemClock,
    random: Math.random,
    report,
  });
  metrics.webhooks.queueDepth.readEach(() =>
    appIds.map((appId) => [[appId], webhooks.queueDepth(appId)]),
  );
  const hubs = config.apps.map((app) => {
    const presence = (listener: PresenceListener) => joined.presence(app.id, listener);
    return new Hub({ app, report, webhooks, presence });
  });
  const hubsById = new Map(hubs.map((hub) => [hub.app.id, hub]));
  const hubsByKey = new Map(hubs.map((hub) => [hub.app.key, hub]));

  const forwarding = createForwarding(config.forwarding);
  const upstream = connectUpstream(config, { forwarding, report, metrics, now, isDraining });

  const webSockets = createWebSocketEndpoint({
    ...config.websocket,
    hubs: hubsByKey,
    onMessage(hub, connection, text, nowMs) {
      const authorizer = upstream?.authorizer ?? null;
      void handleMessage(connection, text, { hub, authorizer, broker, report, webhooks }, nowMs);
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
  });
  metrics.api.unverifiedBodyBytes.read(httpApi.unverifiedBodyBytes);

  const frontDoor = createFrontDoor({
    ...config.server,
    appIds: new Set(hubsById.keys()),
    guard: guardRequest,
    matchApi: matchApiPath,
    webSocket: webSockets.handleUpgrade,
    httpApi: httpApi.handle,
    upstream: upstream?.proxy ?? null,
    isDraining,
    onRefused: () => {},
  });

  const admin = createAdminServer({
    metrics,
    allowedHosts: config.admin.allowedHosts,
    readiness: (): Readiness => {
      if (state !== "listening") return { ready: false, reason: state };
      return joined.isUp() ? { ready: true } : { ready: false, reason: "Redis is lost" };
    },
    health: () => ({
      version,
      uptime_seconds: Math.round((now() - startedMs) / 1000),
      connections: webSockets.connectionCount,
      circuit_breaker: upstream?.authorizer.breakerState ?? null,
      ...joined.health(),
    }),
  });

  async function start(): Promise<{ port: number; adminPort: number }> {
    const { server } = config;
    const adminPort = await admin.listen(
      inherited.admin === null
        ? { kind: "tcp", ...config.admin, reusePort: false }
        : { kind: "inherited", descriptor: inherited.admin },
    );
    await joined.whenUp();
    const address = toListenAddress(server, inherited.public);
    const port = await frontDoor.listen(address).catch((error) => {
      admin.close();
      throw error;
    });
    state = "listening";
    const { address: app } = config.upstream;
    const upstream = app && showUpstream(app);
    const listening = showListenAddress(address, port);
    report({ kind: "listening", address: listening, port, adminPort, upstream, appIds });
    return { port, adminPort };
  }

  const ticking = setInterval(() => {
    for (const hub of hubs) hub.tick(now());
  }, tickMs);
  ticking.unref();

  let stopping: Promise<void> | null = null;

  async function drain(): Promise<void> {
    state = "draining";
    report({ kind: "draining", connections: webSockets.connectionCount });
    const deadlineMs = now() + config.server.shutdownTimeoutMs;
    const { promise: deadline, resolve: giveUp } = Promise.withResolvers<"deadline">();
    const timer = setTimeout(() => giveUp("deadline"), config.server.shutdownTimeoutMs);
    const handOverMs = hubs.some((hub) => hub.isInUse) ? joined.handOver() : 0;
    const isClosed = frontDoor.close();
    // Who is closed last needs its time to come back on another node, too.
    const handedOver = webSockets.closeAll(shutdownClose, config.server.drainWindowMs).then(
      () =>
        new Promise((resolve) => {
          const waitMs = Math.min(handOverMs, config.server.shutdownTimeoutMs / 2);
          setTimeout(resolve, waitMs).unref();
        }),
    );
    const allClosed = Promise.all([isClosed, handedOver]);
    upstream?.proxy.closeTunnels();
    const outcome = await Promise.race([allClosed, deadline]);
    clearTimeout(timer);
    if (outcome === "deadline") report({ kind: "drain_timed_out" });

    webSockets.destroy();
    await broker.close();
    await webhooks.flush(Math.max(minWebhookFlushMs, deadlineMs - now()));
    upstream?.proxy.close();
    upstream?.authorizer.close();
    frontDoor.destroy();
    clearInterval(ticking);
    admin.close();
    report({ kind: "stopped" });
  }

  return { start, stop: () => (stopping ??= drain()) };
}
