/** Metrics of the requests that go on to the app. */

import type { ProxyFault } from "../../core/report/proxy.ts";
import type { Define } from "../metric.ts";

const proxyFaults = {
  connect_failed: "refused, no route, or no such name or socket",
  connect_timeout: "no connection within POGO_UPSTREAM_CONNECT_TIMEOUT",
  response_timeout: "no response head within POGO_UPSTREAM_RESPONSE_TIMEOUT",
  no_response: "the connection ended before a response",
  bad_response: "a response that can't be relayed",
  response_cut: "the response's body broke off",
  not_sent: "the request could not be made: a bug, please report it",
} satisfies Record<ProxyFault, string>;

export function proxyMetrics({ counter, histogram, reading }: Define) {
  return {
    requestsTotal: counter({
      name: "pogo_proxy_requests_total",
      help: "Proxied requests, by status; 499 is a client that left before the answer.",
      unit: "requests",
      moves: "When a response is complete, or a WebSocket handshake answered.",
      action: "5xx: see pogo_proxy_faults_total, and the app's own log for those that it answered.",
      labels: { code: "HTTP status as sent to the client." },
    }),
    faultsTotal: counter({
      name: "pogo_proxy_faults_total",
      help: "Proxied requests that the upstream did not answer properly, by fault.",
      unit: "requests",
      moves: "With each request that the app did not answer, or not to the end.",
      action: "Look at the app: the log has a line for each fault, with its cause.",
      labels: { fault: proxyFaults },
    }),
    requestDurationSeconds: histogram({
      name: "pogo_proxy_request_duration_seconds",
      help: "Time from a proxied request's headers to the end of its response.",
      unit: "seconds",
      moves: "When a response is complete.",
      action: "Nearly all of it is the app's time and the client's download.",
      buckets: [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30],
    }),
    tunnelsActive: reading({
      name: "pogo_proxy_tunnels_active",
      help: "Open WebSocket connections passed through to the upstream.",
      unit: "connections",
      moves: "Read at each scrape. Not there without an upstream.",
      action: "Nothing; each one holds a connection to the app.",
    }),
  };
}
