/** For tests: a real Redis Cluster on loopback, joined by hand. */

import { freePort, onFreePort } from "../ports.ts";
import { askRedis } from "./redis-client.ts";
import { startRedis, type RedisServer } from "./redis-server.ts";
import { until } from "../eventually.ts";

export interface RedisClusterOptions {
  /** @default 3; fewer cannot agree that one of them has failed */
  readonly masters?: number;
  /** Of each master. @default 0 */
  readonly replicas?: number;
  /** Further arguments for each node. */
  readonly args?: readonly string[];
}

export interface RedisCluster {
  /** All nodes, the masters that it started with first. */
  readonly nodes: readonly RedisServer[];
  /** To start an `ioredis` Cluster with. */
  readonly addresses: readonly { readonly host: string; readonly port: number }[];
  /** The node that serves a key's slot now; waits for it while there is a failover. */
  masterOf(key: string): Promise<RedisServer>;
  /** Whether replicas take the place of a master that is gone. They do at first. */
  allowFailover(isAllowed: boolean): Promise<void>;
  /** Stops all nodes. */
  stop(): Promise<void>;
}

/** Resolves when every node says that the cluster is up, and every replica follows its master. */
export async function startRedisCluster(options: RedisClusterOptions = {}): Promise<RedisCluster> {
  const { masters = 3, replicas = 0, args = [] } = options;
  const started = await Promise.allSettled(
    Array.from({ length: masters * (1 + replicas) }, () => startNode(args)),
  );
  const members = started.flatMap((one) => (one.status === "fulfilled" ? [one.value] : []));
  const nodes = members.map(({ node }) => node);
  const stop = async () => {
    await Promise.all(nodes.map((node) => node.stop()));
  };
  try {
    for (const one of started) if (one.status === "rejected") throw one.reason;
    await join(members, masters);
  } catch (error) {
    await stop();
    throw error;
  }
  return {
    nodes,
    addresses: nodes.map(({ port }) => ({ host: "127.0.0.1", port })),
    async allowFailover(isAllowed) {
      const value = isAllowed ? "no" : "yes";
      await Promise.all(
        nodes
          .slice(masters)
          .map(({ port }) => askRedis(port, "CONFIG", "SET", "cluster-replica-no-failover", value)),
      );
    },
    masterOf: (key) => until(`a master of ${key}`, () => findMaster(nodes, key)),
    stop,
  };
}

interface Member {
  readonly node: RedisServer;
  /** Where it talks to the others. */
  readonly busPort: number;
}

function startNode(args: readonly string[]): Promise<Member> {
  return onFreePort(async (port) => {
    const busPort = await freePort();
    const settings: Readonly<Record<string, string>> = {
      "cluster-enabled": "yes",
      "cluster-port": String(busPort),
      "cluster-node-timeout": "2000",
      // A replica that lost its master long ago may still take its place.
      "cluster-replica-validity-factor": "0",
    };
    const own = Object.entries(settings).flatMap(([name, value]) => [`--${name}`, value]);
    return { node: await startRedis({ port, args: [...own, ...args] }), busPort };
  });
}

const slots = 16_384;

/** As `redis-cli --cluster create` does: slots, an epoch for each, MEET, REPLICATE. */
async function join(members: readonly Member[], masters: number): Promise<void> {
  await Promise.all(
    members.map(async ({ node }, index) => {
      await cluster(node, "SET-CONFIG-EPOCH", String(index + 1));
      if (index >= masters) return;
      const first = Math.ceil((index * slots) / masters);
      const last = Math.ceil(((index + 1) * slots) / masters) - 1;
      await cluster(node, "ADDSLOTSRANGE", String(first), String(last));
    }),
  );
  // All of them meet each other, rather than wait until gossip has introduced them.
  for (const [index, { node }] of members.entries()) {
    for (const other of members.slice(0, index)) {
      await cluster(node, "MEET", "127.0.0.1", String(other.node.port), String(other.busPort));
    }
  }
  const nodes = members.map(({ node }) => node);
  await eachUntil(nodes, "a node that knows all others", async (node) => {
    const known = await cluster(node, "NODES");
    return known.trim().split("\n").length === nodes.length && !/handshake|noaddr/.test(known);
  });
  await Promise.all(
    nodes.slice(masters).map(async (replica, index) => {
      const master = nodes[index % masters];
      if (master) await cluster(replica, "REPLICATE", await cluster(master, "MYID"));
    }),
  );
  await eachUntil(nodes, "cluster_state:ok", async (node) => {
    const info = await cluster(node, "INFO");
    return info.includes("cluster_state:ok") && info.includes(`cluster_slots_ok:${slots}`);
  });
  await eachUntil(nodes.slice(masters), "a replica in step", async ({ port }) =>
    String(await askRedis(port, "INFO", "replication")).includes("master_link_status:up"),
  );
  // Who does not know yet that a node is a replica would not vote for it.
  await eachUntil(nodes, "a node that knows all replicas", async (node) => {
    const known = await cluster(node, "NODES");
    return (
      known.split("\n").filter((line) => /\bslave\b/.test(line)).length === nodes.length - masters
    );
  });
}

async function eachUntil(
  nodes: readonly RedisServer[],
  what: string,
  ask: (node: RedisServer) => Promise<boolean>,
): Promise<void> {
  await Promise.all(nodes.map((node) => until(what, () => ask(node))));
}

async function findMaster(
  nodes: readonly RedisServer[],
  key: string,
): Promise<RedisServer | undefined> {
  for (const node of nodes) {
    // Only the slot's owner answers about a key; the others say MOVED, or that the cluster is down.
    const answer = node.isRunning && (await askRedis(node.port, "EXISTS", key).catch(() => false));
    if (typeof answer === "number") return node;
  }
  return undefined;
}

async function cluster(node: RedisServer, ...args: string[]): Promise<string> {
  return String(await askRedis(node.port, "CLUSTER", ...args));
}
