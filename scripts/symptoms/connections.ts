/** Symptoms of connections, subscriptions and events. */

import type { Symptom } from "./symptom.ts";
import { appId, error, finished, gap, requested, unread } from "./events.ts";

export const connections: readonly Symptom[] = [
  {
    title: "The page does not connect",
    first:
      "The browser's console or network view has the close code, if the handshake came so far. Without any line in the log the handshake went elsewhere: compare its address in the network view with the sidecar's.",
    lines: [
      { kind: "handshake_refused", appId: null, reason: "unknown_key", sent: "old-key" },
      { kind: "handshake_refused", appId, reason: "origin", sent: "https://other.example.com" },
      { kind: "handshake_misdirected", appId, reason: "no_upgrade" },
      { kind: "handshake_misdirected", appId, reason: "path" },
      unread("tls", 400),
      { kind: "handshake_refused", appId: null, reason: "rate_limit", sent: null },
      { kind: "handshake_refused", appId: null, reason: "connections_per_ip", sent: null },
      { kind: "handshake_refused", appId, reason: "over_capacity", sent: null },
      { kind: "handshake_refused", appId, reason: "over_quota", sent: null },
      { kind: "open_files_exhausted", limit: 1_024 },
      { kind: "connection_refused", limit: 100 },
    ],
    also: [
      "**Works on this machine, not on a phone or in staging**: the address was built into the page (`VITE_REVERB_HOST`). The [recommended Echo block](../README.md#echo) takes it from the page itself.",
      "**`wss://` on a page by https, and the sidecar has no TLS**: TLS ends in front of it; Echo's port is the one in front (443), not the sidecar's.",
      "**It connects to Reverb's old port**: the front end was built before `.env` changed. Build it again.",
    ],
  },
  {
    title: "A private or presence channel is refused",
    first:
      "Echo's `.error()` gets a status: 403 is a no, 503 means that nobody could say. A no of your own channel callback (`forbidden`) is in the log at `debug` only.",
    lines: [
      {
        kind: "authorization_refused",
        appId,
        socketId: "1.2",
        channel: "private-orders.7",
        reason: "forbidden",
      },
      finished("route_not_found"),
      finished("method_not_allowed"),
      finished("csrf_token_mismatch"),
      finished("redirected"),
      finished("unexpected_status"),
      finished("invalid_response_json"),
      finished("missing_signature"),
      finished("missing_channel_data"),
      finished("missing_user_data"),
      finished("invalid_signature"),
      { kind: "authorization_withheld", reason: "origin" },
      { kind: "signature_missing", ...requested },
      { kind: "client_signature_refused", ...requested, fault: "malformed", sentKey: null },
      { kind: "client_signature_refused", ...requested, fault: "wrong_key", sentKey: "old-key" },
      { kind: "client_signature_refused", ...requested, fault: "mismatch", sentKey: null },
      error(4200, "invalid_channel_name"),
      error(4200, "invalid_user_id"),
      error(4302, "too_many_channels"),
      error(4303, "presence_channel_full"),
      error(4304, "member_too_large"),
      error(4305, "watchlist_too_long"),
      error(4301, "repeat_rate_exceeded"),
      { kind: "subscriptions_exhausted", max: 200_000 },
    ],
    also: [
      "**403 for somebody who just logged in**: without a signature the sidecar asks with the cookies of the handshake. Connect anew after the login, or send a token ([authorization.md](authorization.md#which-cookies-travel)).",
      "**403 for everybody, of a channel that has a callback**: the callback's pattern is written without the prefix (`orders.{id}` for `private-orders.7`), and its first argument is the user, whom the session has to know.",
    ],
  },
  {
    title: "Subscribing takes seconds, or ends with 503",
    first:
      "The app does not answer, or too slowly. What fails for now is asked again for `POGO_AUTH_RETRY_FOR`.",
    lines: [
      finished("timeout"),
      finished("dispatch_error"),
      finished("connection_reset"),
      finished("worker_error"),
      finished("service_unavailable"),
      finished("too_many_requests"),
      { kind: "circuit_breaker_changed", appId, state: "open" },
      { kind: "authorization_withheld", reason: "concurrency_limit" },
      { kind: "authorization_withheld", reason: "queue_full" },
      { kind: "authorization_withheld", reason: "too_many_failures" },
    ],
    also: [
      "**`php artisan serve` with one worker**: a page that is slow, or that itself publishes, keeps `/broadcasting/auth` waiting. `PHP_CLI_SERVER_WORKERS=4 php artisan serve --no-reload`.",
    ],
  },
  {
    title: "The app broadcasts and nothing arrives",
    first:
      "Does `pogo_websocket_messages_total` rise with each broadcast? If not, the event does not reach the sidecar, and it is one of these lines or the app's own log:",
    lines: [
      { kind: "api_app_unknown", sentAppId: "654321" },
      { kind: "api_asked_elsewhere" },
      { kind: "api_signature_refused", appId, reason: "auth_key" },
      { kind: "api_signature_refused", appId, reason: "auth_signature" },
      { kind: "api_signature_refused", appId, reason: "auth_timestamp" },
      { kind: "api_signature_refused", appId, reason: "body_md5" },
      { kind: "publish_refused", appId, reason: "payload_too_large" },
      { kind: "publish_refused", appId, reason: "invalid_fields" },
      { kind: "publish_refused", appId, reason: "invalid_channel" },
      { kind: "publish_refused", appId, reason: "event_too_long" },
      { kind: "publish_refused", appId, reason: "too_many_channels" },
      { kind: "publish_refused", appId, reason: "rate_limited" },
      { kind: "publish_refused", appId, reason: "broker_failed" },
      { kind: "publish_refused", appId, reason: "broker_queue_full" },
      { kind: "api_body_refused", appId, reason: "too_slow" },
      { kind: "api_body_refused", appId, reason: "node_budget" },
    ],
    also: [
      "**No line at all**: `BROADCAST_CONNECTION` is `log` or `null`; or the event waits in a queue that nobody works on (`php artisan queue:work`; `ShouldBroadcastNow` needs none); or `REVERB_HOST` and `REVERB_PORT` lead to somebody else.",
      "**The metric rises and the page gets nothing**: another channel (`private-` and `presence-` are part of the name that Echo's `private()` and `join()` add), or another event: with `broadcastAs()` Echo listens to the name with a dot in front, `.listen('.order.shipped', …)`.",
      "**The sender gets nothing**: `toOthers()` leaves out the connection whose `X-Socket-ID` came with the request.",
      "**Several nodes without Redis**: an event reaches the node that it was published to, and no other ([scaling.md](scaling.md)).",
    ],
  },
  {
    title: "What was published while a client was away is missing",
    first:
      "Over a deploy it needs Redis or `POGO_RECOVERY_STATE_DIR`; after a cut `POGO_RECOVERY=all`. `pogo_websocket_recovery_sessions_total` says what became of who was away.",
    lines: [
      gap("bounds"),
      gap("ambiguous"),
      gap("dropped"),
      { kind: "recovery_token_shared", appId },
      {
        kind: "recovery_directory_unusable",
        directory: "/var/lib/pogo",
        problem: "missing",
        reason: "ENOENT: no such file or directory, access '/var/lib/pogo/'",
      },
      {
        kind: "recovery_state_failed",
        step: "write",
        reason: "EACCES: permission denied, open '/var/lib/pogo/pogo-recovery.json'",
      },
    ],
    also: [
      "**No line, and nothing is sent**: the client is not recognized. A browser needs the handshake's cookie, which a page of another site does not keep, or a token in its path: `wsPath: '/r/' + crypto.randomUUID()` in Echo's options. A proxy in front has to pass `/r/` on, too.",
      "**The page was loaded anew**: then it has left, and begins anew.",
    ],
  },
  {
    title: "Whispers do not arrive",
    lines: [
      error(4301, "client_events_disabled"),
      error(4009, "not_a_member"),
      error(4009, "client_event_not_allowed_here"),
      error(4301, "client_event_rate_exceeded"),
      error(4301, "rate_limit_exceeded"),
      error(4306, "message_too_long"),
      error(4307, "event_name_too_long"),
      error(4308, "event_data_too_large"),
      error(4200, "invalid_message_format"),
    ],
  },
  {
    title: "Connections break off again and again",
    first:
      "`pogo_websocket_connections_closed_total` has the codes. 1006 without a line here is a proxy or a load balancer in front that cuts what is silent: its idle timeout has to be longer than `REVERB_APP_PING_INTERVAL` (54 s; nginx: `proxy_read_timeout 75s`).",
    lines: [
      error(4100, "slow_consumer"),
      {
        kind: "connection_cut",
        appId,
        reason: "outbound_memory",
      },
      error(4301, "rate_limit_terminated"),
      { kind: "draining", connections: 214, requests: 3, tunnels: 0 },
    ],
    also: [
      '**4200 or 4100 "Server is shutting down"**: the node was stopped; pusher-js comes back by itself.',
    ],
  },
];
