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
    docs: "Maximum size of an API request's body, in bytes; 413 beyond it. It also bounds a batch, however many events it has.",
  }),
  bodyTimeoutMs: option({
    env: "POGO_API_BODY_TIMEOUT",
    parser: duration(),
    fallback: 10_000,
    docs: "Time for the body of an API request to arrive; 408 after it, and the connection is closed.",
  }),
  maxUnverifiedBodyBytes: option({
    env: "POGO_MAX_UNVERIFIED_BODY_BYTES",
    parser: bytes({ min: 65_536, max: 16 * 1024 ** 3 }),
    fallback: 16_777_216,
    share: equalShare,
    docs: "Maximum memory for bodies of API requests without `body_md5` in the query, which must be read before their signature can be checked. 503 beyond it, and 429 for a client IP that takes more than a quarter of it. All of Pusher's SDKs send `body_md5`.",
  }),
  timestampToleranceSeconds: option({
    env: "POGO_API_TIMESTAMP_TOLERANCE",
    parser: seconds,
    fallback: 300,
    docs: "How far a request's `auth_timestamp` may be from this machine's clock. A larger tolerance lets a copied request be replayed for longer.",
  }),
} as const;

/** Of each app. */
export const publishing = {
  maxEventNameLength: option({
    env: "POGO_MAX_EVENT_NAME_LENGTH",
    perApp: "max_event_name_length",
    parser: count,
    fallback: 200,
    docs: "Maximum length of an event's name, in characters; a publish with a longer one is refused.",
  }),
  maxEventDataBytes: option({
    env: "POGO_MAX_EVENT_DATA",
    perApp: "max_event_data",
    parser: bodyBytes,
    fallback: 262_144,
    docs: "Maximum size of an event's data, in bytes; 413 beyond it. Pusher allows 10,240, so stay below that if the app may move there.",
  }),
  maxChannelsPerPublish: option({
    env: "POGO_MAX_CHANNELS_PER_EVENT",
    perApp: "max_channels_per_event",
    parser: count,
    fallback: 100,
    docs: "Maximum number of channels of one event. Laravel sends at most 100.",
  }),
  publishRate: {
    perSecond: option({
      env: "POGO_API_PUBLISH_RATE",
      perApp: "api_publish_rate",
      parser: orNone(positive),
      fallback: null,
      docs: "Maximum number of publishing requests of an app per second; beyond it they are answered 429 with `rate_limited`, and nothing is delivered. A batch is one request.",
    }),
    burst: option({
      env: "POGO_API_PUBLISH_BURST",
      perApp: "api_publish_burst",
      parser: count,
      fallback: 100,
      docs: "Number of publishing requests that may come at once, before `POGO_API_PUBLISH_RATE` applies.",
    }),
  },
} as const;
