/** Redis as the options name it: under our own names, and else under those that Laravel's `.env` has for its own. */

import type { Option } from "./option.ts";
import { options } from "./options.ts";
import type { Reader } from "./reader.ts";
import { certificates, type RedisAddress } from "./redis-parsers.ts";
import type { Address, Config, RedisServers } from "./shape.ts";

/** What may stand in an address, and in an option of its own. */
export interface Part<T> {
  /** Null: the address leaves it open. */
  readonly inAddress: T | null;
  readonly value: T;
}

export interface FoundRedis {
  /** Else there is one node, and nothing of this counts. */
  readonly isEnabled: boolean;
  /** Where Redis is, if there are no sentinels and no cluster. */
  readonly address: RedisAddress;
  readonly sentinels: readonly Address[];
  readonly clusterNodes: readonly Address[];
  readonly parts: {
    readonly port: Part<number>;
    readonly username: Part<string>;
    readonly password: Part<string>;
    readonly db: Part<number>;
    readonly tls: Part<boolean>;
  };
}

const whereRedisIs: readonly Option<unknown>[] = [
  options.redisUrl,
  options.redisHost,
  options.redisSentinels,
  options.redisClusterNodes,
];

export function findRedis(reader: Reader): FoundRedis {
  const { readOurs, namesGiven } = reader;
  const isOurs = (option: Option<unknown>): boolean => namesGiven(option).length > 0;
  const isFoundByOurs = whereRedisIs.some(isOurs);
  const isEnabled = reader.read(options.scalingEnabled, isFoundByOurs);

  const readAny = isEnabled ? reader.read : readOurs;
  // Where we are told where Redis is, Laravel's is another; a whole URL needs none of Laravel's parts either.
  const readWhere = isFoundByOurs ? readOurs : readAny;
  const readPart = isOurs(options.redisUrl) ? readOurs : readAny;

  const url = readWhere(options.redisUrl);
  const address = url ? readOurs(options.redisHost, url.address) : readWhere(options.redisHost);
  const part = <T>(option: Option<T>, inAddress: T | null | undefined): Part<T> =>
    inAddress === null || inAddress === undefined
      ? { inAddress: null, value: readPart(option) }
      : { inAddress, value: readOurs(option, inAddress) };
  const host = address.kind === "tcp" ? address : null;
  return {
    isEnabled,
    address,
    sentinels: readOurs(options.redisSentinels),
    clusterNodes: readOurs(options.redisClusterNodes),
    parts: {
      port: part(options.redisPort, host?.port),
      username: part(options.redisUsername, url?.username),
      password: part(options.redisPassword, url?.password),
      db: part(options.redisDb, url?.db),
      tls: part(options.redisTls, host?.isTls),
    },
  };
}

export function readRedis(reader: Reader): Config["redis"] {
  const found = findRedis(reader);
  const { isEnabled, parts } = found;
  const { readOurs } = reader;
  const sentinel = {
    masterName: readOurs(options.redisSentinelMaster),
    username: readOurs(options.redisSentinelUsername) || null,
    password: readOurs(options.redisSentinelPassword) || null,
  };
  const isVerified = readOurs(options.redisTlsVerify);
  const hasTls = isEnabled && parts.tls.value;
  // Read as an option in any case, as a file only where it is needed.
  readOurs(options.redisTlsCa);
  const ca = hasTls ? reader.readFileAt(options.redisTlsCa, certificates) : null;
  const redis = {
    servers: toServers(found, sentinel),
    username: parts.username.value || null,
    password: parts.password.value || null,
    db: parts.db.value,
    tls: hasTls ? { ca, isVerified } : null,
    prefix: isEnabled ? reader.read(options.redisPrefix) : readOurs(options.redisPrefix),
    timeoutMs: readOurs(options.redisTimeout),
    queueSize: readOurs(options.brokerQueueSize),
    nodeLeaseMs: readOurs(options.nodeLease),
  };
  return isEnabled ? redis : null;
}

function toServers(
  { address, sentinels, clusterNodes, parts }: FoundRedis,
  sentinel: { masterName: string; username: string | null; password: string | null },
): RedisServers {
  if (sentinels.length > 0) return { kind: "sentinel", sentinels, ...sentinel };
  if (clusterNodes.length > 0) return { kind: "cluster", nodes: clusterNodes };
  if (address.kind === "unix") return address;
  return { kind: "standalone", host: address.host, port: parts.port.value };
}
