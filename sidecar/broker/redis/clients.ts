/** The clients of ioredis, for every way in which Redis is run: standalone, behind sentinels, or a cluster. */

import { Cluster, Redis, type RedisOptions } from "ioredis";
import { reconnectDelayMs } from "./reconnect.ts";

type ClientOptions = Omit<RedisOptions, "replyMapping">;

export interface Address {
  readonly host: string;
  readonly port: number;
}

export interface RedisAccess {
  readonly servers:
    | ({ readonly kind: "standalone" } & Address)
    | { readonly kind: "unix"; readonly path: string }
    | {
        readonly kind: "sentinel";
        readonly sentinels: readonly Address[];
        readonly masterName: string;
        readonly username: string | null;
        readonly password: string | null;
      }
    | { readonly kind: "cluster"; readonly nodes: readonly Address[] };
  readonly username: string | null;
  readonly password: string | null;
  readonly db: number;
  readonly tls: { readonly ca: string | null; readonly isVerified: boolean } | null;
  /** For one command; after it the connection is given up. */
  readonly timeoutMs: number;
}

function commonOptions({ username, password, tls, timeoutMs }: RedisAccess): ClientOptions {
  return {
    ...(username !== null && { username }),
    ...(password !== null && { password }),
    ...(tls && { tls: toTlsOptions(tls) }),
    connectTimeout: timeoutMs,
    // Of every command, those of the handshake too: a hung server accepts connections and says no more.
    socketTimeout: timeoutMs,
    // Whether a command that got no answer is sent again is for us to say.
    autoResendUnfulfilledCommands: false,
    maxRetriesPerRequest: 0,
    autoResubscribe: false,
    disconnectTimeout: 200,
    // A master that became a replica; the new one is found on connecting anew.
    reconnectOnError: (error) => error.message.startsWith("READONLY"),
  };
}

function toTlsOptions({ ca, isVerified }: NonNullable<RedisAccess["tls"]>) {
  return { rejectUnauthorized: isVerified, ...(ca !== null && { ca }) };
}

export function createCommands(access: RedisAccess): Redis | Cluster {
  const { servers, db } = access;
  const options = commonOptions(access);
  if (servers.kind === "cluster") {
    return new Cluster([...servers.nodes], {
      redisOptions: options,
      enableOfflineQueue: false,
      clusterRetryStrategy: reconnectDelayMs,
      slotsRefreshTimeout: access.timeoutMs,
    });
  }
  return new Redis({
    ...options,
    ...addressOf(servers, access),
    db,
    enableOfflineQueue: false,
    retryStrategy: reconnectDelayMs,
  });
}

/** One connection that does not come again by itself. */
export async function connectSubscriber(
  commands: Redis | Cluster,
  base: string,
  access: RedisAccess,
): Promise<Redis> {
  const { servers } = access;
  if (servers.kind !== "cluster") return createOnce(access, 0);
  const owner = await findOwner(commands, base, servers.nodes);
  return new Redis({ ...onceOptions(access), ...owner });
}

/** The same, to any node: what PUBLISH publishes in a cluster comes to all. Each attempt takes the next one. */
export function createOnce(access: RedisAccess, attempt: number): Redis {
  const { servers, db } = access;
  const once = onceOptions(access);
  if (servers.kind === "cluster") {
    return new Redis({ ...once, ...servers.nodes[attempt % servers.nodes.length] });
  }
  return new Redis({
    ...once,
    ...addressOf(servers, access),
    db,
    sentinelRetryStrategy: () => null,
  });
}

function onceOptions(access: RedisAccess): ClientOptions {
  return {
    ...commonOptions(access),
    retryStrategy: () => null,
    enableOfflineQueue: false,
    lazyConnect: true,
  };
}

/** The master that has the slot of this name now. */
async function findOwner(
  commands: Redis | Cluster,
  name: string,
  nodes: readonly Address[],
): Promise<Address> {
  const [slot, ranges]: unknown[] = await Promise.all([
    commands.call("CLUSTER", "KEYSLOT", name),
    commands.call("CLUSTER", "SLOTS"),
  ]);
  for (const range of Array.isArray(ranges) ? ranges : []) {
    if (!Array.isArray(range) || Number(slot) < range[0] || Number(slot) > range[1]) continue;
    const [host, port]: unknown[] = Array.isArray(range[2]) ? range[2] : [];
    if (typeof host !== "string" || typeof port !== "number") continue;
    // A node that does not know its own address yet is the one that was asked.
    return { host: host === "" ? (nodes[0]?.host ?? host) : host, port };
  }
  throw new Error("no master has the slot of this app");
}

function addressOf(
  servers: Exclude<RedisAccess["servers"], { kind: "cluster" }>,
  { tls, timeoutMs }: RedisAccess,
): ClientOptions {
  switch (servers.kind) {
    case "standalone":
      return { host: servers.host, port: servers.port };
    case "unix":
      return { path: servers.path };
    case "sentinel":
      return {
        sentinels: [...servers.sentinels],
        sentinelCommandTimeout: timeoutMs,
        name: servers.masterName,
        // Without these ioredis speaks plain text to both, whatever `tls` says.
        ...(tls && { sentinelTLS: toTlsOptions(tls), enableTLSForSentinelMode: true }),
        ...(servers.username !== null && { sentinelUsername: servers.username }),
        ...(servers.password !== null && { sentinelPassword: servers.password }),
        sentinelRetryStrategy: reconnectDelayMs,
      };
  }
}
