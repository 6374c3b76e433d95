/** Options of the app: who it is, who may connect to it, what its clients may send. */

import { allowedOrigins, credential } from "../addresses.ts";
import { option } from "../option.ts";
import { boolean, count, integer, oneOf, orNone, positive } from "../parsers.ts";
import { bytes, duration } from "../units.ts";

export const app = {
  appId: option({
    env: "POGO_APP_ID",
    laravel: "REVERB_APP_ID",
    parser: credential("id"),
    fallback: "",
    required: true,
    docs: "The app's id, in the paths of the HTTP API (`/apps/{id}/events`). It must be the one Laravel publishes with, or publishing answers 404.",
  }),
  appKey: option({
    env: "POGO_APP_KEY",
    laravel: "REVERB_APP_KEY",
    parser: credential("key"),
    fallback: "",
    required: true,
    docs: "The app's key, public: browsers name it in `/app/{key}`. With another key in the page's build (`VITE_REVERB_APP_KEY`) connections are refused with 4001.",
  }),
  appSecret: option({
    env: "POGO_APP_SECRET",
    laravel: "REVERB_APP_SECRET",
    parser: credential("secret"),
    fallback: "",
    required: true,
    secret: true,
    docs: "The app's secret, which signs channels and API requests. Whoever has it can publish and join everything. As a flag it is seen by everybody who may list processes: prefer the environment or a file.",
  }),
  allowedOrigins: option({
    env: "POGO_ALLOWED_ORIGINS",
    laravel: "REVERB_ALLOWED_ORIGINS",
    parser: allowedOrigins,
    fallback: ["*"],
    docs: "Pages that may connect: host names, patterns and whole origins; `*` is every page, and clients that send no Origin. Other pages are refused with 4009. Cookies are spent on authorization for pages of the same host and for origins that are named here; `*` names none.",
  }),
  activityTimeout: option({
    env: "POGO_ACTIVITY_TIMEOUT",
    laravel: "REVERB_APP_ACTIVITY_TIMEOUT",
    laravelSeconds: true,
    parser: duration({ stepMs: 1000 }),
    fallback: 30_000,
    docs: "Silence after which a client pings us; it is told so on connecting. Shorter finds dead connections sooner and costs pings.",
  }),
  pingPeriod: option({
    env: "POGO_PING_PERIOD",
    laravel: "REVERB_APP_PING_INTERVAL",
    laravelSeconds: true,
    parser: duration(),
    fallback: 54_000,
    docs: "Silence of a client after which it is pinged. Keep it below the idle timeout of any load balancer in front.",
  }),
  pongWait: option({
    env: "POGO_PONG_WAIT",
    parser: duration(),
    fallback: 60_000,
    fallbackText: "ping_period × 10/9",
    docs: "Silence of a client after which its connection is closed with 4201. It must be longer than the ping period (60s for the default of 54s), since a client needs the difference to answer the ping.",
  }),
  appMaxConnections: option({
    env: "POGO_APP_MAX_CONNECTIONS",
    laravel: "REVERB_APP_MAX_CONNECTIONS",
    parser: orNone(count),
    fallback: null,
    whenEmpty: null,
    docs: "WebSocket connections of the app on this node. Beyond it clients get 4004 and do not come back by themselves.",
  }),
  maxMessageSize: option({
    env: "POGO_MAX_MESSAGE_SIZE",
    laravel: "REVERB_APP_MAX_MESSAGE_SIZE",
    parser: bytes({ min: 1, max: 64 * 1024 ** 2 }),
    fallback: 10_000,
    docs: "Bytes of one message from a client. A longer one closes its connection with 1009.",
  }),
  maxChannelsPerConnection: option({
    env: "POGO_MAX_CHANNELS_PER_CONNECTION",
    parser: orNone(count),
    fallback: 10_000,
    docs: "Channels that one connection may be in. Beyond it a subscribe is refused with 4302; the connection stays.",
  }),
  maxPresenceMembers: option({
    env: "POGO_MAX_PRESENCE_MEMBERS",
    parser: orNone(count),
    fallback: null,
    docs: "Users in one presence channel. Beyond it a subscribe is refused with 4303. Pusher allows 100; every joiner is sent the whole list.",
  }),
  maxPresenceMemberSize: option({
    env: "POGO_MAX_PRESENCE_MEMBER_SIZE",
    parser: orNone(bytes({ min: 1, max: 1024 ** 2 })),
    fallback: null,
    docs: "Bytes of a member's `channel_data`. Beyond it a subscribe is refused with 4304. Without it the size of a message is the bound; Pusher allows 1 KB.",
  }),
  subscriptionCount: option({
    env: "POGO_SUBSCRIPTION_COUNT",
    parser: boolean,
    fallback: false,
    docs: "Tell a channel's subscribers how many they are when that has changed (`pusher_internal:subscription_count`), presence channels left out.",
  }),
} as const;

export const clientMessages = {
  acceptClientEventsFrom: option({
    env: "POGO_ACCEPT_CLIENT_EVENTS_FROM",
    laravel: "REVERB_APP_ACCEPT_CLIENT_EVENTS_FROM",
    parser: oneOf(["members", "all", "private", "none"]),
    fallback: "members",
    docs: "Who may send client events (`client-*`, Echo's whispers). `members` of the channel, public ones included; `all`, to any channel; `private`, members of private and presence channels only, as at Pusher; `none`.",
  }),
  clientMsgRateLimit: option({
    env: "POGO_CLIENT_MSG_RATE_LIMIT",
    original: "POGO_WS_CLIENT_MSG_RATE_LIMIT",
    parser: positive,
    fallback: 50,
    docs: "Client events a second that a connection may send. What comes on top is refused with 4301; the connection stays.",
  }),
  clientMsgRateBurst: option({
    env: "POGO_CLIENT_MSG_RATE_BURST",
    original: "POGO_WS_CLIENT_MSG_RATE_BURST",
    parser: count,
    fallback: 20,
    docs: "Client events that a connection may send at once, before the rate counts.",
  }),
  rateLimitingEnabled: option({
    env: "POGO_RATE_LIMITING_ENABLED",
    laravel: "REVERB_APP_RATE_LIMITING_ENABLED",
    parser: boolean,
    fallback: false,
    docs: "Reverb's limit on all messages of a connection, subscribes included; pings and pongs are not counted. The next three options say how many.",
  }),
  rateLimitMaxAttempts: option({
    env: "POGO_RATE_LIMIT_MAX_ATTEMPTS",
    laravel: "REVERB_APP_RATE_LIMIT_MAX_ATTEMPTS",
    parser: count,
    fallback: 60,
    docs: "Messages that a connection may send in the time of the next option. A page that joins more channels than this on loading is refused some.",
  }),
  rateLimitDecaySeconds: option({
    env: "POGO_RATE_LIMIT_DECAY_SECONDS",
    laravel: "REVERB_APP_RATE_LIMIT_DECAY_SECONDS",
    parser: integer({ min: 1, max: 86_400 }, "seconds"),
    fallback: 60,
    docs: "Seconds, a plain number, in which the messages of the option before may come.",
  }),
  rateLimitTerminate: option({
    env: "POGO_RATE_LIMIT_TERMINATE",
    laravel: "REVERB_APP_RATE_LIMIT_TERMINATE",
    parser: boolean,
    fallback: false,
    docs: "Close a connection that sends more than that, instead of refusing the message.",
  }),
} as const;
