/** Options of Redis, which joins several nodes: where it is, who we are there, how long it is waited for. */

import { credential } from "../parsers/addresses.ts";
import { option } from "./option.ts";
import { boolean, count, integer, optional } from "../parsers/parser.ts";
import { filePath, keyPrefix, redisHost, redisNodes, redisUrl, word } from "../parsers/redis.ts";
import { duration } from "../parsers/units.ts";

export const redis = {
  isEnabled: option({
    env: "POGO_SCALING_ENABLED",
    laravel: "REVERB_SCALING_ENABLED",
    parser: boolean,
    fallback: false,
    fallbackText: "true where a POGO_REDIS_… name says where Redis is",
    docs: "Join this node with all others on the same Redis: events, presence and the HTTP API are then the same on each. It is on by itself where `POGO_REDIS_URL`, `POGO_REDIS_HOST`, `POGO_REDIS_SENTINELS` or `POGO_REDIS_CLUSTER_NODES` is given; `false` makes it one node, all in memory, whatever is given. Only where it is on are Laravel's `REDIS_…` read, which most apps have for a cache of their own.",
  }),
  url: option({
    env: "POGO_REDIS_URL",
    laravel: "REDIS_URL",
    parser: redisUrl,
    fallback: null,
    fallbackText: "none",
    secret: true,
    docs: "Redis in one line: `redis://user:password@host:6379/0`, `rediss://` for TLS, `unix:///path` for a socket. All but the host may be left out; special characters of user and password are percent-encoded. Given as `REDIS_URL` it wins over Laravel's other names, as in Laravel. Given as `POGO_REDIS_URL` it needs none of Laravel's names; a password may stand in a file beside it (`POGO_REDIS_PASSWORD_FILE`).",
  }),
  host: option({
    env: "POGO_REDIS_HOST",
    laravel: "REDIS_HOST",
    parser: redisHost,
    fallback: { kind: "tcp", host: "127.0.0.1", port: null, isTls: null },
    fallbackText: "the URL's, or 127.0.0.1",
    docs: "Host of Redis, alone or with its port; `tls://` in front speaks TLS, a path is that of a Unix socket.",
  }),
  port: option({
    env: "POGO_REDIS_PORT",
    laravel: "REDIS_PORT",
    parser: integer({ min: 0, max: 65_535 }, "port"),
    fallback: 6379,
    fallbackText: "the URL's or the host's, or 6379",
    docs: "Port of Redis. With a Unix socket it is not read; Laravel writes 0 then.",
  }),
  username: option({
    env: "POGO_REDIS_USERNAME",
    laravel: "REDIS_USERNAME",
    parser: optional(word("user")),
    fallback: null,
    fallbackText: "the URL's, or none",
    docs: "User of Redis' access control lists (Redis 6 and newer). Without it the password is that of the user `default`.",
  }),
  password: option({
    env: "POGO_REDIS_PASSWORD",
    laravel: "REDIS_PASSWORD",
    parser: optional(credential("secret")),
    fallback: null,
    fallbackText: "the URL's, or none",
    secret: true,
    docs: "Password of Redis. Whoever has it can publish to every client: give Redis one, and a network of its own.",
  }),
  db: option({
    env: "POGO_REDIS_DB",
    laravel: "REDIS_DB",
    parser: integer({ min: 0, max: 999_999_999 }),
    fallback: 0,
    fallbackText: "the URL's, or 0",
    docs: "Number of the database, for the keys. Channels of Redis know no databases, so it separates no deployments: `POGO_REDIS_PREFIX` does.",
  }),
  tls: {
    isEnabled: option({
      env: "POGO_REDIS_TLS",
      parser: boolean,
      fallback: false,
      fallbackText: "true for rediss:// and tls://, else false",
      docs: "Speak TLS to Redis, its sentinels and all nodes of its cluster.",
    }),
    ca: option({
      env: "POGO_REDIS_TLS_CA",
      parser: filePath,
      fallback: "",
      fallbackText: "the system's",
      docs: "Path of a PEM file with the authorities that may have signed Redis' certificate, in place of the system's. It is read once, at the start.",
    }),
    isVerified: option({
      env: "POGO_REDIS_TLS_VERIFY",
      parser: boolean,
      fallback: true,
      docs: "Check Redis' certificate. Without it anybody on the way can pass for Redis and read the password; name the authority instead.",
    }),
  },
  sentinel: {
    sentinels: option({
      env: "POGO_REDIS_SENTINELS",
      parser: redisNodes(26_379),
      fallback: [],
      fallbackText: "none",
      docs: "Sentinels that know which Redis is the master, `host` or `host:port` each. Name several: one that is down is passed over.",
    }),
    masterName: option({
      env: "POGO_REDIS_SENTINEL_MASTER",
      parser: word("name"),
      fallback: "mymaster",
      docs: "The name under which the sentinels know the master.",
    }),
    username: option({
      env: "POGO_REDIS_SENTINEL_USERNAME",
      parser: optional(word("user")),
      fallback: null,
      fallbackText: "none",
      docs: "User at the sentinels themselves. Redis' own is `POGO_REDIS_USERNAME`.",
    }),
    password: option({
      env: "POGO_REDIS_SENTINEL_PASSWORD",
      parser: optional(credential("secret")),
      fallback: null,
      fallbackText: "none",
      secret: true,
      docs: "Password of the sentinels themselves. Redis' own is `POGO_REDIS_PASSWORD`.",
    }),
  },
  clusterNodes: option({
    env: "POGO_REDIS_CLUSTER_NODES",
    parser: redisNodes(6379),
    fallback: [],
    fallbackText: "none",
    docs: "Some nodes of a Redis Cluster, `host` or `host:port` each; the others are discovered. A cluster has database 0 only.",
  }),
  prefix: option({
    env: "POGO_REDIS_PREFIX",
    laravel: "REVERB_SCALING_CHANNEL",
    parser: keyPrefix,
    fallback: "pogo",
    docs: "In front of all keys and channels in Redis. Deployments with a Redis in common need one each, or they receive each other's events; all nodes of one deployment need the same.",
  }),
  timeoutMs: option({
    env: "POGO_REDIS_TIMEOUT",
    parser: duration(),
    fallback: 2000,
    docs: "Time for one publish to reach Redis, retries included; after it the publisher is answered an error. Redis silent for as long counts as lost, and the node as not ready.",
  }),
  queueSize: option({
    env: "POGO_BROKER_QUEUE_SIZE",
    original: "POGO_WS_BROKER_QUEUE_SIZE",
    parser: count,
    fallback: 1024,
    docs: "Publishes that may be on their way to Redis at a time. One beyond it is refused, so that a slow Redis does not fill the memory.",
  }),
  nodeLeaseMs: option({
    env: "POGO_NODE_LEASE",
    parser: duration({ minMs: 1000, maxMs: 30_000 }),
    fallback: 15_000,
    docs: "Silence of a node after which another takes over its presence members and announces their leaving. Shorter finds a dead node sooner, and takes a busy one for dead.",
  }),
  readyWithoutRedis: option({
    env: "POGO_READY_WITHOUT_REDIS",
    parser: boolean,
    fallback: false,
    docs: "Stay ready (`/readyz`) while Redis is lost. For nodes that pages pass through: Redis is lost to all of them at once, and a load balancer would be left without any. Publishing still fails until Redis is back.",
  }),
} as const;
