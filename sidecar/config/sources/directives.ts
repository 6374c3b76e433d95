/**
 * The directives of the original (the Pogo WebSocket module for FrankenPHP), and the options that replace them here.
 */

import { boolean } from "../parsers/parser.ts";
import type { Option } from "../table/option.ts";
import { table } from "../table/table.ts";

export interface Directive {
  readonly name: string;
  /** Its name in the environment, of the eight that the original reads. */
  readonly env?: `POGO_WS_${string}`;
  /** The option that does its job; null: there is none. */
  readonly option: Option<unknown> | null;
  /** What differs, or why there is none; completes "… is no option here: ⟨remark⟩". */
  readonly remark: string;
}

const same = "the same.";
const oneProcess = "one event loop serves all connections, there are no shards.";
const noPacing =
  "it was removed from the original too, frames are sent as fast as the socket takes them.";

export const directives: readonly Directive[] = [
  { name: "app_id", option: table.app.id, remark: same },
  {
    name: "app_key",
    option: table.app.key,
    remark: "the same; it is checked in the path and in every signature.",
  },
  { name: "app_secret", option: table.app.secret, remark: "the same, or from a file." },
  {
    name: "auth_path",
    option: table.authorizer.authPath,
    remark: "the path on the app itself, by default Laravel's own.",
  },
  {
    name: "auth_script",
    option: null,
    remark: "the app itself is asked over HTTP at POGO_AUTH_PATH, no script runs in this process.",
  },
  {
    name: "num_workers",
    option: null,
    remark:
      "the app has its own workers (PHP-FPM, Octane, FrankenPHP); POGO_MAX_CONCURRENT_AUTH bounds how many are asked at once.",
  },
  { name: "max_connections", option: table.websocket.maxConnections, remark: same },
  { name: "max_auth_body", option: table.authorizer.maxAnswerBytes, remark: same },
  { name: "max_concurrent_auth", option: table.authorizer.maxConcurrent, remark: same },
  { name: "num_shards", option: null, remark: oneProcess },
  {
    name: "handshake_rate",
    option: table.websocket.handshakeRate.perSecond,
    remark:
      "the same, for each client IP; behind `POGO_TRUSTED_PROXIES` it is the visitor's own, of IPv6 one /64. A negative one can't switch it off.",
  },
  {
    name: "handshake_burst",
    option: table.websocket.handshakeRate.burst,
    remark: "the same, for each client IP.",
  },
  {
    name: "outbound_queue_size",
    option: table.websocket.maxQueuedBytes,
    env: "POGO_WS_OUTBOUND_QUEUE_SIZE",
    remark:
      "it counted messages in the original (256); POGO_OUTBOUND_QUEUE_BYTES bounds the bytes, which is what memory is made of.",
  },
  {
    name: "broker_queue_size",
    env: "POGO_WS_BROKER_QUEUE_SIZE",
    option: table.redis.queueSize,
    remark:
      "the same number, of publishes on their way to Redis; one over it is refused instead of lost. On a single node nothing waits.",
  },
  {
    name: "shard_queue_size",
    env: "POGO_WS_SHARD_QUEUE_SIZE",
    option: null,
    remark: oneProcess,
  },
  {
    name: "write_burst_size",
    env: "POGO_WS_WRITE_BURST_SIZE",
    option: null,
    remark: "all that waits for a connection goes out in one write per turn of the event loop.",
  },
  {
    name: "enable_compression",
    env: "POGO_WS_ENABLE_COMPRESSION",
    option: table.websocket.compression.enabled,
    remark:
      "the same, compressed once for each event; POGO_COMPRESSION_THRESHOLD leaves short ones as they are.",
  },
  {
    name: "allowed_origins",
    option: table.app.allowedOrigins,
    remark:
      "a comma list; host names and patterns as well as origins. Without it every page may connect, as there.",
  },
  {
    name: "client_msg_rate_limit",
    env: "POGO_WS_CLIENT_MSG_RATE_LIMIT",
    option: table.app.clientEventRate.perSecond,
    remark:
      "counts client events alone, where the original counted every message of a client; its default was 50.",
  },
  {
    name: "client_msg_rate_burst",
    env: "POGO_WS_CLIENT_MSG_RATE_BURST",
    option: table.app.clientEventRate.burst,
    remark: "counts client events alone; the original's default was 20.",
  },
  { name: "ping_period", option: table.app.pingPeriodMs, remark: same },
  {
    name: "pong_wait",
    option: table.app.pongWaitMs,
    remark: "the same; it follows a changed ping period.",
  },
  {
    name: "write_wait",
    option: table.websocket.writeWaitMs,
    remark: "the same, for a connection that stays full.",
  },
  { name: "shutdown_timeout", option: table.server.shutdownTimeoutMs, remark: same },
  {
    name: "webhook_url",
    option: table.webhook.urls,
    remark: "the same, or several; also a path of the app behind.",
  },
  {
    name: "webhook_secret",
    option: table.webhook.secret,
    remark:
      "the same; without it the app's secret signs, as at Pusher, where the original did not sign.",
  },
  {
    name: "redis_host",
    option: table.redis.host,
    remark:
      "the same, host or host:port; there are also a URL, sentinels and a cluster. Without any of them there is one node.",
  },
  { name: "redis_password", option: table.redis.password, remark: "the same, or from a file." },
  { name: "redis_db", option: table.redis.db, remark: same },
  { name: "redis_tls", option: table.redis.tls.isEnabled, remark: same },
  {
    name: "hot_path_metrics",
    env: "POGO_WS_HOT_PATH_METRICS",
    option: table.metrics.hotPath,
    remark:
      "the same; of its histograms those that one event loop can measure, listed in [metrics.md](metrics.md).",
  },
  { name: "fanout_mode", option: null, remark: noPacing },
  { name: "fanout_round_size", option: null, remark: noPacing },
  { name: "fanout_round_yield", option: null, remark: noPacing },
  { name: "fanout_backpressure_threshold", option: null, remark: noPacing },
  { name: "fanout_backpressure_max_wait", option: null, remark: noPacing },
];

/** Names of the original's environment that no option reads, by name: what worked there must start here. */
const unread: ReadonlyMap<string, Directive> = new Map(
  directives.flatMap((row) =>
    row.env === undefined || row.option?.original === row.env ? [] : [[row.env, row]],
  ),
);

/** Whether the original reads this name and nothing here does. */
export function isUnread(name: string): boolean {
  return unread.has(name);
}

/** What does the job of such a name; null where it only switches off what is not here. */
export function warnOfUnread(name: string, text: string): string | null {
  const directive = unread.get(name);
  const asSwitch = boolean.parse(text.trim());
  if (!directive || (asSwitch.ok && !asSwitch.value)) return null;
  const advice = directive.option ? `Set ${directive.option.env} instead.` : "Remove it.";
  return `it has no effect here: ${directive.remark} ${advice}`;
}
