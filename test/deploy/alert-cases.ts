/** Series of a node that is well, and for each alert what is different when it should fire: values a minute apart. */

export type Series = Readonly<Record<string, string>>;

const target = 'job="pogo", instance="a:2019"';
const of = (metric: string, labels = ""): string =>
  `${metric}{${target}${labels && `, ${labels}`}}`;
const app = 'app_id="1"';
const always = (value: number): string => `${value}x60`;
const aMinute = (count: number): string => `0+${count}x60`;
/** Once, two minutes before it is looked at. */
const once = "0x35 1x25";

/** When it is looked at. */
export const lookedAtMinute = 38;

export const calm: Series = {
  [of("pogo_build_info", 'version="0.1.0"')]: always(1),
  [of("pogo_draining")]: always(0),
  [of("pogo_upstream_up")]: always(1),
  [of("pogo_proxy_requests_paused")]: always(0),
  [of("pogo_proxy_requests_waiting")]: "3x5 0x10 3x5 0x40",
  [of("pogo_proxy_requests_total", 'code="200"')]: aMinute(1_000),
  [of("pogo_proxy_requests_total", 'code="502"')]: aMinute(1),
  [of("pogo_proxy_faults_total", 'fault="no_response"')]: aMinute(1),
  [of("pogo_proxy_refused_total", 'reason="queue_full"')]: once,
  [of("pogo_websocket_circuit_breaker_state", `${app}, state="closed"`)]: "1x36 0x1 1x30",
  [of("pogo_websocket_auth_failures_total", `${app}, reason="forbidden"`)]: aMinute(100),
  [of("pogo_websocket_auth_waiting", app)]: "9x34 0x30",
  [of("pogo_websocket_publish_failures_total", `${app}, reason="broker_failed"`)]: always(7),
  [of("pogo_websocket_client_dropped_messages_total", `${app}, reason="queue_full", kind="bytes"`)]:
    aMinute(1),
  [of("pogo_websocket_deliveries_total", app)]: aMinute(1_000),
  [of("pogo_websocket_connections_active", app)]: always(500),
  [of("pogo_websocket_connections_active", 'app_id="2"')]: always(299),
  [of("pogo_websocket_connections_max")]: always(1_000),
  [of("pogo_websocket_handshakes_refused_total", 'app_id="", reason="draining"')]: aMinute(100),
  [of("pogo_broker_up")]: "1x37 0x0 1x22",
  [of("pogo_redis_broadcasts_up")]: always(1),
  [of("pogo_cluster_nodes")]: always(1),
  [of("process_start_time_seconds")]: "1x20 2x40",
  [of("pogo_worker_exits_total", 'reason="stopped"')]: aMinute(1),
  [of("pogo_worker_exits_total", 'reason="killed"')]: once,
  [of("process_open_fds")]: always(800),
  [of("process_max_fds")]: always(1_000),
  [of("nodejs_eventloop_lag_p99_seconds")]: always(0.02),
  // Another program, of which nothing is said here.
  'process_open_fds{job="other", instance="b:1"}': always(1_000),
  'process_max_fds{job="other", instance="b:1"}': always(1_000),
};

export const fires: Readonly<Record<`Pogo${string}`, Series>> = {
  PogoAppAway: { [of("pogo_upstream_up")]: always(0) },
  PogoRequestsHeld: { [of("pogo_proxy_requests_paused")]: always(1) },
  PogoAppFailing: { [of("pogo_proxy_faults_total", 'fault="no_response"')]: aMinute(11) },
  PogoAppTooBusy: { [of("pogo_proxy_refused_total", 'reason="queue_full"')]: aMinute(3) },
  PogoAppSlow: { [of("pogo_proxy_requests_waiting")]: always(1) },
  PogoBreakerOpen: {
    [of("pogo_websocket_circuit_breaker_state", `${app}, state="closed"`)]: "1x30 0x30",
  },
  PogoAuthorizationFailing: {
    [of("pogo_websocket_auth_failures_total", `${app}, reason="route_not_found"`)]: aMinute(1),
  },
  PogoAuthorizationSlow: { [of("pogo_websocket_auth_waiting", app)]: always(1) },
  PogoPublishFailing: {
    [of("pogo_websocket_publish_failures_total", `${app}, reason="broker_failed"`)]: once,
  },
  PogoPublishRefused: {
    [of("pogo_websocket_publish_failures_total", `${app}, reason="payload_too_large"`)]: once,
  },
  PogoSignatureRefused: {
    [of("pogo_api_signatures_refused_total", `${app}, reason="auth_timestamp"`)]: aMinute(1),
  },
  PogoEventsDropped: {
    [of(
      "pogo_websocket_client_dropped_messages_total",
      `${app}, reason="queue_full", kind="prepared"`,
    )]: aMinute(10),
  },
  PogoWebhooksDropped: {
    [of("pogo_websocket_webhook_dropped_total", `${app}, reason="queue_full"`)]: once,
  },
  PogoWebhooksFailing: {
    [of("pogo_websocket_webhook_attempts_failed_total", `${app}, fault="timeout"`)]: aMinute(1),
  },
  PogoConnectionsNearLimit: { [of("pogo_websocket_connections_active", app)]: always(502) },
  PogoHandshakesRefused: {
    [of("pogo_websocket_handshakes_refused_total", `${app}, reason="origin"`)]: aMinute(3),
  },
  PogoConnectionsCut: {
    [of("pogo_websocket_connections_cut_total", `${app}, reason="outbound_memory"`)]: once,
  },
  PogoRedisLost: { [of("pogo_broker_up")]: always(0) },
  PogoRedisBroadcastsLost: { [of("pogo_redis_broadcasts_up")]: always(0) },
  PogoEventsMissing: { [of("pogo_broker_gaps_total", app)]: once },
  PogoNodeDied: { [of("pogo_node_takeovers_total", app)]: once },
  PogoNodesApart: { 'pogo_cluster_nodes{job="pogo", instance="b:2019"}': always(2) },
  PogoGone: { [of("pogo_build_info", 'version="0.1.0"')]: "_x60" },
  PogoRestarting: { [of("process_start_time_seconds")]: "1x20 2x5 3x5 4x40" },
  PogoWorkersEnding: { [of("pogo_worker_exits_total", 'reason="killed"')]: "0x20 0+1x40" },
  PogoFilesNearLimit: { [of("process_open_fds")]: always(801) },
  PogoEventLoopLags: { [of("nodejs_eventloop_lag_p99_seconds")]: always(0.3) },
  PogoDrainStuck: { [of("pogo_draining")]: always(1) },
};
