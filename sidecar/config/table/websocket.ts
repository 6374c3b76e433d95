/** Options that limit what a node accepts from WebSocket clients. */

import { boolean, count, orNone, positive } from "../parsers/parser.ts";
import { bytes, duration } from "../parsers/units.ts";
import { equalShare, option } from "./option.ts";

export const websocket = {
  maxConnections: option({
    env: "POGO_MAX_CONNECTIONS",
    parser: count,
    fallback: 10_000,
    share: equalShare,
    docs: "Maximum number of WebSocket connections on this node. Beyond it clients get 4100 and retry later; the limit on open files (`ulimit -n`) must be higher.",
  }),
  maxSubscriptions: option({
    env: "POGO_MAX_SUBSCRIPTIONS",
    parser: count,
    fallback: 200_000,
    share: equalShare,
    docs: "Maximum number of subscriptions on this node, of all apps and connections together. Beyond it a subscribe is refused on its channel with 4100 and status 503; the connection stays open. A subscription takes about 1 KB if nobody else is in its channel, so the default comes to some 200 MB at most.",
  }),
  handshakeRate: {
    perSecond: option({
      env: "POGO_HANDSHAKE_RATE",
      parser: positive,
      fallback: 100,
      docs: "Maximum number of WebSocket handshakes per second of one client IP (for IPv6, one /64), including those that pass through to the upstream. Beyond it handshakes wait for their turn, at most 5 seconds and 2,000 at a time, before they are refused with 429. Users behind one address (an office, a proxy that is not trusted) share it.",
    }),
    burst: option({
      env: "POGO_HANDSHAKE_BURST",
      parser: count,
      fallback: 50,
      docs: "Number of WebSocket handshakes that one client IP may make at once, before `POGO_HANDSHAKE_RATE` applies.",
    }),
  },
  maxConnectionsPerIp: option({
    env: "POGO_MAX_CONNECTIONS_PER_IP",
    parser: orNone(count),
    fallback: null,
    docs: "Maximum number of open WebSockets of one client IP (for IPv6, one /64), including those that pass through to the upstream; 429 beyond it. Behind a proxy it needs `POGO_TRUSTED_PROXIES`, or all visitors count as one.",
  }),
  compression: {
    enabled: option({
      env: "POGO_ENABLE_COMPRESSION",
      original: "POGO_WS_ENABLE_COMPRESSION",
      parser: boolean,
      fallback: false,
      docs: "Compress events for clients that offer it, as browsers do (permessage-deflate). Each event is compressed once for all of them, which pays off if the network costs more than the CPU; clients may compress their messages as well.",
    }),
    thresholdBytes: option({
      env: "POGO_COMPRESSION_THRESHOLD",
      parser: bytes({ min: 1, max: 1024 ** 2 }),
      fallback: 512,
      docs: "Minimum size of an event to be compressed, in bytes, with `POGO_ENABLE_COMPRESSION`; shorter ones gain little. Events above 64 KB are not compressed either, since everybody else would wait meanwhile.",
    }),
  },
  maxQueuedBytes: option({
    env: "POGO_OUTBOUND_QUEUE_BYTES",
    parser: bytes({ min: 1024, max: 1024 ** 3 }),
    fallback: 1_048_576,
    docs: "Maximum number of bytes queued for one slow client, counting 128 more per message. Messages beyond it are dropped and counted; above half of it, nothing more is read from the client.",
  }),
  maxTotalQueuedBytes: option({
    env: "POGO_OUTBOUND_TOTAL_BYTES",
    parser: bytes({ min: 1_048_576, max: 1024 ** 4 }),
    fallback: 134_217_728,
    share: equalShare,
    docs: "Maximum memory queued for all slow clients of this node together, in bytes; a message queued for several counts once. Beyond it the connections with the most are cut, starting with the client IP whose connections take the most.",
  }),
  writeWaitMs: option({
    env: "POGO_WRITE_WAIT",
    parser: duration(),
    fallback: 10_000,
    docs: "Time after which a connection whose queue (`POGO_OUTBOUND_QUEUE_BYTES`) stays full is closed with 4100; its client reconnects and starts afresh.",
  }),
} as const;
