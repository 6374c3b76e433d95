/** Options of the ports and of the proxy. */

import { bindAddress, pathPrefix, trustedProxies, upstreamAddress } from "../parsers/addresses.ts";
import { equalShare, option } from "./option.ts";
import { boolean, count, integer, optional, orNone, port, zeroIsOff } from "../parsers/parser.ts";
import { bytes, duration } from "../parsers/units.ts";
import { fileMode, fileOwner, socketPath } from "../parsers/unix-socket.ts";

const shutdownTimeoutMs = option({
  env: "POGO_SHUTDOWN_TIMEOUT",
  parser: duration(),
  fallback: 10_000,
  docs: "Time for requests in flight to finish after SIGTERM; whatever is still open then is cut. Keep it below the grace period of whatever sends the signal (30 s in Kubernetes; 10 s in Docker, where `stop_grace_period` sets it).",
});

export const server = {
  host: option({
    env: "POGO_HOST",
    laravel: "REVERB_SERVER_HOST",
    parser: bindAddress,
    fallback: { kind: "tcp", host: "0.0.0.0" },
    docs: "Address to listen on. `127.0.0.1` is for this machine only, `::` for IPv6 and IPv4. `unix:/run/pogo.sock` is a Unix socket; X-Forwarded-* from its peers is trusted only if `POGO_TRUSTED_PROXIES` has `unix`. A socket passed by systemd (`LISTEN_FDS`) takes precedence.",
  }),
  port: option({
    env: "POGO_PORT",
    laravel: "REVERB_SERVER_PORT",
    parser: port,
    fallback: 8080,
    docs: "Port for everything: WebSockets, HTTP API and the app's pages. 0 takes a free one, which the log names.",
  }),
  reusePort: option({
    env: "POGO_REUSE_PORT",
    parser: boolean,
    fallback: false,
    docs: "Let a second process listen on the same port (SO_REUSEPORT), so that the new process listens before the old one stops. It needs Linux or FreeBSD, and Node 22.12. Connections that the old process has not accepted yet when it stops are reset; socket activation by systemd loses none.",
  }),
  socketMode: option({
    env: "POGO_SOCKET_MODE",
    parser: fileMode,
    fallback: 0o660,
    docs: "Permissions of the Unix sockets in `POGO_HOST` and `POGO_API_SOCKET`. Whoever may write to one may connect.",
  }),
  socketOwner: option({
    env: "POGO_SOCKET_OWNER",
    parser: fileOwner,
    fallback: null,
    fallbackText: "who runs the process",
    docs: "User and group that own the Unix sockets in `POGO_HOST` and `POGO_API_SOCKET`, such as `www-data:www-data`. Only root may give them to another user.",
  }),
  apiSocket: option({
    env: "POGO_API_SOCKET",
    parser: optional(socketPath),
    fallback: null,
    fallbackText: "none",
    docs: "Path of an additional Unix socket for the HTTP API only, such as `/run/pogo/api.sock`. Laravel publishes over it with Guzzle's option `CURLOPT_UNIX_SOCKET_PATH`, without a TCP connection per event. Requests must be signed there as well.",
  }),
  isApiOnlyOnSocket: option({
    env: "POGO_API_ONLY_ON_SOCKET",
    parser: boolean,
    fallback: false,
    docs: "Serve the HTTP API on `POGO_API_SOCKET` only: on the public port its paths are answered 404, signed or not. Then nobody can publish with the secret alone, without access to the socket.",
  }),
  pathPrefix: option({
    env: "POGO_PATH",
    laravel: "REVERB_SERVER_PATH",
    parser: pathPrefix,
    fallback: "",
    whenEmpty: "",
    docs: "Path prefix of `/app` and `/apps`, for an app that has pages of the same names. Laravel and Echo (`wsPath`) need the same prefix; pages of the app keep their paths.",
  }),
  hasPublicHealth: option({
    env: "POGO_PUBLIC_HEALTH",
    parser: boolean,
    fallback: false,
    docs: 'Answer `/pogo/health` and `/up` on the public port too, as the Pogo WebSocket module for FrankenPHP does: 200 `{"status":"ok"}`, or 503 with the reason. When off, both paths go to the app; `/pogo/health` is on the admin port either way.',
  }),
  headersTimeoutMs: option({
    env: "POGO_HEADERS_TIMEOUT",
    parser: duration({ zero: true }),
    fallback: 60_000,
    docs: "Time for the headers of a request to arrive; 408 after it. It keeps slow senders from occupying sockets.",
  }),
  requestTimeoutMs: option({
    env: "POGO_REQUEST_TIMEOUT",
    parser: duration({ zero: true }),
    fallback: 0,
    docs: "Time for a request's head to arrive, and as much again for its body; 408 after it. Time in which a body waits for the app does not count. Off by default, so that long uploads pass.",
  }),
  maxTcpConnectionsPerIp: option({
    env: "POGO_MAX_TCP_CONNECTIONS_PER_IP",
    parser: orNone(count),
    fallback: null,
    docs: "Maximum number of open TCP connections of one client IP (for IPv6, one /64), whatever they are used for; further ones are closed at once. A browser has up to six for pages and one per tab for its WebSocket, and a whole office or mobile network may share one address. Connections from a proxy in `POGO_TRUSTED_PROXIES` are not limited; a proxy that is not listed there counts as one client.",
  }),
  maxHeaderBytes: option({
    env: "POGO_MAX_HEADER_SIZE",
    parser: bytes({ min: 1_024, max: 1_048_576 }),
    fallback: 32_768,
    docs: "Maximum size of a request's target and header fields together, in bytes; 431 beyond it. It is usually filled by cookies of many applications on one domain.",
  }),
  keepAliveTimeoutMs: option({
    env: "POGO_KEEP_ALIVE_TIMEOUT",
    parser: duration(),
    fallback: 75_000,
    docs: "How long an idle HTTP connection is kept open for its next request. It must be longer than the idle timeout of a load balancer in front (60s at AWS), or the load balancer answers 502 now and then.",
  }),
  shutdownTimeoutMs,
  drainDelayMs: option({
    env: "POGO_DRAIN_DELAY",
    parser: duration({ zero: "to drain at once" }),
    fallback: 0,
    docs: "Time between SIGTERM and the drain, in which `/readyz` says 503 and everything goes on. Load balancers need some seconds to notice; connections refused meanwhile would be errors for users. `POGO_SHUTDOWN_TIMEOUT` starts when it ends.",
  }),
  drainWindowMs: option({
    env: "POGO_DRAIN_WINDOW",
    parser: duration({ zero: "to close all at once" }),
    fallback: 2_000,
    fallbackText: "2s, or half of shutdown_timeout if that is less",
    fallbackFrom: (read) => Math.min(2_000, Math.floor(read(shutdownTimeoutMs) / 2)),
    docs: "Time over which WebSockets are closed after SIGTERM, so that their clients do not all reach the other nodes at the same moment. Few connections take less, 1 ms each. It is part of `POGO_SHUTDOWN_TIMEOUT` and must be shorter.",
  }),
} as const;

/** Whose account of the client is believed. */
export const forwarding = {
  trustedProxies: option({
    env: "POGO_TRUSTED_PROXIES",
    parser: trustedProxies,
    fallback: [],
    whenEmpty: [],
    docs: "Proxies in front whose `X-Forwarded-*` is trusted, by IP address or CIDR range (or `unix`). With none, a load balancer's address counts as the client's: all its clients share one handshake limit, and Laravel sees http although the page came over https.",
  }),
} as const;

export const upstream = {
  address: option({
    env: "POGO_UPSTREAM",
    parser: upstreamAddress,
    fallback: { kind: "tcp", host: "127.0.0.1", port: 8000 },
    docs: "Address of the PHP application: `http://host:port` or `unix:/path/to.sock`. `none` is stand-alone mode, in place of `reverb:start`: `/up` is answered, everything else is 404, and subscribing without a signature is refused.",
  }),
  connectTimeoutMs: option({
    env: "POGO_UPSTREAM_CONNECT_TIMEOUT",
    parser: duration(),
    fallback: 5000,
    docs: "Time to connect to the upstream; 504 after it.",
  }),
  responseTimeoutMs: option({
    env: "POGO_UPSTREAM_RESPONSE_TIMEOUT",
    parser: duration({ zero: true }),
    fallback: 60_000,
    docs: "Time for the headers of the upstream's response to arrive; 504 after it. Once a response has begun, it may take as long as it likes.",
  }),
  maxHeadBytes: option({
    env: "POGO_UPSTREAM_MAX_HEADER_SIZE",
    parser: bytes({ min: 1_024, max: 1_048_576 }),
    fallback: 32_768,
    docs: "Maximum size of the status line and header fields of an upstream response, in bytes; 502 beyond it, and for an authorization 403.",
  }),
  maxConnections: option({
    env: "POGO_MAX_UPSTREAM_CONNECTIONS",
    parser: integer({ min: 1, max: 65_535 }),
    fallback: 512,
    share: equalShare,
    docs: "Maximum number of requests at the upstream at a time, each on its own connection. Keep it well above the number of PHP workers plus event streams that stay open. One client IP (for IPv6, one /64) gets at most three times as many as are free, so that others always find one.",
  }),
  maxWaiting: option({
    env: "POGO_UPSTREAM_QUEUE_SIZE",
    parser: integer({ min: 0, max: 65_535 }),
    fallback: 1_024,
    share: equalShare,
    docs: "Maximum number of requests that wait while `POGO_MAX_UPSTREAM_CONNECTIONS` are in use, served by client IP in turn; 503 with `Retry-After` beyond it.",
  }),
  maxWaitMs: option({
    env: "POGO_UPSTREAM_QUEUE_WAIT",
    parser: duration(),
    fallback: 5_000,
    docs: "How long a request waits for a connection to the upstream when all are in use; 503 with `Retry-After` after it.",
  }),
  awayWaitMs: option({
    env: "POGO_UPSTREAM_WAIT",
    parser: duration({ zero: "not to wait" }),
    fallback: 10_000,
    docs: "How long a request waits while the upstream does not accept connections, as during a restart of PHP; 503 with `Retry-After` after it. Requests of every method wait, since nothing of them was sent yet; their bodies stay unread. 0 answers 502 at once.",
  }),
  maxAwayWaiting: option({
    env: "POGO_MAX_UPSTREAM_WAITING",
    parser: integer({ min: 0, max: 65_535 }),
    fallback: 2_048,
    share: equalShare,
    docs: "Maximum number of requests that wait while the upstream does not accept connections, or the admin port has paused new ones; 503 with `Retry-After` beyond it. When it is reached, a client IP with many waiting requests gives way to one with few.",
  }),
  maxWebSockets: option({
    env: "POGO_MAX_UPSTREAM_WEBSOCKETS",
    parser: integer({ min: 1, max: 65_535 }),
    fallback: 1_024,
    share: equalShare,
    docs: "Maximum number of WebSockets of the app itself that pass through to the upstream, such as Vite's; 503 with `Retry-After` beyond it. `POGO_MAX_UPSTREAM_CONNECTIONS` does not count them.",
  }),
  maxBodyBytes: option({
    env: "POGO_MAX_BODY_SIZE",
    parser: zeroIsOff(bytes({ min: 1, max: Number.MAX_SAFE_INTEGER })),
    fallback: 0,
    docs: "Maximum size of a request body that goes to the upstream, in bytes; 413 beyond it. Off by default, since PHP has a limit of its own (`post_max_size`).",
  }),
} as const;
