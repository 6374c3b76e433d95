/** Contradictions between the options of Redis, where it is in use. */

import { findIn, type Check } from "./conflict-check.ts";
import type { ConfigError } from "./errors.ts";
import type { Option } from "./option.ts";
import { options } from "./options.ts";
import type { Reader } from "./reader.ts";
import { findRedis, type FoundRedis } from "./redis.ts";

interface Subject extends FoundRedis {
  readonly namesGiven: Reader["namesGiven"];
}

export function findRedisConflicts(reader: Reader): readonly ConfigError[] {
  const found = findRedis(reader);
  const subject = { ...found, namesGiven: reader.namesGiven };
  return found.isEnabled ? findIn(checksOfRedis, subject, reader) : [];
}

const { redisUrl, redisHost, redisSentinels, redisClusterNodes } = options;

const checksOfRedis: readonly Check<Subject>[] = [
  oneOfTheWays(redisHost, [redisUrl]),
  oneOfTheWays(redisSentinels, [redisUrl, redisHost]),
  oneOfTheWays(redisClusterNodes, [redisUrl, redisHost, redisSentinels]),
  sameAsInAddress(options.redisPort, "port"),
  sameAsInAddress(options.redisUsername, "username"),
  sameAsInAddress(options.redisPassword, "password"),
  sameAsInAddress(options.redisDb, "db"),
  sameAsInAddress(options.redisTls, "tls"),
  onlyWithSentinels(options.redisSentinelMaster),
  onlyWithSentinels(options.redisSentinelUsername),
  onlyWithSentinels(options.redisSentinelPassword),
  {
    about: [options.redisPort, redisUrl, redisHost, redisSentinels, redisClusterNodes],
    find({ address, sentinels, clusterNodes, parts: { port }, namesGiven }) {
      const hasOwnPorts = sentinels.length > 0 || clusterNodes.length > 0;
      if (hasOwnPorts) {
        return namesGiven(options.redisPort).length > 0
          ? "each node in the list has its own port. Leave it out, and write host:port there."
          : null;
      }
      return port.value === 0 && address.kind === "tcp"
        ? "0 goes with a Unix socket; a host needs the port of Redis. Leave it out for 6379."
        : null;
    },
  },
  {
    about: [options.redisDb, redisClusterNodes],
    find: ({ clusterNodes, parts: { db } }) =>
      clusterNodes.length > 0 && db.value !== 0
        ? `${db.value} can't be had: a Redis Cluster (POGO_REDIS_CLUSTER_NODES) has database 0 only. Set it to 0; POGO_REDIS_PREFIX keeps deployments apart.`
        : null,
  },
  {
    about: [options.redisTls, redisUrl, redisHost],
    find: ({ address, parts: { tls } }) =>
      tls.value && address.kind === "unix"
        ? "TLS is not spoken on a Unix socket. Leave it out."
        : null,
  },
  {
    about: [options.redisTlsCa, options.redisTls, redisUrl, redisHost],
    find: ({ parts: { tls }, namesGiven }) =>
      namesGiven(options.redisTlsCa).length > 0 && !tls.value
        ? "there is no TLS to Redis for it. Set POGO_REDIS_TLS to true or write rediss:// in the URL, or leave it out."
        : null,
  },
];

function oneOfTheWays(option: Option<unknown>, others: readonly Option<unknown>[]): Check<Subject> {
  return {
    about: [option],
    find({ namesGiven }) {
      const names = others.flatMap(namesGiven);
      return namesGiven(option).length > 0 && names.length > 0
        ? `it says where Redis is, and so does ${names.join(" and ")}. Keep one of them.`
        : null;
    },
  };
}

/** Within our own names; what is ours wins over Laravel's anyhow. */
function sameAsInAddress(option: Option<unknown>, name: keyof FoundRedis["parts"]): Check<Subject> {
  return {
    about: [option, redisUrl, redisHost],
    find({ parts, namesGiven }) {
      const { inAddress, value } = parts[name];
      const [ours] = [redisUrl, redisHost].flatMap(namesGiven);
      return ours !== undefined && inAddress !== null && inAddress !== value
        ? `${ours} says something else. Leave it out in one of them.`
        : null;
    },
  };
}

function onlyWithSentinels(option: Option<unknown>): Check<Subject> {
  return {
    about: [option, redisSentinels],
    find: ({ sentinels, namesGiven }) =>
      namesGiven(option).length > 0 && sentinels.length === 0
        ? "there are no sentinels for it. Name them in POGO_REDIS_SENTINELS, or leave it out."
        : null,
  };
}
