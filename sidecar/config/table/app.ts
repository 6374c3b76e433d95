/** Options of the app: who it is, who may connect to it, what its clients may send. */

import { allowedOrigins, credential } from "../parsers/addresses.ts";
import { option } from "./option.ts";
import { boolean, count, integer, oneOf, orNone, positive } from "../parsers/parser.ts";
import { bytes, duration, seconds } from "../parsers/units.ts";

const pingPeriodMs = option({
  env: "POGO_PING_PERIOD",
  laravel: "REVERB_APP_PING_INTERVAL",
  laravelSeconds: true,
  perApp: "ping_interval",
  parser: duration(),
  fallback: 54_000,
  docs: "Time without a message from a client after which the server sends it a ping. Keep it below the idle timeout of any load balancer in front.",
});

export const app = {
  id: option({
    env: "POGO_APP_ID",
    laravel: "REVERB_APP_ID",
    perApp: "app_id",
    parser: credential("id"),
    fallback: "",
    required: true,
    docs: "The app's id, in the paths of the HTTP API (`/apps/{id}/events`). It must be the one Laravel publishes with, or publishing answers 404.",
  }),
  key: option({
    env: "POGO_APP_KEY",
    laravel: "REVERB_APP_KEY",
    perApp: "key",
    parser: credential("key"),
    fallback: "",
    required: true,
    docs: "The app's key, public: browsers name it in `/app/{key}`. With another key in the page's build (`VITE_REVERB_APP_KEY`) connections are refused with 4001.",
  }),
  secret: option({
    env: "POGO_APP_SECRET",
    laravel: "REVERB_APP_SECRET",
    perApp: "secret",
    parser: credential("secret"),
    fallback: "",
    required: true,
    secret: true,
    docs: "The app's secret, which signs channels and API requests. Whoever has it can publish and join everything. As a flag it is seen by everybody who may list processes: prefer the environment or a file.",
  }),
  allowedOrigins: option({
    env: "POGO_ALLOWED_ORIGINS",
    laravel: "REVERB_ALLOWED_ORIGINS",
    perApp: "allowed_origins",
    parser: allowedOrigins,
    fallback: ["*"],
    docs: "Origins of pages that may connect: host names, patterns and whole origins; `*` allows every page, and clients without an Origin. Other pages are refused with 4009. For authorization, a visitor's cookies are used on pages of the same host and of origins named here; `*` names none.",
  }),
  activityTimeoutSeconds: option({
    env: "POGO_ACTIVITY_TIMEOUT",
    laravel: "REVERB_APP_ACTIVITY_TIMEOUT",
    laravelSeconds: true,
    perApp: "activity_timeout",
    parser: seconds,
    fallback: 30,
    docs: "Time without a message from the server after which a client sends a ping; it is sent to clients as `activity_timeout`. A shorter time finds dead connections sooner and costs more pings.",
  }),
  pingPeriodMs,
  pongWaitMs: option({
    env: "POGO_PONG_WAIT",
    laravelSeconds: true,
    perApp: "pong_wait",
    parser: duration(),
    fallback: 60_000,
    fallbackText: "ping_period × 10/9",
    // The original's proportion of its two defaults, 54 s and 60 s.
    fallbackFrom: (read) => Math.ceil((read(pingPeriodMs) * 10) / 9),
    docs: "Time without a message from a client after which its connection is closed with 4201. It must be longer than `POGO_PING_PERIOD` (60s for the default of 54s), since a client needs the difference to answer the ping.",
  }),
  maxConnections: option({
    env: "POGO_APP_MAX_CONNECTIONS",
    laravel: "REVERB_APP_MAX_CONNECTIONS",
    perApp: "max_connections",
    parser: orNone(count),
    fallback: null,
    whenEmpty: null,
    docs: "Maximum number of WebSocket connections of an app on this node. Beyond it clients get 4004 and do not reconnect by themselves.",
  }),
  maxMessageBytes: option({
    env: "POGO_MAX_MESSAGE_SIZE",
    laravel: "REVERB_APP_MAX_MESSAGE_SIZE",
    perApp: "max_message_size",
    parser: bytes({ min: 1, max: 64 * 1024 ** 2 }),
    fallback: 10_000,
    docs: "Maximum size of a message from a client, in bytes. A message of up to twice the size is refused with 4306, a longer one closes its connection with 1009.",
  }),
  maxChannelsPerConnection: option({
    env: "POGO_MAX_CHANNELS_PER_CONNECTION",
    perApp: "max_channels_per_connection",
    parser: orNone(count),
    fallback: 1000,
    docs: "Maximum number of channels that a connection may be subscribed to. Beyond it a subscribe is refused with 4302; the connection stays open.",
  }),
  maxPresenceMembers: option({
    env: "POGO_MAX_PRESENCE_MEMBERS",
    perApp: "max_presence_members",
    parser: orNone(count),
    fallback: null,
    docs: "Maximum number of users in a presence channel. Beyond it a subscribe is refused with 4303. Pusher allows 100; every new member is sent the whole list.",
  }),
  maxPresenceMemberBytes: option({
    env: "POGO_MAX_PRESENCE_MEMBER_SIZE",
    perApp: "max_presence_member_size",
    parser: orNone(bytes({ min: 1, max: 1024 ** 2 })),
    fallback: null,
    docs: "Maximum size of a member's `channel_data`, or of the `user_info` of a member by signin, in bytes. Beyond it a subscribe is refused with 4304. Without it only the size of a message bounds it; Pusher allows 1 KB.",
  }),
  presenceGraceMs: option({
    env: "POGO_PRESENCE_GRACE",
    laravelSeconds: true,
    perApp: "presence_grace",
    parser: duration({ zero: "to announce it at once" }),
    fallback: 0,
    docs: "How long a member whose connection broke stays in the presence channel, so that a page reload is not announced to the others. An unsubscribe is announced at once.",
  }),
  subscriptionCount: option({
    env: "POGO_SUBSCRIPTION_COUNT",
    perApp: "subscription_count",
    parser: boolean,
    fallback: false,
    docs: "Send subscribers of a channel the number of its subscriptions when it changes (`pusher_internal:subscription_count`), except in presence channels.",
  }),
} as const;

export const clientMessages = {
  acceptClientEventsFrom: option({
    env: "POGO_ACCEPT_CLIENT_EVENTS_FROM",
    laravel: "REVERB_APP_ACCEPT_CLIENT_EVENTS_FROM",
    perApp: "accept_client_events_from",
    parser: oneOf(["members", "all", "private", "none"]),
    fallback: "members",
    docs: "Who may send client events (`client-*`, Echo's whispers). `members` of the channel, public ones included; `all`, to any channel; `private`, members of private and presence channels only, as at Pusher; `none`.",
  }),
  clientEventRate: {
    perSecond: option({
      env: "POGO_CLIENT_MSG_RATE_LIMIT",
      original: "POGO_WS_CLIENT_MSG_RATE_LIMIT",
      perApp: "client_msg_rate_limit",
      parser: positive,
      fallback: 250,
      docs: "Maximum number of client events that a connection may send per second. Further ones are refused with 4301; the connection stays open.",
    }),
    burst: option({
      env: "POGO_CLIENT_MSG_RATE_BURST",
      original: "POGO_WS_CLIENT_MSG_RATE_BURST",
      perApp: "client_msg_rate_burst",
      parser: count,
      fallback: 250,
      docs: "Number of client events that a connection may send at once, before `POGO_CLIENT_MSG_RATE_LIMIT` applies.",
    }),
  },
  rateLimiting: {
    enabled: option({
      env: "POGO_RATE_LIMITING_ENABLED",
      laravel: "REVERB_APP_RATE_LIMITING_ENABLED",
      perApp: "rate_limiting.enabled",
      parser: boolean,
      fallback: false,
      docs: "Turn on Reverb's rate limit on all messages of a connection, subscribes included; pings and pongs are not counted. `POGO_RATE_LIMIT_MAX_ATTEMPTS` and `POGO_RATE_LIMIT_DECAY_SECONDS` set the rate.",
    }),
    maxAttempts: option({
      env: "POGO_RATE_LIMIT_MAX_ATTEMPTS",
      laravel: "REVERB_APP_RATE_LIMIT_MAX_ATTEMPTS",
      perApp: "rate_limiting.max_attempts",
      parser: count,
      fallback: 60,
      docs: "Maximum number of messages that a connection may send within `POGO_RATE_LIMIT_DECAY_SECONDS`, if `POGO_RATE_LIMITING_ENABLED` is on. If a page joins more channels when it loads, some are refused.",
    }),
    decaySeconds: option({
      env: "POGO_RATE_LIMIT_DECAY_SECONDS",
      laravel: "REVERB_APP_RATE_LIMIT_DECAY_SECONDS",
      perApp: "rate_limiting.decay_seconds",
      parser: integer({ min: 1, max: 86_400 }, "seconds"),
      fallback: 60,
      docs: "Period in which a connection may send `POGO_RATE_LIMIT_MAX_ATTEMPTS` messages, as a plain number of seconds.",
    }),
  },
  terminateOnLimit: option({
    env: "POGO_RATE_LIMIT_TERMINATE",
    laravel: "REVERB_APP_RATE_LIMIT_TERMINATE",
    perApp: "rate_limiting.terminate_on_limit",
    parser: boolean,
    fallback: false,
    docs: "Close a connection that exceeds `POGO_RATE_LIMIT_MAX_ATTEMPTS`, instead of refusing the message.",
  }),
} as const;
