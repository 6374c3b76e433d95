/** The life of a node: the order in which its parts start, drain and stop. */

import type { LaravelBroadcasts } from "./broker/laravel-broadcasts.ts";
import type { Cluster } from "./composition/cluster.ts";
import type { Recoveries } from "./composition/recovery.ts";
import { readOpenFilesLimit } from "./composition/open-files.ts";
import type { UpstreamParts } from "./composition/upstream.ts";
import type { Config } from "./config.ts";
import { shutdownCloses } from "./core/errors.ts";
import type { Hub } from "./core/hub.ts";
import type { Report } from "./core/report.ts";
import {
  showListenAddress,
  toAdminAddress,
  toListenAddress,
  type InheritedSockets,
} from "./http/listener.ts";
import { wait } from "./http/timers.ts";
import { showUpstream } from "./http/upstream-address.ts";
import type { AdminServer } from "./observability/admin.ts";
import type { Readiness } from "./observability/admin-pages.ts";
import type { FrontDoor } from "./server.ts";
import type { Tracing } from "./tracing/tracing.ts";
import type { WebhookDispatcher } from "./webhooks/dispatcher.ts";
import type { WebSocketEndpoint } from "./ws/endpoint.ts";
import { stopOnce, type Stop, type StopOptions } from "./composition/stop-once.ts";

/**
 * `leaving`: readiness says no, so that no new traffic is sent here, and everything goes on. `draining`: nothing new is
 * taken, and what is open ends.
 */
export type PhaseName = "starting" | "listening" | "leaving" | "draining";

/** In which phase the node is; its parts ask, the lifecycle sets it. */
export class Phase {
  name: PhaseName = "starting";

  get isDraining(): boolean {
    return this.name === "draining";
  }
}

export interface LifecycleOptions {
  readonly config: Config;
  readonly phase: Phase;
  readonly inherited: InheritedSockets;
  readonly report: Report;
  /** Milliseconds of a clock that never goes back. */
  readonly now: () => number;
  readonly hubs: readonly Hub[];
  readonly recoveries: Recoveries;
  readonly cluster: Cluster;
  /** Null: no app takes what Laravel publishes to Redis. */
  readonly broadcasts: LaravelBroadcasts | null;
  readonly upstream: UpstreamParts | null;
  readonly webSockets: WebSocketEndpoint;
  readonly webhooks: WebhookDispatcher;
  /** Null: no traces are recorded. */
  readonly tracing: Tracing | null;
  readonly frontDoor: FrontDoor;
  readonly admin: AdminServer;
}

export interface Lifecycle extends Stop {
  /** Resolves once both ports listen; rejects if one of them can't be had. A stop meanwhile is in order. */
  start(): Promise<{ port: number; adminPort: number }>;
}

const tickMs = 1_000;
/** What webhooks get of a stop, however late it is. */
const minWebhookFlushMs = 500;
/** What traces get of it. */
const traceFlushMs = 1_000;

/** Why the node should get no new traffic. */
export function readinessOf(
  phase: Phase,
  cluster: Cluster,
  broadcasts: LaravelBroadcasts | null,
): Readiness {
  if (phase.name !== "listening") return { ready: false, reason: phase.name };
  const hasRedis = cluster.isReady() && (broadcasts?.isReady() ?? true);
  return hasRedis ? { ready: true } : { ready: false, reason: "Redis is lost" };
}

export function createLifecycle(options: LifecycleOptions): Lifecycle {
  const { config, phase, inherited, report, now } = options;
  const { hubs, recoveries, cluster, broadcasts, upstream } = options;
  const { webSockets, webhooks, tracing, frontDoor, admin } = options;
  const { server } = config;
  let ticking: NodeJS.Timeout | undefined;
  let starting: Promise<unknown> = Promise.resolve();
  const stopping = stopOnce(stopAll);

  async function listen(): Promise<{ port: number; adminPort: number }> {
    ticking = setInterval(() => {
      const nowMs = now();
      for (const hub of hubs) hub.tick(nowMs);
      webSockets.tick(nowMs);
    }, tickMs).unref();
    const adminPort = await admin.listen(toAdminAddress(config.admin, inherited.admin));
    await Promise.all([cluster.whenUp(), broadcasts?.whenUp()]);
    const address = toListenAddress(server, inherited.public);
    const port = await frontDoor.listen(address).catch((error) => {
      admin.close();
      throw error;
    });
    phase.name = "listening";
    recoveries.discard();
    const { address: app } = config.upstream;
    report({
      kind: "listening",
      address: showListenAddress(address, port),
      apiSocket: server.apiSocket,
      port,
      adminPort,
      upstream: app && showUpstream(app),
      appIds: hubs.map((hub) => hub.app.id),
    });
    const limit = readOpenFilesLimit();
    const { maxConnections } = config.websocket;
    if (limit !== null && limit <= maxConnections) {
      report({ kind: "open_files_limited", limit, maxConnections });
    }
    return { port, adminPort };
  }

  async function stopAll({ skipsDelay = false, isReplaced = false }: StopOptions): Promise<void> {
    // What begins to listen can be closed only once it does; it waits for nothing for long.
    await starting.catch(() => undefined);
    if (!skipsDelay) await leave();
    const deadlineMs = now() + server.shutdownTimeoutMs;
    await drain(isReplaced);
    // An answer, before what is still open is cut.
    upstream?.proxy.waitingRoom.close();
    webSockets.destroy();
    broadcasts?.close();
    await cluster.broker.close();
    upstream?.proxy.close();
    upstream?.authorizer.close();
    frontDoor.destroy();
    // Nothing is published here any more; and webhooks take what is left of the time.
    recoveries.save();
    await webhooks.flush(Math.max(minWebhookFlushMs, deadlineMs - now()));
    await tracing?.flush(traceFlushMs);
    clearInterval(ticking);
    admin.close();
    report({ kind: "stopped" });
  }

  /** Time for load balancers to see that the node is not ready, before it refuses anybody. */
  async function leave(): Promise<void> {
    if (phase.name === "starting" || server.drainDelayMs === 0) return;
    phase.name = "leaving";
    report({ kind: "leaving", delayMs: server.drainDelayMs });
    await wait(server.drainDelayMs);
  }

  /** Ends what is open in order; resolves when all has ended, or the shutdown timeout is over. */
  async function drain(isReplaced: boolean): Promise<void> {
    phase.name = "draining";
    report({
      kind: "draining",
      connections: webSockets.connectionCount,
      requests: upstream?.proxy.requests ?? 0,
      tunnels: upstream?.proxy.openTunnels ?? 0,
    });
    const { promise: deadline, resolve: giveUp } = Promise.withResolvers<"deadline">();
    const timer = setTimeout(() => giveUp("deadline"), server.shutdownTimeoutMs);
    const { isAlone, handoverMs } = cluster.beginDrain(isReplaced);
    const handoverWaitMs = hubs.some((hub) => hub.isInUse) ? handoverMs : 0;
    upstream?.proxy.waitingRoom.drain(server.shutdownTimeoutMs);
    const isClosed = frontDoor.close();
    // Who is closed last needs its time to come back on another node, too.
    const handedOver = webSockets
      .closeAll(isAlone ? shutdownCloses.alone : shutdownCloses.inCluster, server.drainWindowMs)
      .then(() => wait(Math.min(handoverWaitMs, server.shutdownTimeoutMs / 2)));
    upstream?.proxy.closeTunnels(server.drainWindowMs);
    const outcome = await Promise.race([Promise.all([isClosed, handedOver]), deadline]);
    clearTimeout(timer);
    if (outcome === "deadline") report({ kind: "drain_timed_out" });
  }

  return {
    start() {
      const started = listen();
      starting = started;
      return started;
    },
    ...stopping,
  };
}
