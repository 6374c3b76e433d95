/** What can be measured, in Prometheus' terms. Names are the original module's; labels are bounded. */

import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from "prom-client";
import type { Observer } from "../core/ports.ts";

export type Metrics = ReturnType<typeof createMetrics>;

/** One registry a sidecar; `registry.metrics()` is the text that `/metrics` answers. */
export function createMetrics() {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  const registers = [registry];

  return {
    registry,
    connectionsActive: new Gauge({
      name: "pogo_websocket_connections_active",
      help: "Open WebSocket connections.",
      labelNames: ["app_id"],
      registers,
    }),
    subscriptionsActive: new Gauge({
      name: "pogo_websocket_subscriptions_active",
      help: "Subscriptions of connections to channels.",
      labelNames: ["app_id"],
      registers,
    }),
    messagesTotal: new Counter({
      name: "pogo_websocket_messages_total",
      help: "Events broadcast to a channel with subscribers on this node.",
      labelNames: ["app_id"],
      registers,
    }),
    deliveriesTotal: new Counter({
      name: "pogo_websocket_deliveries_total",
      help: "Events handed to a connection: one for each recipient of a broadcast.",
      labelNames: ["app_id"],
      registers,
    }),
    errorsSentTotal: new Counter({
      name: "pogo_websocket_errors_sent_total",
      help: "pusher:error messages sent to clients, those that refuse a connection included, by code and by what is wrong; 1009 are closes for a message too long. Without app_id before an app is known.",
      labelNames: ["app_id", "code", "reason"],
      registers,
    }),
    handshakesRefusedTotal: new Counter({
      name: "pogo_websocket_handshakes_refused_total",
      help: "Connections refused before they were established, by reason; without app_id before an app is known.",
      labelNames: ["app_id", "reason"],
      registers,
    }),
    clientDroppedMessagesTotal: new Counter({
      name: "pogo_websocket_client_dropped_messages_total",
      help: "Frames dropped because a client read too slowly.",
      labelNames: ["app_id"],
      registers,
    }),
    brokerDroppedMessagesTotal: new Counter({
      name: "pogo_websocket_broker_dropped_messages_total",
      help: "Events that the broker did not take or could not relay.",
      registers,
    }),
    brokerIgnoredMessagesTotal: new Counter({
      name: "pogo_broker_ignored_messages_total",
      help: "Messages in Redis that are none of ours or of a later version, by reason.",
      labelNames: ["reason"],
      registers,
    }),
    brokerReplayedMessagesTotal: new Counter({
      name: "pogo_broker_replayed_messages_total",
      help: "Messages read from Redis' log after this node had been cut off; those that it had already included.",
      labelNames: ["app_id"],
      registers,
    }),
    brokerGapsTotal: new Counter({
      name: "pogo_broker_gaps_total",
      help: "Cuts that were longer than Redis' log reaches back: events may be missing.",
      labelNames: ["app_id"],
      registers,
    }),
    nodeTakeoversTotal: new Counter({
      name: "pogo_node_takeovers_total",
      help: "Nodes that were silent for longer than their lease, and whose members this node took off.",
      labelNames: ["app_id"],
      registers,
    }),
    publishFailuresTotal: new Counter({
      name: "pogo_websocket_publish_failures_total",
      help: "Publishes refused by the HTTP API, by reason.",
      labelNames: ["app_id", "reason"],
      registers,
    }),
    authFailuresTotal: new Counter({
      name: "pogo_websocket_auth_failures_total",
      help: "Subscriptions and signins refused, by reason.",
      labelNames: ["app_id", "reason"],
      registers,
    }),
    authDurationSeconds: new Histogram({
      name: "pogo_websocket_auth_duration_seconds",
      help: "Time the app took to answer an authorization subrequest.",
      buckets: [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2, 3],
      registers,
    }),
    circuitBreakerOpenTotal: new Counter({
      name: "pogo_websocket_circuit_breaker_open_total",
      help: "Authorizations refused without a subrequest because the circuit breaker was open.",
      registers,
    }),
    circuitBreakerState: new Gauge({
      name: "pogo_websocket_circuit_breaker_state",
      help: "1 for the state the circuit breaker is in, 0 for the others.",
      labelNames: ["state"],
      registers,
    }),
    apiSignaturesRefusedTotal: new Counter({
      name: "pogo_api_signatures_refused_total",
      help: "API requests answered 401, by what was wrong with their signature.",
      labelNames: ["app_id", "reason"],
      registers,
    }),
    proxyRequestsTotal: new Counter({
      name: "pogo_proxy_requests_total",
      help: "Proxied requests, by status; 499 is a client that left before the answer.",
      labelNames: ["code"],
      registers,
    }),
    proxyFaultsTotal: new Counter({
      name: "pogo_proxy_faults_total",
      help: "Proxied requests that the upstream did not answer properly, by fault.",
      labelNames: ["fault"],
      registers,
    }),
    proxyRequestDurationSeconds: new Histogram({
      name: "pogo_proxy_request_duration_seconds",
      help: "Time from a proxied request's headers to the end of its response.",
      buckets: [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30],
      registers,
    }),
    webhookDroppedTotal: new Counter({
      name: "pogo_websocket_webhook_dropped_total",
      help: "Webhook events that were not delivered, by reason.",
      labelNames: ["app_id", "reason"],
      registers,
    }),
    draining: new Gauge({
      name: "pogo_draining",
      help: "1 from the moment the sidecar stops taking connections.",
      registers,
    }),
  };
}

/** Series that are there before anything happened, so that a graph starts at zero. */
export function startAtZero(metrics: Metrics, appIds: readonly string[]): void {
  for (const app_id of appIds) {
    metrics.connectionsActive.set({ app_id }, 0);
    metrics.subscriptionsActive.set({ app_id }, 0);
    metrics.messagesTotal.inc({ app_id }, 0);
    metrics.deliveriesTotal.inc({ app_id }, 0);
    metrics.clientDroppedMessagesTotal.inc({ app_id }, 0);
  }
}

/** Reads a number at every scrape, instead of keeping it up to date. */
export function measure(
  { registry }: Metrics,
  metric: { name: string; help: string; read: () => number },
): void {
  const { name, help, read } = metric;
  const gauge = new Gauge({
    name,
    help,
    registers: [],
    collect() {
      this.set(read());
    },
  });
  registry.registerMetric(gauge);
}

/** The same, a number for each app. */
export function measureApps(
  { registry }: Metrics,
  metric: {
    name: string;
    help: string;
    appIds: readonly string[];
    read: (appId: string) => number;
  },
): void {
  const { name, help, appIds, read } = metric;
  const gauge = new Gauge({
    name,
    help,
    labelNames: ["app_id"],
    registers: [],
    collect() {
      for (const app_id of appIds) this.set({ app_id }, read(app_id));
    },
  });
  registry.registerMetric(gauge);
}

/** Counts what the core reports. */
export function createMetricsObserver(metrics: Metrics): Observer {
  return {
    connectionOpened: (appId) => metrics.connectionsActive.inc({ app_id: appId }),
    connectionClosed: (appId) => metrics.connectionsActive.dec({ app_id: appId }),
    subscribed: (appId) => metrics.subscriptionsActive.inc({ app_id: appId }),
    unsubscribed: (appId) => metrics.subscriptionsActive.dec({ app_id: appId }),
    broadcast(appId, recipients) {
      metrics.messagesTotal.inc({ app_id: appId });
      metrics.deliveriesTotal.inc({ app_id: appId }, recipients);
    },
    authorizationFailed(appId, reason) {
      metrics.authFailuresTotal.inc({ app_id: appId, reason });
      if (reason === "circuit_open") metrics.circuitBreakerOpenTotal.inc();
    },
    publishFailed(appId, reason) {
      metrics.publishFailuresTotal.inc({ app_id: appId, reason });
      if (reason === "broker_failed" || reason === "broker_queue_full") {
        metrics.brokerDroppedMessagesTotal.inc();
      }
    },
    errorSent: (appId, { code, reason }) =>
      metrics.errorsSentTotal.inc({ app_id: appId ?? "", code, reason }),
  };
}

/** Sets the state's series to 1 and the others to 0, as Prometheus' state sets are written. */
export function setCircuitBreakerState(
  { circuitBreakerState }: Metrics,
  state: "closed" | "open" | "half-open",
): void {
  for (const name of ["closed", "open", "half-open"]) {
    circuitBreakerState.set({ state: name }, name === state ? 1 : 0);
  }
}
