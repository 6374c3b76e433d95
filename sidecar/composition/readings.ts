/** Connects the metrics that are read at each scrape instead of being counted. */

import type { Config } from "../config.ts";
import type { Hub } from "../core/hub.ts";
import type { HttpApi } from "../http-api/router.ts";
import type { Metrics } from "../observability/metrics.ts";
import type { Limit } from "../observability/metrics/node.ts";
import type { WebhookDispatcher } from "../webhooks/dispatcher.ts";
import type { WebSocketEndpoint } from "../ws/endpoint.ts";

export function connectReadings(
  { node, webSocket, recovery, api, webhooks }: Metrics,
  sources: {
    readonly config: Config;
    readonly version: string;
    readonly hubs: readonly Hub[];
    readonly webSockets: WebSocketEndpoint;
    readonly httpApi: HttpApi;
    readonly dispatcher: WebhookDispatcher;
  },
): void {
  const { config, version, hubs, webSockets, httpApi, dispatcher } = sources;
  node.buildInfo.readEach(() => [[[version], 1]]);
  const limits = limitsOf(config);
  node.limit.readEach(() => limits);
  webSocket.connectionsMax.read(() => config.websocket.maxConnections);
  webSocket.channelsActive.readEach(() => hubs.map((hub) => [[hub.app.id], hub.channels.size]));
  webSocket.sentBytesTotal.read(() => webSockets.writtenBytes);
  webSocket.queuedBytes.read(() => webSockets.queuedBytes);
  webSocket.deliveryConfig.readEach(() => [
    [["outbound_queue_bytes"], config.websocket.maxQueuedBytes],
    [["broker_queue_size"], config.redis?.queueSize ?? 0],
    [["enable_compression"], Number(config.websocket.compression.enabled)],
  ]);
  recovery.sessions.readEach(() =>
    hubs.map((hub) => [[hub.app.id], hub.recovery?.sessionCount ?? 0]),
  );
  api.unverifiedBodyBytes.read(httpApi.unverifiedBodyBytes);
  webhooks.queueDepth.readEach(() =>
    hubs.map(({ app }) => [[app.id], dispatcher.queueDepth(app.id)]),
  );
}

function limitsOf({ websocket, webhooks, authorizer, upstream }: Config) {
  const ofNode: Partial<Record<Limit, number>> = {
    subscriptions: websocket.maxSubscriptions,
    outbound_bytes: websocket.maxTotalQueuedBytes,
    webhook_events: webhooks.maxQueuedEvents,
  };
  const ofUpstream: Partial<Record<Limit, number>> = {
    auth_concurrent: authorizer.maxConcurrent,
    auth_waiting: authorizer.maxWaiting,
    upstream_requests: upstream.maxConnections,
    upstream_waiting: upstream.maxWaiting,
    upstream_away_waiting: upstream.maxAwayWaiting,
    upstream_websockets: upstream.maxWebSockets,
  };
  const all = { ...ofNode, ...(upstream.address !== null && ofUpstream) };
  return Object.entries(all).map(([limit, value]): [string[], number] => [[limit], value]);
}
