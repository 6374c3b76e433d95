/** Contradictions between the options of Redis, where it is in use. */

import { findIn, type Check } from "./check.ts";
import type { ConfigError } from "../errors.ts";
import type { Option } from "../table/option.ts";
import { redis as rows } from "../table/redis.ts";
import type { Reader } from "../sources/reader.ts";
import type { FoundRedis } from "../redis.ts";

interface Subject extends FoundRedis {
  readonly namesGiven: Reader["namesGiven"];
}

export function findRedisConflicts(found: FoundRedis, reader: Reader): readonly ConfigError[] {
  const subject = { ...found, namesGiven: reader.namesGiven };
  return found.access || found.broadcasts ? findIn(checksOfRedis, subject, reader) : [];
}

const { url, host, clusterNodes } = rows;
const { sentinels } = rows.sentinel;

const checksOfRedis: readonly Check<Subject>[] = [
  oneOfTheWays(host, [url]),
  oneOfTheWays(sentinels, [url, host]),
  oneOfTheWays(clusterNodes, [url, host, sentinels]),
  sameAsInAddress(rows.port, "port"),
  sameAsInAddress(rows.username, "username"),
  sameAsInAddress(rows.password, "password"),
  sameAsInAddress(rows.db, "db"),
  sameAsInAddress(rows.tls.isEnabled, "tls"),
  onlyWithSentinels(rows.sentinel.masterName),
  onlyWithSentinels(rows.sentinel.username),
  onlyWithSentinels(rows.sentinel.password),
  {
    about: [rows.port, url, host, sentinels, clusterNodes],
    find({ address, sentinel, clusterNodes: nodes, parts: { port }, namesGiven }) {
      const hasOwnPorts = sentinel.sentinels.length > 0 || nodes.length > 0;
      if (hasOwnPorts) {
        return namesGiven(rows.port).length > 0
          ? "each node in the list has its own port. Leave it out, and write host:port there."
          : null;
      }
      return port.value === 0 && address.kind === "tcp"
        ? "0 goes with a Unix socket; a host needs the port of Redis. Leave it out for 6379."
        : null;
    },
  },
  {
    about: [rows.db, clusterNodes],
    find: ({ clusterNodes: nodes, parts: { db } }) =>
      nodes.length > 0 && db.value !== 0
        ? `${db.value} can't be had: a Redis Cluster (POGO_REDIS_CLUSTER_NODES) has database 0 only. Set it to 0; POGO_REDIS_PREFIX keeps deployments apart.`
        : null,
  },
  {
    about: [rows.tls.isEnabled, url, host],
    find: ({ address, parts: { tls } }) =>
      tls.value && address.kind === "unix"
        ? "TLS is not spoken on a Unix socket. Leave it out."
        : null,
  },
  {
    about: [rows.tls.ca, rows.tls.isEnabled, url, host],
    find: ({ parts: { tls }, namesGiven }) =>
      namesGiven(rows.tls.ca).length > 0 && !tls.value
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

/** Within the `POGO_…` names, which win over Laravel's anyhow. */
function sameAsInAddress(option: Option<unknown>, part: keyof FoundRedis["parts"]): Check<Subject> {
  return {
    about: [option, url, host],
    find({ parts, namesGiven }) {
      const { inAddress, value } = parts[part];
      const [name] = [url, host].flatMap(namesGiven);
      return name !== undefined && inAddress !== null && inAddress !== value
        ? `${name} says something else. Leave it out in one of them.`
        : null;
    },
  };
}

function onlyWithSentinels(option: Option<unknown>): Check<Subject> {
  return {
    about: [option, sentinels],
    find: ({ sentinel, namesGiven }) =>
      namesGiven(option).length > 0 && sentinel.sentinels.length === 0
        ? "there are no sentinels for it. Name them in POGO_REDIS_SENTINELS, or leave it out."
        : null,
  };
}
