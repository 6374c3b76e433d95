/** Options of Redis, which joins several nodes: where it is, the credentials, the timeouts. */

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
    docs: "Join this node with all others on the same Redis: events, presence and the HTTP API are then the same on each. It is on by default if `POGO_REDIS_URL`, `POGO_REDIS_HOST`, `POGO_REDIS_SENTINELS` or `POGO_REDIS_CLUSTER_NODES` is given; `false` makes this a single node with everything in memory, whatever is given. Laravel's `REDIS_…`, which most apps have for their cache, are only read if it is on.",
  }),
  url: option({
    env: "POGO_REDIS_URL",
    laravel: "REDIS_URL",
    parser: redisUrl,
    fallback: null,
    fallbackText: "none",
    secret: true,
    docs: "URL of Redis: `redis://user:password@host:6379/0`, `rediss://` for TLS, `unix:///path` for a socket. All but the host may be left out; special characters of user and password are percent-encoded. As `REDIS_URL` it takes precedence over Laravel's other names, as in Laravel. As `POGO_REDIS_URL` it replaces all of Laravel's names; the password may be in a file of its own (`POGO_REDIS_PASSWORD_FILE`).",
  }),
  host: option({
    env: "POGO_REDIS_HOST",
    laravel: "REDIS_HOST",
    parser: redisHost,
    fallback: { kind: "tcp", host: "127.0.0.1", port: null, isTls: null },
    fallbackText: "the URL's, or 127.0.0.1",
    docs: "Host of Redis, with or without a port; `tls://` in front turns TLS on, and a path is a Unix socket.",
  }),
  port: option({
    env: "POGO_REDIS_PORT",
    laravel: "REDIS_PORT",
    parser: integer({ min: 0, max: 65_535 }, "port"),
    fallback: 6379,
    fallbackText: "the URL's or the host's, or 6379",
    docs: "Port of Redis. It is ignored with a Unix socket, for which Laravel writes 0.",
  }),
  username: option({
    env: "POGO_REDIS_USERNAME",
    laravel: "REDIS_USERNAME",
    parser: optional(word("user")),
    fallback: null,
    fallbackText: "the URL's, or none",
    docs: "User name for Redis (access control lists, Redis 6 and newer). Without it the password is for the user `default`.",
  }),
  password: option({
    env: "POGO_REDIS_PASSWORD",
    laravel: "REDIS_PASSWORD",
    parser: optional(credential("secret")),
    fallback: null,
    fallbackText: "the URL's, or none",
    secret: true,
    docs: "Password of Redis. Whoever has access to Redis can publish to every client: set a password, and keep Redis in a network of its own.",
  }),
  db: option({
    env: "POGO_REDIS_DB",
    laravel: "REDIS_DB",
    parser: integer({ min: 0, max: 999_999_999 }),
    fallback: 0,
    fallbackText: "the URL's, or 0",
    docs: "Number of the Redis database for keys. Pub/sub channels ignore databases, so it does not separate deployments; `POGO_REDIS_PREFIX` does.",
  }),
  tls: {
    isEnabled: option({
      env: "POGO_REDIS_TLS",
      parser: boolean,
      fallback: false,
      fallbackText: "true for rediss:// and tls://, else false",
      docs: "Use TLS to Redis, its sentinels and all nodes of its cluster.",
    }),
    ca: option({
      env: "POGO_REDIS_TLS_CA",
      parser: filePath,
      fallback: "",
      fallbackText: "the system's",
      docs: "Path of a PEM file with the certificate authorities to trust for Redis, in place of the system's. It is read once, at startup.",
    }),
    isVerified: option({
      env: "POGO_REDIS_TLS_VERIFY",
      parser: boolean,
      fallback: true,
      docs: "Verify the certificate of Redis. Without it anybody on the network path can pose as Redis and read the password; name the certificate authority instead (`POGO_REDIS_TLS_CA`).",
    }),
  },
  sentinel: {
    sentinels: option({
      env: "POGO_REDIS_SENTINELS",
      parser: redisNodes(26_379),
      fallback: [],
      fallbackText: "none",
      docs: "Sentinels that know which Redis is the master, each as `host` or `host:port`. Name several, in case one is down.",
    }),
    masterName: option({
      env: "POGO_REDIS_SENTINEL_MASTER",
      parser: word("name"),
      fallback: "mymaster",
      docs: "Name of the master, as the sentinels know it.",
    }),
    username: option({
      env: "POGO_REDIS_SENTINEL_USERNAME",
      parser: optional(word("user")),
      fallback: null,
      fallbackText: "none",
      docs: "User name for the sentinels themselves. The one for Redis is `POGO_REDIS_USERNAME`.",
    }),
    password: option({
      env: "POGO_REDIS_SENTINEL_PASSWORD",
      parser: optional(credential("secret")),
      fallback: null,
      fallbackText: "none",
      secret: true,
      docs: "Password of the sentinels themselves. The one of Redis is `POGO_REDIS_PASSWORD`.",
    }),
  },
  clusterNodes: option({
    env: "POGO_REDIS_CLUSTER_NODES",
    parser: redisNodes(6379),
    fallback: [],
    fallbackText: "none",
    docs: "Some nodes of a Redis Cluster, each as `host` or `host:port`; the others are discovered. A cluster only has database 0.",
  }),
  prefix: option({
    env: "POGO_REDIS_PREFIX",
    laravel: "REVERB_SCALING_CHANNEL",
    parser: keyPrefix,
    fallback: "pogo",
    docs: "Prefix of all keys and channels in Redis. Deployments that share a Redis need different prefixes, or they receive each other's events; all nodes of one deployment need the same.",
  }),
  timeoutMs: option({
    env: "POGO_REDIS_TIMEOUT",
    parser: duration(),
    fallback: 2000,
    docs: "Time for one publish to reach Redis, retries included; after it the publisher gets an error. A Redis that is silent for this long counts as lost, and the node as not ready.",
  }),
  queueSize: option({
    env: "POGO_BROKER_QUEUE_SIZE",
    original: "POGO_WS_BROKER_QUEUE_SIZE",
    parser: count,
    fallback: 1024,
    docs: "Maximum number of publishes and client events on their way to Redis; client events take three quarters of it at most. Further ones are refused, so that a slow Redis does not fill the memory.",
  }),
  nodeLeaseMs: option({
    env: "POGO_NODE_LEASE",
    parser: duration({ minMs: 1000, maxMs: 30_000 }),
    fallback: 15_000,
    docs: "Time without a heartbeat from a node after which another one takes over its presence members and announces that they left. A shorter time finds a dead node sooner, but may take a busy one for dead.",
  }),
  readyWithoutRedis: option({
    env: "POGO_READY_WITHOUT_REDIS",
    parser: boolean,
    fallback: false,
    docs: "Stay ready (`/readyz`) while Redis is lost. Meant for nodes that pages pass through: all of them lose Redis at once, and a load balancer would be left without any. Publishing still fails until Redis is back.",
  }),
} as const;
