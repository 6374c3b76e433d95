/** Options of Pusher's HTTP API: those of the node, and what one app may publish. */

import { count, orNone, positive } from "../parsers/parser.ts";
import { bodyBytes, bytes, duration, seconds } from "../parsers/units.ts";
import { equalShare, option } from "./option.ts";

export const httpApi = {
  maxBodyBytes: option({
    env: "POGO_MAX_REQUEST_SIZE",
    laravel: "REVERB_MAX_REQUEST_SIZE",
    parser: bodyBytes,
    fallback: 2_097_152,
    docs: "Bytes of an API request's body; 413 beyond. It bounds a batch, however many events it has.",
  }),
  bodyTimeoutMs: option({
    env: "POGO_API_BODY_TIMEOUT",
    parser: duration(),
    fallback: 10_000,
    docs: "How long the body of an API request may take to arrive; beyond it 408, and the connection is closed.",
  }),
  maxUnverifiedBodyBytes: option({
    env: "POGO_MAX_UNVERIFIED_BODY_BYTES",
    parser: bytes({ min: 65_536, max: 16 * 1024 ** 3 }),
    fallback: 16_777_216,
    share: equalShare,
    docs: "Memory for bodies of API requests without `body_md5` in the query, which have to be read before their signature can be checked. 503 beyond, and 429 for one client IP that takes more than a quarter of it. All SDKs of Pusher's send `body_md5`.",
  }),
  timestampToleranceSeconds: option({
    env: "POGO_API_TIMESTAMP_TOLERANCE",
    parser: seconds,
    fallback: 300,
    docs: "How far a request's `auth_timestamp` may be from this machine's clock. Longer lets a copied request be used again for longer.",
  }),
} as const;

/** Of each app. */
export const publishing = {
  maxEventNameLength: option({
    env: "POGO_MAX_EVENT_NAME_LENGTH",
    perApp: "max_event_name_length",
    parser: count,
    fallback: 200,
    docs: "Characters of an event's name; a publish with a longer one is refused.",
  }),
  maxEventDataBytes: option({
    env: "POGO_MAX_EVENT_DATA",
    perApp: "max_event_data",
    parser: bodyBytes,
    fallback: 262_144,
    docs: "Bytes of an event's data; 413 beyond. Pusher allows 10,240, so an app that may move there stays below.",
  }),
  maxChannelsPerPublish: option({
    env: "POGO_MAX_CHANNELS_PER_EVENT",
    perApp: "max_channels_per_event",
    parser: count,
    fallback: 100,
    docs: "Channels of one event. Laravel sends 100 at most.",
  }),
  publishRate: {
    perSecond: option({
      env: "POGO_API_PUBLISH_RATE",
      perApp: "api_publish_rate",
      parser: orNone(positive),
      fallback: null,
      docs: "Publishing requests a second that an app may make; beyond it they are answered 429 with `rate_limited`, and nothing is delivered. A batch is one request.",
    }),
    burst: option({
      env: "POGO_API_PUBLISH_BURST",
      perApp: "api_publish_burst",
      parser: count,
      fallback: 100,
      docs: "Publishing requests that may come at once, before `POGO_API_PUBLISH_RATE` counts.",
    }),
  },
} as const;
