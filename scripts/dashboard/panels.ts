/** All panels of the dashboard, in sections from what users notice to what the process needs. */

import {
  limit,
  lines,
  number,
  ofApps,
  quantiles,
  rate,
  series,
  sum,
  type Section,
} from "./panel.ts";

export const sections: readonly Section[] = [
  {
    title: "At a glance",
    panels: [
      number("Nodes", "short", `count(${series("pogo_build_info")})`),
      number("Connections", "short", `sum(${ofApps("pogo_websocket_connections_active")})`),
      number(
        "Of the connections it takes",
        "percentunit",
        `max(sum without (app_id) (${series("pogo_websocket_connections_active")}) / ${series("pogo_websocket_connections_max")})`,
      ),
      number("App reachable", "short", `min(${series("pogo_upstream_up")})`),
      number("Redis reachable", "short", `min(${series("pogo_broker_up")})`),
      number(
        "Breakers not closed",
        "short",
        `sum(${ofApps("pogo_websocket_circuit_breaker_state", 'state!="closed"')})`,
      ),
    ],
  },
  {
    title: "Connections",
    panels: [
      lines("Open connections", "short", sum(ofApps("pogo_websocket_connections_active")), {
        expr: `max(${series("pogo_websocket_connections_max")})`,
        legend: "limit",
      }),
      lines("Opened", "ops", rate(ofApps("pogo_websocket_connections_opened_total"))),
      lines(
        "Closed, by code",
        "ops",
        rate(ofApps("pogo_websocket_connections_closed_total"), "code"),
      ),
      lines(
        "Refused, by reason",
        "ops",
        rate(series("pogo_websocket_handshakes_refused_total"), "reason"),
        {
          ...rate(series("pogo_http_connections_refused_total")),
          legend: "{{instance}}: TCP, of one address",
        },
      ),
      lines("Channels", "short", sum(ofApps("pogo_websocket_channels_active"))),
      lines("Subscriptions", "short", sum(ofApps("pogo_websocket_subscriptions_active"))),
      lines(
        "Errors sent, by reason",
        "ops",
        rate(series("pogo_websocket_errors_sent_total"), "reason"),
      ),
    ],
  },
  {
    title: "Events",
    panels: [
      lines("Published", "ops", rate(ofApps("pogo_websocket_messages_total"), "app_id")),
      lines("Delivered", "ops", rate(ofApps("pogo_websocket_deliveries_total"))),
      lines(
        "Publishes refused, by reason",
        "ops",
        rate(ofApps("pogo_websocket_publish_failures_total"), "reason"),
        rate(ofApps("pogo_api_signatures_refused_total"), "reason"),
      ),
      lines("API requests, by status", "ops", rate(series("pogo_api_requests_total"), "code")),
      lines("API: time to answer", "s", ...quantiles("pogo_api_request_duration_seconds")),
      lines("Written to clients", "Bps", rate(series("pogo_websocket_sent_bytes_total"))),
      lines(
        "Waits for slow clients",
        "bytes",
        sum(series("pogo_websocket_queued_bytes")),
        limit("outbound_bytes"),
      ),
      lines(
        "Dropped for slow clients",
        "ops",
        rate(series("pogo_websocket_client_dropped_messages_total"), "kind"),
      ),
    ],
  },
  {
    title: "Clients that were away",
    panels: [
      lines(
        "Sessions, by outcome",
        "ops",
        rate(ofApps("pogo_websocket_recovery_sessions_total"), "outcome"),
      ),
      lines("Sent again", "ops", rate(ofApps("pogo_websocket_recovery_events_total"))),
      lines(
        "Could not be sent again, by reason",
        "ops",
        rate(ofApps("pogo_websocket_recovery_gaps_total"), "reason"),
      ),
      lines(
        "Asked again at the auth endpoint, by outcome",
        "ops",
        rate(ofApps("pogo_websocket_recovery_authorizations_total"), "outcome"),
      ),
    ],
  },
  {
    title: "Authorization by the app",
    panels: [
      lines("Time to answer", "s", ...quantiles("pogo_websocket_auth_duration_seconds")),
      lines(
        "Refused, by reason",
        "ops",
        rate(ofApps("pogo_websocket_auth_failures_total"), "reason"),
      ),
      lines(
        "Under way",
        "short",
        sum(ofApps("pogo_websocket_auth_active")),
        limit("auth_concurrent"),
      ),
      lines("Waiting", "short", sum(ofApps("pogo_websocket_auth_waiting"))),
      lines(
        "Tried again, by reason",
        "ops",
        rate(series("pogo_websocket_auth_retries_total"), "reason"),
      ),
      lines(
        "Refused by the breaker",
        "ops",
        rate(series("pogo_websocket_circuit_breaker_open_total")),
      ),
    ],
  },
  {
    title: "The app behind",
    panels: [
      lines("Requests, by status", "ops", rate(series("pogo_proxy_requests_total"), "code")),
      lines(
        "Time to the end of the answer",
        "s",
        ...quantiles("pogo_proxy_request_duration_seconds"),
      ),
      lines(
        "With the app",
        "short",
        sum(series("pogo_proxy_connections_active")),
        limit("upstream_requests"),
      ),
      lines(
        "Waiting",
        "short",
        { ...sum(series("pogo_proxy_requests_waiting")), legend: "{{instance}} for a turn" },
        {
          ...sum(series("pogo_proxy_requests_waiting_for_app")),
          legend: "{{instance}} for the app",
        },
      ),
      lines("Faults, by kind", "ops", rate(series("pogo_proxy_faults_total"), "fault")),
      lines("Answered 503, by reason", "ops", rate(series("pogo_proxy_refused_total"), "reason")),
    ],
  },
  {
    title: "Redis, other nodes, webhooks",
    panels: [
      lines("Nodes seen", "short", sum(series("pogo_cluster_nodes"))),
      lines(
        "Dropped, by reason",
        "ops",
        rate(ofApps("pogo_websocket_broker_dropped_messages_total"), "reason"),
      ),
      lines(
        "Gaps and takeovers",
        "short",
        {
          expr: `sum by (instance) (increase(${ofApps("pogo_broker_gaps_total")}[$__rate_interval]))`,
          legend: "{{instance}} gap",
        },
        {
          expr: `sum by (instance) (increase(${ofApps("pogo_node_takeovers_total")}[$__rate_interval]))`,
          legend: "{{instance}} takeover",
        },
      ),
      lines("Webhooks delivered", "ops", rate(ofApps("pogo_websocket_webhook_delivered_total"))),
      lines(
        "Webhooks that failed, by fault",
        "ops",
        rate(ofApps("pogo_websocket_webhook_attempts_failed_total"), "fault"),
      ),
      lines(
        "Webhook events waiting",
        "short",
        sum(ofApps("pogo_websocket_webhook_queue_depth")),
        limit("webhook_events"),
      ),
    ],
  },
  {
    title: "The process",
    panels: [
      {
        ...lines("CPU", "percentunit", rate(series("process_cpu_seconds_total"))),
        description: "Of one core. Near 1 the node has as much to do as it can: add another one.",
      },
      {
        ...lines("Memory", "bytes", sum(series("process_resident_memory_bytes"))),
        description:
          "Resident memory of the process. docs/operations.md says what connections take.",
      },
      {
        ...lines("Event loop lag, 99 %", "s", sum(series("nodejs_eventloop_lag_p99_seconds"))),
        description:
          "How late all but one in a hundred turns of the event loop are. Above 0.2 s for long: add a node.",
      },
      {
        ...lines("Open files", "short", sum(series("process_open_fds")), {
          expr: `max(${series("process_max_fds")})`,
          legend: "limit",
        }),
        description:
          "Each connection takes one, each request that is with the app another. Beyond the limit connections get no answer.",
      },
      lines(
        "Traces: spans sent and dropped",
        "ops",
        { ...rate(series("pogo_trace_spans_exported_total")), legend: "{{instance}} sent" },
        { ...rate(series("pogo_trace_spans_dropped_total"), "reason"), legend: "{{reason}}" },
      ),
      lines("Versions", "short", {
        expr: `count by (version) (${series("pogo_build_info")})`,
        legend: "{{version}}",
      }),
    ],
  },
];
