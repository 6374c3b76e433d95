/** Options for receiving what Laravel's stock `redis` broadcaster publishes, per app. */

import { boolean } from "../parsers/parser.ts";
import { channelPrefix } from "../parsers/redis.ts";
import { option } from "./option.ts";

export const redisBroadcasts = {
  isEnabled: option({
    env: "POGO_REDIS_BROADCASTS",
    perApp: "redis_broadcasts",
    parser: boolean,
    fallback: false,
    docs: "Receive what Laravel's `redis` driver publishes (`BROADCAST_CONNECTION=redis`), in addition to the HTTP API. Redis is the one of Laravel's own `REDIS_…` or of `POGO_REDIS_…`. Every node listens and delivers to its own clients. Delivery is at most once: what is published while a node is cut off from Redis does not reach its clients.",
  }),
  prefix: option({
    env: "POGO_REDIS_BROADCASTS_PREFIX",
    laravel: "REDIS_PREFIX",
    perApp: "redis_broadcasts_prefix",
    parser: channelPrefix,
    fallback: "laravel_database_",
    whenEmpty: "",
    docs: "Prefix that Laravel puts before channel names in Redis: `database.redis.options.prefix`. Its default is the app's name in lower case followed by `_database_`, in Laravel 13 `-database-`. Two apps need different prefixes.",
  }),
} as const;
