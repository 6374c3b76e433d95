/** Metrics of the requests that go on to the app. */

import type { ProxyFault, ProxyRefusal, RequestRefusal } from "../../core/report/proxy.ts";
import type { Define } from "../metric.ts";

const proxyFaults = {
  connect_failed: "refused, no route, or no such name or socket",
  connect_timeout: "no connection within POGO_UPSTREAM_CONNECT_TIMEOUT",
  response_timeout: "no response head within POGO_UPSTREAM_RESPONSE_TIMEOUT",
  no_response: "the connection ended before a response",
  bad_response: "a response that can't be relayed",
  head_too_large: "a response head of more than POGO_UPSTREAM_MAX_HEADER_SIZE",
  response_cut: "the response's body broke off",
  not_sent: "the request could not be made: a bug, please report it",
} satisfies Record<ProxyFault, string>;

const proxyRefusals = {
  queue_full: "POGO_UPSTREAM_QUEUE_SIZE requests wait already",
  queue_timeout: "no connection came free within POGO_UPSTREAM_QUEUE_WAIT",
  away_queue_full: "POGO_MAX_UPSTREAM_WAITING requests wait for the app already",
  away_timeout:
    "the app could not be connected to within POGO_UPSTREAM_WAIT, or a hold outlasts the node",
  too_many_websockets: "POGO_MAX_UPSTREAM_WEBSOCKETS pass through already",
} satisfies Record<ProxyRefusal, string>;

const requestRefusals = {
  duplicate_field: "two fields where one is meant, such as two Host fields",
  expectation: "an Expect field other than 100-continue",
  framing: "the end of the body is uncertain, or its transfer coding unknown",
  handshake: "a WebSocket handshake with a body, or that is no GET",
  head_too_large: "longer than POGO_MAX_HEADER_SIZE, or more than 1000 fields",
  host: "no Host field, or one that names no host",
  malformed: "not HTTP",
  method: "TRACE, CONNECT, or an unknown method",
  pipelining: "too many requests without waiting for answers",
  target: "a malformed request target",
  tls: "TLS, which this port does not speak",
  timeout: "slower than POGO_HEADERS_TIMEOUT or POGO_REQUEST_TIMEOUT",
  version: "neither HTTP/1.1 nor HTTP/1.0",
} satisfies Record<RequestRefusal, string>;

export function proxyMetrics({ counter, histogram, reading }: Define) {
  return {
    requestsRefusedTotal: counter({
      name: "pogo_http_requests_refused_total",
      help: "Requests refused before anybody looked at what they ask for, by reason.",
      unit: "requests",
      moves:
        "With each request on the public port that is malformed, too large, too slow or unsupported.",
      action: "head_too_large: raise POGO_MAX_HEADER_SIZE. Others are broken or hostile clients.",
      labels: { reason: requestRefusals },
    }),
    refusedTotal: counter({
      name: "pogo_proxy_refused_total",
      help: "Proxied requests and WebSocket handshakes answered 503 because the upstream is busy or away, by reason.",
      unit: "requests",
      moves:
        "When POGO_MAX_UPSTREAM_CONNECTIONS are in use, or the app can't be connected to, and a request can't wait, or can't wait any longer.",
      action:
        "away_…: start the app. Else give it more workers, or raise the option that the log names.",
      labels: { reason: proxyRefusals },
    }),
    connectionsActive: reading({
      name: "pogo_proxy_connections_active",
      help: "Requests that the upstream works on, each on a connection of its own.",
      unit: "requests",
      moves: "Read at each scrape. Not there without an upstream.",
      action: "Near POGO_MAX_UPSTREAM_CONNECTIONS requests begin to wait: the app is too slow.",
    }),
    requestsWaiting: reading({
      name: "pogo_proxy_requests_waiting",
      help: "Requests that wait until one of POGO_MAX_UPSTREAM_CONNECTIONS is free.",
      unit: "requests",
      moves: "Read at each scrape. Not there without an upstream.",
      action:
        "More than 0 for long: give the app more workers, or raise POGO_MAX_UPSTREAM_CONNECTIONS.",
    }),
    upstreamUp: reading({
      name: "pogo_upstream_up",
      help: "1 if the last attempt to connect to the upstream succeeded or none was made yet, 0 if it failed.",
      overWorkers: "min",
      unit: "0 or 1",
      moves:
        "Read at each scrape. Requests are the check: it is 1 until one has failed, and 0 until one has come through. Not there without an upstream. While none has come, /pogo/health says that it is unknown.",
      action: "0 for longer than a restart takes: start the app; the log says why it can't be had.",
    }),
    requestsPaused: reading({
      name: "pogo_proxy_requests_paused",
      help: "1 while new requests wait because the admin port was asked for it (/hold).",
      overWorkers: "max",
      unit: "0 or 1",
      moves: "Read at each scrape. Not there without an upstream.",
      action: "1 after a deployment: its script did not get to `pogo-sidecar release`.",
    }),
    requestsAway: reading({
      name: "pogo_proxy_requests_waiting_for_app",
      help: "Requests that wait because the upstream can't be connected to, or new ones are held.",
      unit: "requests",
      moves: "Read at each scrape. Not there without an upstream.",
      action: "As for pogo_upstream_up. Beyond POGO_MAX_UPSTREAM_WAITING they are answered 503.",
    }),
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
      action: "Nothing; each one takes a connection of the app.",
    }),
  };
}
