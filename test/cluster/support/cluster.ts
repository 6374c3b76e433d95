/** What a test starts, and what it leaves behind for nobody: nodes, clients, Redis, a proxy where it is cut. */

import {
  startRedis,
  type RedisOptions,
  type RedisServer,
} from "../../../sidecar/testing/redis/redis-server.ts";
import { startRedisCluster } from "../../../sidecar/testing/redis/redis-cluster.ts";
import { startRedisSentinels } from "../../../sidecar/testing/redis/redis-sentinel.ts";
import { startTcpProxy, type TcpProxy } from "../../../sidecar/testing/tcp-proxy.ts";
import { eventName } from "./api.ts";
import type { Client } from "./client.ts";
import { startNode, type ClusterNode, type NodeOptions } from "./node.ts";
import { startWorkers, type Workers } from "./workers.ts";
import { until } from "../../../sidecar/testing/eventually.ts";

export type Env = Readonly<Record<string, string>>;

export interface Scope {
  /** Runs when the test ends, the last one first. */
  after(cleanup: () => unknown): void;
  redis(options?: RedisOptions): Promise<RedisServer>;
  proxy(port: number): Promise<TcpProxy>;
  node(env: Env, options?: Omit<NodeOptions, "env">): Promise<ClusterNode>;
  workers(env: Env): Promise<Workers>;
  threeWorkers(env: Env): Promise<Workers<3>>;
  client(node: ClusterNode, token?: string): Promise<Client>;
}

/** `end` undoes all that was started, whatever of it has ended already. */
export function createScope(): Scope & { end(): Promise<void> } {
  const cleanups: (() => unknown)[] = [];
  const after = (cleanup: () => unknown): void => void cleanups.push(cleanup);
  const endWith = <Count extends 2 | 3>(workers: Workers<Count>): Workers<Count> => {
    after(() => workers.supervisor.kill());
    return workers;
  };
  return {
    after,
    redis: async (options) => {
      const redis = await startRedis(options);
      after(() => redis.kill());
      return redis;
    },
    proxy: async (port) => {
      const proxy = await startTcpProxy(port);
      after(() => proxy.close());
      return proxy;
    },
    node: async (env, options) => {
      const node = await startNode({ env, ...options });
      after(() => node.kill());
      return node;
    },
    workers: async (env) => endWith(await startWorkers(2, { env })),
    threeWorkers: async (env) => endWith(await startWorkers(3, { env })),
    client: async (node, token) => {
      const client = await node.connect(token);
      after(() => client.terminate());
      return client;
    },
    end: async () => {
      for (const cleanup of cleanups.splice(0).toReversed()) await cleanup();
    },
  };
}

/** What nodes are: processes with a port each, or workers that share one. */
export type Kind = "nodes" | "workers";

export async function startTwo(kind: Kind, scope: Scope, env: Env) {
  if (kind === "workers") return (await scope.workers(env)).nodes;
  return Promise.all([scope.node(env), scope.node(env)]);
}

export async function startThree(kind: Kind, scope: Scope, env: Env) {
  if (kind === "workers") return (await scope.threeWorkers(env)).nodes;
  return Promise.all([scope.node(env), scope.node(env), scope.node(env)]);
}

/** For nodes on one Redis, or on a proxy in front of it. */
export function redisAt(port: number): Env {
  return { POGO_REDIS_HOST: "127.0.0.1", POGO_REDIS_PORT: String(port) };
}

export interface Deployment {
  /** What nodes are given of it. */
  readonly env: Env;
  readonly servers: readonly RedisServer[];
}

/** The ways in which Redis is run. */
export const deployments = {
  "one Redis": async (scope: Scope): Promise<Deployment> => {
    const redis = await scope.redis();
    return { env: redisAt(redis.port), servers: [redis] };
  },
  "a Redis Cluster": async (scope: Scope): Promise<Deployment> => {
    const cluster = await startRedisCluster();
    scope.after(() => cluster.stop());
    return { env: clusterOf(cluster.addresses), servers: cluster.nodes };
  },
  "Redis with Sentinels": async (scope: Scope): Promise<Deployment> => {
    const sentinels = await startRedisSentinels();
    scope.after(() => sentinels.stop());
    return { env: sentinelsAt(sentinels.addresses), servers: sentinels.nodes };
  },
};

type Addresses = readonly { host: string; port: number }[];

export function clusterOf(addresses: Addresses): Env {
  return { POGO_REDIS_CLUSTER_NODES: list(addresses) };
}

export function sentinelsAt(addresses: Addresses): Env {
  return { POGO_REDIS_SENTINELS: list(addresses) };
}

function list(addresses: Addresses): string {
  return addresses.map(({ host, port }) => `${host}:${port}`).join(",");
}

let markers = 0;

/**
 * Publishes an event and waits until all these subscribers of the channel have it: what was published, added or
 * removed there before has come by then, or never will.
 */
export async function untilDelivered(
  node: ClusterNode,
  channel: string,
  clients: readonly Client[],
): Promise<void> {
  const id = `marker-${(markers += 1)}`;
  await until("a publish that is taken", async () => {
    const { status } = await node.api.publish(channel, id);
    return status === 200;
  });
  const isIt = (message: { event: string; channel?: string; data: unknown }): boolean =>
    message.event === eventName &&
    message.channel === channel &&
    (message.data as { id?: string }).id === id;
  await Promise.all(clients.map((client) => client.first(`${id} on ${channel}`, isIt)));
}

/** What was published besides markers. */
export function eventsOf(client: Client, channel: string): string[] {
  return client.ids(channel).filter((id) => !id.startsWith("marker-"));
}
