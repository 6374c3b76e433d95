/** Symptoms of pages, webhooks, nodes and the process. */

import type { WorkerEnd } from "../../sidecar/workers/supervisor.ts";
import type { Symptom } from "./symptom.ts";
import { appId, dropped, failed, unread, webhook } from "./events.ts";

export const operation: readonly Symptom[] = [
  {
    title: "The sidecar does not start",
    first:
      "Exit code 78: the configuration can't be used, or Node is too old; standard error has every mistake at once. Exit code 1: the last line, `could not start`, has a `hint` about the port or the socket. Then the next line should be this one:",
    lines: [
      {
        kind: "listening",
        address: "0.0.0.0:8080",
        apiSocket: null,
        port: 8080,
        adminPort: 2019,
        upstream: "http://127.0.0.1:8000",
        appIds: [appId],
      },
      { kind: "open_files_limited", limit: 1024, maxConnections: 10_000 },
    ],
    also: [
      "**`apps` has another id than the app's `.env`**: a variable of the process wins over the file. `pogo-sidecar check` says where each value comes from.",
    ],
  },
  {
    title: "Every page hangs, and WebSockets go on",
    first:
      "The app is away, and requests wait for it ([the next lines](#a-page-answers-502-503-or-504)); or they were held with `pogo-sidecar hold`, and go on by themselves after `for_ms`:",
    lines: [{ kind: "requests_paused", forMs: 30_000, isForGood: false }],
  },
  {
    title: "A page answers 502, 503 or 504",
    lines: [
      {
        kind: "app_away",
        address: "http://127.0.0.1:8000",
        cause: "connection refused: nobody listens at 127.0.0.1:8000 (ECONNREFUSED)",
      },
      { kind: "proxy_refused", reason: "away_timeout" },
      { kind: "proxy_refused", reason: "away_queue_full" },
      failed("connect_failed", 502, "connect ECONNREFUSED 127.0.0.1:8000"),
      failed("no_response", 502, "socket hang up"),
      failed("bad_response", 502, "no HTTP/1.x status line"),
      failed("head_too_large", 502, "the response head is too large"),
      failed("response_cut", 200, "aborted"),
      failed("connect_timeout", 504, "no connection within 5000 ms"),
      failed("response_timeout", 504, "no response within 60000 ms"),
      { kind: "proxy_refused", reason: "queue_full" },
      { kind: "proxy_refused", reason: "queue_timeout" },
      { kind: "proxy_refused", reason: "too_many_websockets" },
    ],
    also: [
      "While the app is away requests wait for it, so that a page that loads for seconds and then is there was a restart of PHP: [deploys.md](deploys.md).",
    ],
  },
  {
    title: "A request answers 400, 408 or 431",
    lines: [
      unread("head_too_large", 431),
      unread("timeout", 408),
      unread("pipelining", 503),
      { kind: "field_dropped", name: "X_Tenant" },
    ],
    also: [
      "Other reasons (`duplicate_field`, `host`, `framing`, `target` …) are in [errors.md](errors.md#http-a-request-that-is-not-passed-on): a client that is broken, or hostile.",
    ],
  },
  {
    title: "Links are http, every visitor has one address, signed URLs are refused",
    first:
      "The app has to trust the sidecar (`$middleware->trustProxies(at: '127.0.0.1')`), and the sidecar the proxy that ends TLS in front of it:",
    lines: [{ kind: "forwarded_for_ignored", peer: "10.0.0.7" }],
    also: [
      "nginx in front has to pass the host with its port on: `proxy_set_header Host $http_host` (`$host` drops the port, so that a page on another port than 80 or 443 is taken for another origin).",
    ],
  },
  {
    title: "Webhooks do not arrive",
    lines: [
      webhook({ kind: "status", status: 419 }),
      webhook({ kind: "status", status: 404 }),
      webhook({ kind: "status", status: 405 }),
      webhook({ kind: "status", status: 401 }),
      webhook({ kind: "status", status: 302 }),
      webhook({ kind: "status", status: 500 }),
      webhook({ kind: "timeout" }),
      webhook({ kind: "connection", code: "ECONNREFUSED" }),
      dropped("gave_up"),
      dropped("queue_full"),
      dropped("displaced"),
      dropped("connection_limit"),
      dropped("shutdown"),
    ],
  },
  {
    title: "Several nodes",
    first:
      "What each of these means for clients, API and probes: [scaling.md](scaling.md#what-breaks-and-what-is-seen).",
    lines: [
      { kind: "redis_lost", reason: "connect ECONNREFUSED 127.0.0.1:6379" },
      { kind: "redis_connected" },
      { kind: "redis_broadcasts_lost", reason: "connect ECONNREFUSED 127.0.0.1:6379" },
      { kind: "redis_broadcasts_connected" },
      { kind: "broker_replayed", appId, messages: 12 },
      { kind: "broker_gap", appId },
      { kind: "broker_message_ignored", reason: "newer_version" },
      { kind: "broker_relay_dropped", appId, reason: "failed" },
      { kind: "broker_relay_dropped", appId, reason: "queue_full" },
      { kind: "node_taken_over", appId, nodeId: "pod-7f9c" },
    ],
  },
  {
    title: "Several workers",
    first:
      "Each is a node, and what it logs names it (`worker`). With `POGO_WORKERS` the last line of a start is the first of these:",
    lines: [
      { kind: "workers_listening", workers: 4, port: 8080, adminPort: 2019 },
      workerExited({ code: 1 }),
      workerExited({ signal: "SIGKILL" }),
      workerExited({ error: "ENOMEM" }),
      workerExited({ signal: "SIGKILL", hasTimedOut: true, uptimeMs: 60_000 }),
      { kind: "worker_stop_timed_out", worker: 2, timeoutMs: 15_000 },
    ],
  },
  {
    title: "Traces do not arrive at the collector",
    first:
      "Without `POGO_TRACE_ENDPOINT` (or `OTEL_EXPORTER_OTLP_ENDPOINT`) there are none: `pogo-sidecar check` says what is in force. A trace that breaks off between a page and what it broadcasts needs Laravel to carry it: [operations.md](operations.md#traces).",
    lines: [
      { kind: "span_export_failed", cause: "status 404" },
      { kind: "span_export_failed", cause: "status 401" },
      { kind: "span_export_failed", cause: "ECONNREFUSED" },
      { kind: "span_export_failed", cause: "ECONNRESET" },
    ],
  },
  {
    title: "A stop takes long, or cuts requests",
    lines: [{ kind: "leaving", delayMs: 5000 }, { kind: "drain_timed_out" }, { kind: "stopped" }],
    also: [
      "**No `stopped` at the end**: the process was killed. Whoever stops it has to wait longer than `POGO_DRAIN_DELAY` and `POGO_SHUTDOWN_TIMEOUT` together (`stopwaitsecs`, `TimeoutStopSec`, `terminationGracePeriodSeconds`; [operations.md](operations.md#a-stop)).",
    ],
  },
  {
    title: "The console asks for a token, or is off",
    first:
      "Without `POGO_ADMIN_TOKEN` it is open on loopback and off elsewhere; what a proxy has passed on is not loopback's. See [console.md](console.md#who-may-look).",
    lines: [{ kind: "console_login_refused" }],
  },
];

function workerExited(end: Partial<WorkerEnd>) {
  const {
    code = null,
    signal = null,
    error = null,
    hasTimedOut = false,
    uptimeMs = 86_400_000,
  } = end;
  return {
    kind: "worker_exited",
    worker: 2,
    code,
    signal,
    error,
    uptimeMs,
    hasTimedOut,
    restartInMs: 380,
  } as const;
}
