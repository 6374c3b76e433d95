/** The console's figures of the node: some of its metrics summed up, and some readings of its parts. */

import type { Registry } from "prom-client";
import type { Config } from "../config.ts";
import type { Hub } from "../core/hub.ts";
import type { Readiness } from "../observability/admin-pages.ts";
import type { UpstreamParts } from "./upstream.ts";

export interface FigureSources {
  readonly config: Config;
  readonly registry: Registry;
  readonly hubs: readonly Hub[];
  readonly upstream: UpstreamParts | null;
  readonly readiness: () => Readiness;
  readonly health: () => Record<string, unknown>;
  /** That wait for slow clients. */
  readonly queuedBytes: number;
}

/** What the page makes rates of: names in the figures, by the metric that is summed up. */
const totals = {
  published: "pogo_websocket_messages_total",
  broadcasts: "pogo_websocket_broadcasts_total",
  deliveries: "pogo_websocket_deliveries_total",
  sentBytes: "pogo_websocket_sent_bytes_total",
  dropped: "pogo_websocket_client_dropped_messages_total",
  opened: "pogo_websocket_connections_opened_total",
  subscriptions: "pogo_websocket_subscriptions_active",
  proxied: "pogo_proxy_requests_total",
} as const;

/** What is counted by reason. */
const reasons = {
  handshakes: "pogo_websocket_handshakes_refused_total",
  authorizations: "pogo_websocket_auth_failures_total",
  errors: "pogo_websocket_errors_sent_total",
  publishes: "pogo_websocket_publish_failures_total",
  requests: "pogo_proxy_refused_total",
} as const;

const authorizationSeconds = "pogo_websocket_auth_duration_seconds";

/** All that are read. */
export const metricNames: readonly string[] = [
  ...Object.values(totals),
  ...Object.values(reasons),
  authorizationSeconds,
];

export async function readFigures(sources: FigureSources): Promise<object> {
  const { config, registry, hubs, upstream } = sources;
  const { proxy = null, authorizer = null } = upstream ?? {};
  const asked = await seriesOf(registry, authorizationSeconds);
  const sumOf = (suffix: string) =>
    sum(asked.filter(({ metricName = "" }) => metricName.endsWith(suffix)));
  return {
    health: sources.health(),
    readiness: sources.readiness(),
    hasLogin: config.console.token !== null,
    showsPayloads: config.console.showsPayloads,
    maxConnections: config.websocket.maxConnections,
    queuedBytes: sources.queuedBytes,
    maxQueuedBytes: config.websocket.maxTotalQueuedBytes,
    apps: hubs.map(({ app, connections, channels }) => ({
      id: app.id,
      connections: connections.size,
      channels: channels.size,
      /** Null, as the next two: there is no app behind that could be asked. */
      breaker: authorizer?.breakerState(app.id) ?? null,
      asking: authorizer?.underWay(app.id) ?? null,
      waiting: authorizer?.waiting(app.id) ?? null,
    })),
    asked: {
      count: sumOf("_count"),
      seconds: sumOf("_sum"),
      permits: config.authorizer.maxConcurrent,
    },
    proxy: proxy && {
      underWay: proxy.openRequests,
      maxUnderWay: config.upstream.maxConnections,
      waiting: proxy.waitingRequests,
      waitingForApp: proxy.waitingRoom.waiting,
      app: proxy.waitingRoom.appState,
      isPaused: proxy.waitingRoom.isPaused,
      webSockets: proxy.openTunnels,
    },
    totals: await readEach(totals, async (name) => sum(await seriesOf(registry, name))),
    reasons: await readEach(reasons, async (name) => byReason(await seriesOf(registry, name))),
  };
}

interface Series {
  readonly value: number;
  readonly labels: Readonly<Partial<Record<string, string | number>>>;
  /** Of a histogram: with `_sum`, `_count` or `_bucket` behind. */
  readonly metricName?: string;
}

async function seriesOf(registry: Registry, name: string): Promise<readonly Series[]> {
  const metric = registry.getSingleMetric(name);
  return metric ? (await metric.get()).values : [];
}

function sum(series: readonly Series[]): number {
  return series.reduce((total, { value }) => total + value, 0);
}

function byReason(series: readonly Series[]): Readonly<Record<string, number>> {
  const counts: Record<string, number> = {};
  for (const { value, labels } of series) {
    const { reason = "" } = labels;
    if (value > 0) counts[reason] = (counts[reason] ?? 0) + value;
  }
  return counts;
}

async function readEach<T>(
  names: Readonly<Record<string, string>>,
  read: (name: string) => Promise<T>,
): Promise<Readonly<Record<string, T>>> {
  const entries = Object.entries(names).map(
    async ([key, name]) => [key, await read(name)] as const,
  );
  return Object.fromEntries(await Promise.all(entries));
}
