/** Options that bound what a node and its HTTP API take on. */

import { option } from "../option.ts";
import { count, orNone, positive } from "../parsers.ts";
import { bodyBytes, bytes, duration } from "../units.ts";

export const limits = {
  maxConnections: option({
    env: "POGO_MAX_CONNECTIONS",
    parser: count,
    fallback: 10_000,
    docs: "WebSocket connections of this node. Beyond it clients get 4100 and come back later; the limit on open files (`ulimit -n`) must be higher.",
  }),
  handshakeRate: option({
    env: "POGO_HANDSHAKE_RATE",
    parser: positive,
    fallback: 100,
    docs: "WebSocket handshakes a second of one client IP (of IPv6, one /64); 429 beyond. Many users behind one address (an office, a proxy that is not trusted) share it.",
  }),
  handshakeBurst: option({
    env: "POGO_HANDSHAKE_BURST",
    parser: count,
    fallback: 50,
    docs: "Handshakes that one client IP may make at once, before the rate counts.",
  }),
  outboundQueueBytes: option({
    env: "POGO_OUTBOUND_QUEUE_BYTES",
    parser: bytes({ min: 1024, max: 1024 ** 3 }),
    fallback: 1_048_576,
    docs: "Bytes that may wait for one slow client. What comes on top is dropped and counted; times the connections, it is the memory that slow clients can take.",
  }),
  writeWait: option({
    env: "POGO_WRITE_WAIT",
    parser: duration(),
    fallback: 10_000,
    docs: "A connection that is still full after this is closed with 4100, so that its client comes back and starts afresh.",
  }),
} as const;

export const httpApi = {
  maxRequestSize: option({
    env: "POGO_MAX_REQUEST_SIZE",
    laravel: "REVERB_MAX_REQUEST_SIZE",
    parser: bodyBytes,
    fallback: 2_097_152,
    docs: "Bytes of an API request's body; 413 beyond. It bounds a batch, however many events it has.",
  }),
  maxEventNameLength: option({
    env: "POGO_MAX_EVENT_NAME_LENGTH",
    perApp: "max_event_name_length",
    parser: count,
    fallback: 200,
    docs: "Characters of an event's name; a publish with a longer one is refused.",
  }),
  maxEventData: option({
    env: "POGO_MAX_EVENT_DATA",
    perApp: "max_event_data",
    parser: bodyBytes,
    fallback: 262_144,
    docs: "Bytes of an event's data; 413 beyond. Pusher allows 10,240, so an app that may move there stays below.",
  }),
  maxChannelsPerEvent: option({
    env: "POGO_MAX_CHANNELS_PER_EVENT",
    perApp: "max_channels_per_event",
    parser: count,
    fallback: 100,
    docs: "Channels of one event. Laravel sends 100 at most.",
  }),
  apiPublishRate: option({
    env: "POGO_API_PUBLISH_RATE",
    perApp: "api_publish_rate",
    parser: orNone(positive),
    fallback: null,
    docs: "Publishing requests a second; beyond it they are answered 429 with `rate_limited`, and nothing is delivered. A batch is one request.",
  }),
  apiPublishBurst: option({
    env: "POGO_API_PUBLISH_BURST",
    perApp: "api_publish_burst",
    parser: count,
    fallback: 100,
    docs: "Publishing requests that may come at once, before the rate counts.",
  }),
  apiTimestampTolerance: option({
    env: "POGO_API_TIMESTAMP_TOLERANCE",
    parser: duration({ stepMs: 1000 }),
    fallback: 300_000,
    docs: "How far a request's `auth_timestamp` may be from this machine's clock. Longer lets a copied request be used again for longer.",
  }),
} as const;
