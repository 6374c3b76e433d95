/** Metrics of the node itself. */

import type { Define } from "../metric.ts";

/** By option, for what another metric says how much of it is taken. */
const limits = {
  subscriptions: "POGO_MAX_SUBSCRIPTIONS, beside pogo_websocket_subscriptions_active",
  outbound_bytes: "POGO_OUTBOUND_TOTAL_BYTES, beside pogo_websocket_queued_bytes",
  webhook_events:
    "POGO_WEBHOOK_QUEUE_SIZE of one endpoint, beside pogo_websocket_webhook_queue_depth",
  auth_concurrent: "POGO_MAX_CONCURRENT_AUTH, beside pogo_websocket_auth_active",
  auth_waiting: "POGO_MAX_AUTH_QUEUE, beside pogo_websocket_auth_waiting",
  upstream_requests: "POGO_MAX_UPSTREAM_CONNECTIONS, beside pogo_proxy_connections_active",
  upstream_waiting: "POGO_UPSTREAM_QUEUE_SIZE, beside pogo_proxy_requests_waiting",
  upstream_away_waiting: "POGO_MAX_UPSTREAM_WAITING, beside pogo_proxy_requests_waiting_for_app",
  upstream_websockets: "POGO_MAX_UPSTREAM_WEBSOCKETS, beside pogo_proxy_tunnels_active",
};

export type Limit = keyof typeof limits;

export function nodeMetrics({ counter, gauge, reading }: Define) {
  return {
    buildInfo: reading({
      name: "pogo_build_info",
      help: "1, with the version that runs.",
      overWorkers: "first",
      unit: "always 1",
      moves: "Never.",
      action: "Count by version to follow a rollout.",
      labels: { version: "Version of the sidecar." },
    }),
    limit: reading({
      name: "pogo_limit",
      help: "Bounds of this node as they are set, by what they bound.",
      unit: "the unit of what it bounds",
      moves: "Never. Those of the app's requests are not there without an upstream.",
      action: "Draw it beside the metric that says how much of it is taken.",
      labels: { limit: limits },
    }),
    connectionsRefused: counter({
      name: "pogo_http_connections_refused_total",
      help: "TCP connections that were ended at once, since their client has POGO_MAX_TCP_CONNECTIONS_PER_IP open.",
      unit: "connections",
      moves: "With each one beyond the limit. Never where there is none.",
      action:
        "One client that opens many is held off; many people behind one address need a higher limit, and a proxy in front its place in POGO_TRUSTED_PROXIES.",
    }),
    draining: gauge({
      name: "pogo_draining",
      help: "1 from the moment the sidecar stops taking connections.",
      overWorkers: "max",
      unit: "0 or 1",
      moves: "To 1 at SIGTERM or SIGINT, once.",
      action:
        "Nothing, during a rollout. A node that stays at 1 waits for requests or WebSockets to end; POGO_SHUTDOWN_TIMEOUT ends the wait.",
    }),
  };
}
