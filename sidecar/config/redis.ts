/** The options of Redis, from `POGO_…` names or else from the names that Laravel's `.env` has for its own Redis. */

import type { RedisBrokerOptions } from "../broker/redis.ts";
import type { RedisAccess } from "../broker/redis/clients.ts";
import { certificates, type RedisAddress } from "./parsers/redis.ts";
import type { Reader } from "./sources/reader.ts";
import type { Option } from "./table/option.ts";
import { redisBroadcasts } from "./table/redis-broadcasts.ts";
import { redis as rows } from "./table/redis.ts";
import { readAll, type Values } from "./table/values.ts";

/** What may stand in an address, and in an option of its own. */
export interface Part<T> {
  /** Null: the address leaves it open. */
  readonly inAddress: T | null;
  readonly value: T;
}

export interface FoundRedis {
  /** Null: there is one node, and nothing of the rest counts. */
  readonly access: (RedisBrokerOptions["redis"] & { readonly readyWithoutRedis: boolean }) | null;
  /** Redis as what Laravel broadcasts comes over it; null: no app takes that. */
  readonly broadcasts: (RedisAccess & { readonly readyWithoutRedis: boolean }) | null;
  /** Where Redis is, if there are no sentinels and no cluster. */
  readonly address: RedisAddress;
  readonly sentinel: Values<typeof rows>["sentinel"];
  readonly clusterNodes: Values<typeof rows>["clusterNodes"];
  readonly parts: {
    readonly port: Part<number>;
    readonly username: Part<string | null>;
    readonly password: Part<string | null>;
    readonly db: Part<number>;
    readonly tls: Part<boolean>;
  };
}

/** What Laravel has names for, or what depends on them; the rest are read as they stand. */
const {
  isEnabled: scaling,
  url: urlRow,
  host: hostRow,
  port,
  username,
  password,
  db,
  tls,
  prefix,
  ...ownRows
} = rows;

const whereRedisIs = [urlRow, hostRow, ownRows.sentinel.sentinels, ownRows.clusterNodes];

export function findRedis(reader: Reader): FoundRedis {
  const { read, readFileAt, namesGiven } = reader;
  const isGiven = (option: Option<unknown>): boolean => namesGiven(option).length > 0;
  const isPlacedByPogo = whereRedisIs.some(isGiven);
  const isEnabled = read(scaling, { fallback: isPlacedByPogo });

  const hasBroadcasts = reader.apps.some((app) => app.read(redisBroadcasts.isEnabled));
  const isUsed = isEnabled || hasBroadcasts;

  const from = isUsed ? "any" : "pogo";
  // A Redis placed by a POGO_… name is another than Laravel's; a whole URL needs none of Laravel's parts either.
  const fromForAddress = isPlacedByPogo ? "pogo" : from;
  const fromForParts = isGiven(urlRow) ? "pogo" : from;

  const url = read(urlRow, { from: fromForAddress });
  const address = url
    ? read(hostRow, { from: "pogo", fallback: url.address })
    : read(hostRow, { from: fromForAddress });
  const part = <T>(option: Option<T>, inAddress: T | null | undefined): Part<T> =>
    inAddress === null || inAddress === undefined
      ? { inAddress: null, value: read(option, { from: fromForParts }) }
      : { inAddress, value: read(option, { from: "pogo", fallback: inAddress }) };
  const host = address.kind === "tcp" ? address : null;
  const parts = {
    port: part(port, host?.port),
    username: part(username, url?.username),
    password: part(password, url?.password),
    db: part(db, url?.db),
    tls: part(tls.isEnabled, host?.isTls),
  };
  const { sentinel, clusterNodes, ...access } = readAll(ownRows, read);
  // Read as an option in any case, as a file only where it is needed.
  read(tls.ca);
  const isVerified = read(tls.isVerified);
  const hasTls = isUsed && parts.tls.value;
  const ca = hasTls ? readFileAt(tls.ca, certificates) : null;
  const found = { address, sentinel, clusterNodes, parts };
  const redis = {
    ...access,
    servers: toServers(found),
    username: parts.username.value,
    password: parts.password.value,
    db: parts.db.value,
    tls: hasTls ? { ca, isVerified } : null,
    prefix: read(prefix, { from }),
  };
  return {
    ...found,
    access: isEnabled ? redis : null,
    broadcasts: hasBroadcasts ? redis : null,
  };
}

function toServers({
  address,
  sentinel,
  clusterNodes,
  parts,
}: Omit<FoundRedis, "access" | "broadcasts">): RedisBrokerOptions["redis"]["servers"] {
  if (sentinel.sentinels.length > 0) return { kind: "sentinel", ...sentinel };
  if (clusterNodes.length > 0) return { kind: "cluster", nodes: clusterNodes };
  if (address.kind === "unix") return address;
  return { kind: "standalone", host: address.host, port: parts.port.value };
}
