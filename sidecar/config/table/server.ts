/** Options of the ports and of what is passed on to the app. */

import { bindAddress, pathPrefix, trustedProxies, upstreamAddress } from "../parsers/addresses.ts";
import { equalShare, option } from "./option.ts";
import { boolean, count, integer, optional, orNone, port, zeroIsOff } from "../parsers/parser.ts";
import { bytes, duration } from "../parsers/units.ts";
import { fileMode, fileOwner, socketPath } from "../parsers/unix-socket.ts";

const shutdownTimeoutMs = option({
  env: "POGO_SHUTDOWN_TIMEOUT",
  parser: duration(),
  fallback: 10_000,
  docs: "Time that requests in flight have to finish after SIGTERM; what is still open then is cut. Keep it below the grace period of what sends the signal (30 s in Kubernetes; 10 s in Docker, where `stop_grace_period` moves it).",
});

export const server = {
  host: option({
    env: "POGO_HOST",
    laravel: "REVERB_SERVER_HOST",
    parser: bindAddress,
    fallback: { kind: "tcp", host: "0.0.0.0" },
    docs: "Address to listen on. `127.0.0.1` is for this machine only, `::` for IPv6 and IPv4, `unix:/run/pogo.sock` is a Unix socket, whose peers are believed in their X-Forwarded-* only if `POGO_TRUSTED_PROXIES` says `unix`. A socket that systemd passes (`LISTEN_FDS`) comes before it.",
  }),
  port: option({
    env: "POGO_PORT",
    laravel: "REVERB_SERVER_PORT",
    parser: port,
    fallback: 8080,
    docs: "Port of everything: WebSockets, HTTP API and the app's pages. 0 takes a free one, which the log names.",
  }),
  reusePort: option({
    env: "POGO_REUSE_PORT",
    parser: boolean,
    fallback: false,
    docs: "Lets a second process listen on the same port (SO_REUSEPORT), so that the successor listens before its predecessor stops. It takes Linux or FreeBSD, and Node 22.12. A connection that the predecessor had not accepted yet when it stops is reset; socket activation by systemd loses none.",
  }),
  socketMode: option({
    env: "POGO_SOCKET_MODE",
    parser: fileMode,
    fallback: 0o660,
    docs: "Permissions of the Unix sockets in `POGO_HOST` and `POGO_API_SOCKET`. Who may write to one may connect.",
  }),
  socketOwner: option({
    env: "POGO_SOCKET_OWNER",
    parser: fileOwner,
    fallback: null,
    fallbackText: "who runs the process",
    docs: "User and group of the Unix sockets in `POGO_HOST` and `POGO_API_SOCKET`, such as `www-data:www-data`. Only root may give them to another user.",
  }),
  apiSocket: option({
    env: "POGO_API_SOCKET",
    parser: optional(socketPath),
    fallback: null,
    fallbackText: "none",
    docs: "Path of a Unix socket that serves the HTTP API too, and nothing else, such as `/run/pogo/api.sock`. Laravel publishes over it with Guzzle's option `CURLOPT_UNIX_SOCKET_PATH`: no TCP connection for each event. Requests are signed there as well.",
  }),
  isApiOnlyOnSocket: option({
    env: "POGO_API_ONLY_ON_SOCKET",
    parser: boolean,
    fallback: false,
    docs: "Serve the HTTP API on `POGO_API_SOCKET` only: at the address of everything else its paths are answered 404, signed or not. Who has the secret but not the socket can't publish then.",
  }),
  pathPrefix: option({
    env: "POGO_PATH",
    laravel: "REVERB_SERVER_PATH",
    parser: pathPrefix,
    fallback: "",
    whenEmpty: "",
    docs: "Prefix of `/app` and `/apps`, for an app with pages of the same names. Laravel and Echo (`wsPath`) need the same; pages of the app keep their paths.",
  }),
  hasPublicHealth: option({
    env: "POGO_PUBLIC_HEALTH",
    parser: boolean,
    fallback: false,
    docs: 'Answers `/pogo/health` and `/up` on the public port too, as the Pogo WebSocket module for FrankenPHP does: 200 `{"status":"ok"}`, or 503 with the reason. Off, both paths are the app\'s; `/pogo/health` is on the admin port either way.',
  }),
  headersTimeoutMs: option({
    env: "POGO_HEADERS_TIMEOUT",
    parser: duration({ zero: true }),
    fallback: 60_000,
    docs: "Time for the headers of a request to arrive; 408 after. It keeps slow senders from occupying sockets.",
  }),
  requestTimeoutMs: option({
    env: "POGO_REQUEST_TIMEOUT",
    parser: duration({ zero: true }),
    fallback: 0,
    docs: "Time for a request's head to arrive, and as much for its body; 408 after. What a body waits for the app does not count. Off by default, so that long uploads pass.",
  }),
  maxTcpConnectionsPerIp: option({
    env: "POGO_MAX_TCP_CONNECTIONS_PER_IP",
    parser: orNone(count),
    fallback: null,
    docs: "TCP connections of one client IP (of IPv6, one /64) that may be open, whatever goes over them; one more is closed at once. Browsers have up to six for pages and one for each tab's WebSocket, and an office or a mobile network has one address. What a proxy in `POGO_TRUSTED_PROXIES` passes on is not limited; one that is not listed there counts as one client.",
  }),
  maxHeaderBytes: option({
    env: "POGO_MAX_HEADER_SIZE",
    parser: bytes({ min: 1_024, max: 1_048_576 }),
    fallback: 32_768,
    docs: "Bytes of a request's target and header fields; 431 beyond. Cookies of many applications on one domain are what fills it.",
  }),
  keepAliveTimeoutMs: option({
    env: "POGO_KEEP_ALIVE_TIMEOUT",
    parser: duration(),
    fallback: 75_000,
    docs: "How long an idle HTTP connection is kept for its next request. It must be longer than a load balancer in front keeps one (60s at AWS), or the load balancer answers 502 now and then.",
  }),
  shutdownTimeoutMs,
  drainDelayMs: option({
    env: "POGO_DRAIN_DELAY",
    parser: duration({ zero: "to drain at once" }),
    fallback: 0,
    docs: "Time between SIGTERM and the drain, in which `/readyz` says 503 and everything goes on. A load balancer needs some seconds to notice, and connections refused meanwhile are errors for people. `POGO_SHUTDOWN_TIMEOUT` runs from its end.",
  }),
  drainWindowMs: option({
    env: "POGO_DRAIN_WINDOW",
    parser: duration({ zero: "to close all at once" }),
    fallback: 2_000,
    fallbackText: "2s, or half of shutdown_timeout if that is less",
    fallbackFrom: (read) => Math.min(2_000, Math.floor(read(shutdownTimeoutMs) / 2)),
    docs: "Time over which WebSockets are closed after SIGTERM, so that their clients don't all come to the other nodes in one moment. Few connections take less, 1ms each. It is part of `POGO_SHUTDOWN_TIMEOUT` and has to be shorter.",
  }),
} as const;

/** Whose account of the client is believed. */
export const forwarding = {
  trustedProxies: option({
    env: "POGO_TRUSTED_PROXIES",
    parser: trustedProxies,
    fallback: [],
    whenEmpty: [],
    docs: "Proxies in front, by IP address or CIDR range (or `unix`), whose `X-Forwarded-*` are believed. With none, a load balancer's address counts as the client's: all its clients share one handshake limit, and Laravel sees http where the page came by https.",
  }),
} as const;

export const upstream = {
  address: option({
    env: "POGO_UPSTREAM",
    parser: upstreamAddress,
    fallback: { kind: "tcp", host: "127.0.0.1", port: 8000 },
    docs: "The PHP application behind: `http://host:port` or `unix:/path/to.sock`. `none` stands alone, in the place of `reverb:start`: `/up` is answered, all else is 404, and subscribing without a signature is refused.",
  }),
  connectTimeoutMs: option({
    env: "POGO_UPSTREAM_CONNECT_TIMEOUT",
    parser: duration(),
    fallback: 5000,
    docs: "Time to connect to the upstream; 504 after.",
  }),
  responseTimeoutMs: option({
    env: "POGO_UPSTREAM_RESPONSE_TIMEOUT",
    parser: duration({ zero: true }),
    fallback: 60_000,
    docs: "Time until the headers of the upstream's response; 504 after. Streams may take as long as they like once they have begun.",
  }),
  maxHeadBytes: option({
    env: "POGO_UPSTREAM_MAX_HEADER_SIZE",
    parser: bytes({ min: 1_024, max: 1_048_576 }),
    fallback: 32_768,
    docs: "Bytes of the status line and the header fields of an upstream's response; 502 beyond, and for an authorization 403.",
  }),
  maxConnections: option({
    env: "POGO_MAX_UPSTREAM_CONNECTIONS",
    parser: integer({ min: 1, max: 65_535 }),
    fallback: 512,
    share: equalShare,
    docs: "Requests that the upstream is given at a time, each on a connection of its own. Keep it well above the number of PHP's workers, and of event streams that stay open. One client IP (of IPv6 one /64) gets three times as many as are free, so that others always find one.",
  }),
  maxWaiting: option({
    env: "POGO_UPSTREAM_QUEUE_SIZE",
    parser: integer({ min: 0, max: 65_535 }),
    fallback: 1_024,
    share: equalShare,
    docs: "Requests that wait while `POGO_MAX_UPSTREAM_CONNECTIONS` are in use, one client IP after the other; 503 with `Retry-After` beyond.",
  }),
  maxWaitMs: option({
    env: "POGO_UPSTREAM_QUEUE_WAIT",
    parser: duration(),
    fallback: 5_000,
    docs: "How long a request waits for a connection to the upstream when all are in use; 503 with `Retry-After` after.",
  }),
  awayWaitMs: option({
    env: "POGO_UPSTREAM_WAIT",
    parser: duration({ zero: "not to wait" }),
    fallback: 10_000,
    docs: "How long a request waits while the upstream can't be connected to, as during a restart of PHP; 503 with `Retry-After` after. Nothing of it was sent, so every method waits, its body unread. 0 answers 502 at once.",
  }),
  maxAwayWaiting: option({
    env: "POGO_MAX_UPSTREAM_WAITING",
    parser: integer({ min: 0, max: 65_535 }),
    fallback: 2_048,
    share: equalShare,
    docs: "Requests that wait while the upstream can't be connected to, or the admin port has paused new ones; 503 with `Retry-After` beyond. In a full room a client IP with many gives way to one with few.",
  }),
  maxWebSockets: option({
    env: "POGO_MAX_UPSTREAM_WEBSOCKETS",
    parser: integer({ min: 1, max: 65_535 }),
    fallback: 1_024,
    share: equalShare,
    docs: "WebSockets of the app itself that pass through to the upstream, such as Vite's; 503 with `Retry-After` beyond. `POGO_MAX_UPSTREAM_CONNECTIONS` does not count them.",
  }),
  maxBodyBytes: option({
    env: "POGO_MAX_BODY_SIZE",
    parser: zeroIsOff(bytes({ min: 1, max: Number.MAX_SAFE_INTEGER })),
    fallback: 0,
    docs: "Bytes of a request body that goes to the upstream; 413 beyond. Off by default, since PHP has a limit of its own (`post_max_size`).",
  }),
} as const;
