/** Options that bound what a node takes on from WebSocket clients. */

import { boolean, count, orNone, positive } from "../parsers/parser.ts";
import { bytes, duration } from "../parsers/units.ts";
import { equalShare, option } from "./option.ts";

export const websocket = {
  maxConnections: option({
    env: "POGO_MAX_CONNECTIONS",
    parser: count,
    fallback: 10_000,
    share: equalShare,
    docs: "WebSocket connections of this node. Beyond it clients get 4100 and come back later; the limit on open files (`ulimit -n`) must be higher.",
  }),
  maxSubscriptions: option({
    env: "POGO_MAX_SUBSCRIPTIONS",
    parser: count,
    fallback: 200_000,
    share: equalShare,
    docs: "Subscriptions of this node, all apps and connections together. Beyond it a subscribe is refused on its channel with 4100 and status 503; the connection stays. Each takes about 1 KB where nobody else is in its channel, so the default comes to some 200 MB at most.",
  }),
  handshakeRate: {
    perSecond: option({
      env: "POGO_HANDSHAKE_RATE",
      parser: positive,
      fallback: 100,
      docs: "WebSocket handshakes a second of one client IP (of IPv6, one /64). Those that pass through to the upstream count too. Beyond it a handshake waits for its place, 5 seconds at most and 2,000 at a time, and only then is 429. Many users behind one address (an office, a proxy that is not trusted) share it.",
    }),
    burst: option({
      env: "POGO_HANDSHAKE_BURST",
      parser: count,
      fallback: 50,
      docs: "WebSocket handshakes that one client IP may make at once, before `POGO_HANDSHAKE_RATE` counts.",
    }),
  },
  maxConnectionsPerIp: option({
    env: "POGO_MAX_CONNECTIONS_PER_IP",
    parser: orNone(count),
    fallback: null,
    docs: "WebSockets of one client IP (of IPv6, one /64) that may be open; 429 beyond. Those that pass through to the upstream count too. Behind a proxy it needs `POGO_TRUSTED_PROXIES`, or all visitors count as one.",
  }),
  compression: {
    enabled: option({
      env: "POGO_ENABLE_COMPRESSION",
      original: "POGO_WS_ENABLE_COMPRESSION",
      parser: boolean,
      fallback: false,
      docs: "Compress events for clients that offer it, as browsers do (permessage-deflate). An event is compressed once for all of them, which pays where the network is dearer than the CPU; clients may compress what they send as well.",
    }),
    thresholdBytes: option({
      env: "POGO_COMPRESSION_THRESHOLD",
      parser: bytes({ min: 1, max: 1024 ** 2 }),
      fallback: 512,
      docs: "Bytes of an event from which on it is compressed, with `POGO_ENABLE_COMPRESSION`; a shorter one gains little. Nor is one of more than 64 KB compressed, which would keep all others waiting.",
    }),
  },
  maxQueuedBytes: option({
    env: "POGO_OUTBOUND_QUEUE_BYTES",
    parser: bytes({ min: 1024, max: 1024 ** 3 }),
    fallback: 1_048_576,
    docs: "Bytes that may wait for one slow client, 128 for each message counted on top. A message beyond it is dropped and counted; from half of it on nothing more is read from the client.",
  }),
  maxTotalQueuedBytes: option({
    env: "POGO_OUTBOUND_TOTAL_BYTES",
    parser: bytes({ min: 1_048_576, max: 1024 ** 4 }),
    fallback: 134_217_728,
    share: equalShare,
    docs: "Bytes of memory that may wait for all slow clients of this node together; what several wait for counts once. Beyond it the connections with the most are cut, those of one client IP before all others.",
  }),
  writeWaitMs: option({
    env: "POGO_WRITE_WAIT",
    parser: duration(),
    fallback: 10_000,
    docs: "Time after which a connection whose queue (`POGO_OUTBOUND_QUEUE_BYTES`) stays full is closed with 4100; its client comes back and starts afresh.",
  }),
} as const;
