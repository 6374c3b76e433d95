/** Options of what Laravel's stock `redis` broadcaster publishes, of each app. */

import { boolean } from "../parsers/parser.ts";
import { channelPrefix } from "../parsers/redis.ts";
import { option } from "./option.ts";

export const redisBroadcasts = {
  isEnabled: option({
    env: "POGO_REDIS_BROADCASTS",
    perApp: "redis_broadcasts",
    parser: boolean,
    fallback: false,
    docs: "Take what Laravel's `redis` driver publishes (`BROADCAST_CONNECTION=redis`), besides the HTTP API. Redis is found by Laravel's own `REDIS_…` or by `POGO_REDIS_…`. Every node listens and delivers to its own clients; what is published while a node is cut off from Redis does not reach its clients (at most once).",
  }),
  prefix: option({
    env: "POGO_REDIS_BROADCASTS_PREFIX",
    laravel: "REDIS_PREFIX",
    perApp: "redis_broadcasts_prefix",
    parser: channelPrefix,
    fallback: "laravel_database_",
    whenEmpty: "",
    docs: "What Laravel puts in front of channels in Redis: `database.redis.options.prefix`. By default that is the app's name in lower case with `_database_` behind it, in Laravel 13 `-database-`. Two apps need one each.",
  }),
} as const;
