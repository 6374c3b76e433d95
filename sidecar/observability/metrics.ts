/** All metrics, in Prometheus' terms. A metric that the original module has too has its name. */

import { collectDefaultMetrics, Registry } from "prom-client";
import { createDefine, type Define, type Description } from "./metric.ts";
import { apiMetrics } from "./metrics/api.ts";
import { authorizerMetrics } from "./metrics/authorizer.ts";
import { brokerMetrics } from "./metrics/broker.ts";
import { hotPathMetrics } from "./metrics/hot-path.ts";
import { nodeMetrics } from "./metrics/node.ts";
import { proxyMetrics } from "./metrics/proxy.ts";
import { recoveryMetrics } from "./metrics/recovery.ts";
import { tracingMetrics } from "./metrics/tracing.ts";
import { webhookMetrics } from "./metrics/webhooks.ts";
import { webSocketMetrics } from "./metrics/websocket.ts";
import { workerMetrics } from "./metrics/workers.ts";

export type Metrics = ReturnType<typeof createMetrics>;

/** One registry a sidecar; `registry.metrics()` is the text that `/metrics` answers. */
export function createMetrics(
  appIds: readonly string[] = [],
  options: { readonly hotPath: boolean } = { hotPath: false },
) {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  /** What the page of all metrics says, room by room. */
  const rooms: { title: string; descriptions: readonly Description[] }[] = [];

  function room<T>(title: string, metricsOf: (define: Define) => T, into = registry): T {
    const { define, descriptions } = createDefine(into, appIds);
    rooms.push({ title, descriptions });
    return metricsOf(define);
  }

  const all = {
    registry,
    rooms,
    node: room("The node", nodeMetrics),
    webSocket: room("WebSocket connections", webSocketMetrics),
    recovery: room("Recovery", recoveryMetrics),
    api: room("HTTP API", apiMetrics),
    authorizer: room("Authorization by the app", authorizerMetrics),
    proxy: room("Proxy", proxyMetrics),
    broker: room("Redis and other nodes", brokerMetrics),
    webhooks: room("Webhooks", webhookMetrics),
    workers: room("Workers, with POGO_WORKERS", workerMetrics),
    tracing: room("Traces", tracingMetrics),
  };
  const hotPath = room(
    "The hot path, with POGO_HOT_PATH_METRICS",
    hotPathMetrics,
    options.hotPath ? registry : new Registry(),
  );
  return { ...all, hotPath: options.hotPath ? hotPath : null };
}
