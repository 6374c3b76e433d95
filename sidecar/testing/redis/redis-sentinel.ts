/** For tests: a real master with replicas on loopback, and Sentinels that watch over it. */

import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { onFreePort } from "../ports.ts";
import { askRedis } from "./redis-client.ts";
import { createRedisFolder, startRedisProcess, type RedisProcess } from "./redis-process.ts";
import { startRedis, type RedisServer } from "./redis-server.ts";
import { until } from "../eventually.ts";

export interface RedisSentinelsOptions {
  /** @default 3; fewer cannot agree on a failover when one of them ends */
  readonly sentinels?: number;
  /** @default 1 */
  readonly replicas?: number;
  /** Further arguments for the master and the replicas. */
  readonly args?: readonly string[];
}

export interface RedisSentinels {
  /** Of the Sentinels; for the option `sentinels` of ioredis. */
  readonly addresses: readonly { readonly host: string; readonly port: number }[];
  /** For the option `name` of ioredis. */
  readonly masterName: string;
  readonly sentinels: readonly RedisProcess[];
  /** The servers, the master that it started with first. */
  readonly nodes: readonly RedisServer[];
  /** The server that is master now; waits for it while there is a failover. */
  master(): Promise<RedisServer>;
  /** Whether a replica takes the place of a master that is gone. It does at first. */
  allowFailover(isAllowed: boolean): Promise<void>;
  /** SIGKILL for the master; resolves with it when it has ended, which is before there is another. */
  killMaster(): Promise<RedisServer>;
  /** Stops all servers and Sentinels. */
  stop(): Promise<void>;
}

/** Resolves when each Sentinel knows the others and the replicas, so that a failover may happen. */
export async function startRedisSentinels(
  options: RedisSentinelsOptions = {},
): Promise<RedisSentinels> {
  const { sentinels: count = 3, replicas = 1, args = [] } = options;
  const processes: RedisProcess[] = [];
  const started = async <T extends RedisProcess>(starting: Promise<T>): Promise<T> => {
    const one = await starting;
    processes.push(one);
    return one;
  };
  const stop = async () => {
    await Promise.all(processes.map((each) => each.stop()));
  };

  try {
    const first = await started(startRedis({ args }));
    const follow = ["--replicaof", "127.0.0.1", String(first.port), ...args];
    const others = await all(replicas, () => started(startRedis({ args: follow })));
    const quorum = Math.floor(count / 2) + 1;
    const sentinels = await all(count, () => started(startSentinel(first.port, quorum)));
    await Promise.all(sentinels.map((each) => untilItKnows(each, { sentinels: count, replicas })));

    const nodes = [first, ...others];
    const master = () => until("a master", () => findMaster(sentinels, nodes));
    return {
      addresses: sentinels.map(({ port }) => ({ host: "127.0.0.1", port })),
      masterName,
      sentinels,
      nodes,
      master,
      async allowFailover(isAllowed) {
        const afterMs = String(isAllowed ? downAfterMs : 600_000);
        const setting = ["SET", masterName, "down-after-milliseconds", afterMs];
        await Promise.all(sentinels.map(({ port }) => askRedis(port, "SENTINEL", ...setting)));
      },
      killMaster: async () => {
        const now = await master();
        await now.kill();
        return now;
      },
      stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

const masterName = "mymaster";
const downAfterMs = 1_000;

function startSentinel(masterPort: number, quorum: number): Promise<RedisProcess> {
  return onFreePort((port) => {
    const folder = createRedisFolder();
    const file = join(folder, "sentinel.conf");
    // Sentinel keeps what it learns in this file, so it is not given as arguments.
    const settings = [
      `port ${port}`,
      "bind 127.0.0.1",
      "protected-mode no",
      `dir ${folder}`,
      `sentinel monitor ${masterName} 127.0.0.1 ${masterPort} ${quorum}`,
      `sentinel down-after-milliseconds ${masterName} ${downAfterMs}`,
      `sentinel failover-timeout ${masterName} 5000`,
    ];
    writeFileSync(file, `${settings.join("\n")}\n`);
    return startRedisProcess({ port, folder, args: [file, "--sentinel"], readyLine: "+monitor" });
  });
}

async function untilItKnows(
  sentinel: RedisProcess,
  expected: { readonly sentinels: number; readonly replicas: number },
): Promise<void> {
  // It asks a master about its replicas every 10 s, and tells of itself every 2 s: too slow for tests.
  await askRedis(sentinel.port, "SENTINEL", "DEBUG", "info-period", "500", "publish-period", "300");
  await until("a Sentinel that knows all others and the replicas", async () => {
    const facts = await factsOf(sentinel);
    return (
      facts.get("flags") === "master" &&
      facts.get("num-other-sentinels") === String(expected.sentinels - 1) &&
      facts.get("num-slaves") === String(expected.replicas) &&
      (await hasReplicasInStep(sentinel))
    );
  });
}

/** A replica is not chosen before the Sentinel has heard from it that its link to the master is up. */
async function hasReplicasInStep(sentinel: RedisProcess): Promise<boolean> {
  const replicas = await askRedis(sentinel.port, "SENTINEL", "REPLICAS", masterName);
  return (
    Array.isArray(replicas) &&
    replicas.map(toFacts).every((facts) => facts.get("master-link-status") === "ok")
  );
}

async function findMaster(
  sentinels: readonly RedisProcess[],
  nodes: readonly RedisServer[],
): Promise<RedisServer | undefined> {
  for (const sentinel of sentinels) {
    if (!sentinel.isRunning) continue;
    const port = (await factsOf(sentinel)).get("port");
    const node = nodes.find((each) => String(each.port) === port);
    if (!node?.isRunning) continue;
    const role = await askRedis(node.port, "ROLE");
    if (Array.isArray(role) && role[0] === "master") return node;
  }
  return undefined;
}

async function factsOf(sentinel: RedisProcess): Promise<Map<string, string>> {
  return toFacts(await askRedis(sentinel.port, "SENTINEL", "MASTER", masterName));
}

/** Name, value, name, value … as a map. */
function toFacts(reply: unknown): Map<string, string> {
  const words = Array.isArray(reply) ? reply.map(String) : [];
  const pairs = words.flatMap((name, index) =>
    index % 2 === 0 ? [[name, words[index + 1] ?? ""] as const] : [],
  );
  return new Map(pairs);
}

function all<T>(count: number, start: () => Promise<T>): Promise<T[]> {
  return Promise.all(Array.from({ length: count }, start));
}
