import { after, before, describe, type TestContext } from "node:test";
import { needsRedis } from "../testing/redis/redis-needs.ts";
import { startRedisCluster, type RedisCluster } from "../testing/redis/redis-cluster.ts";
import { startRedisSentinels, type RedisSentinels } from "../testing/redis/redis-sentinel.ts";
import { startRedis, type RedisServer } from "../testing/redis/redis-server.ts";
import { createMemoryPresence } from "./memory-presence.ts";
import { createMemoryBroker } from "./memory.ts";
import type { RedisBrokerOptions } from "./redis.ts";
import { describeContract, type ContractNode } from "./testing/contract.ts";
import { createRecorder, startRedisNode } from "./testing/redis-node.ts";

type Servers = RedisBrokerOptions["redis"]["servers"];

let prefixes = 0;

/** Nodes with a prefix of their own, so that no test meets what another one left. */
async function startNodes(
  test: TestContext,
  count: number,
  redis: { servers: Servers; password?: string },
): Promise<readonly ContractNode[]> {
  const prefix = `contract-${(prefixes += 1)}`;
  const nodes = await Promise.all(
    Array.from({ length: count }, () => startRedisNode({ ...redis, prefix })),
  );
  test.after(async () => {
    await Promise.all(nodes.map((node) => node.close()));
  });
  return nodes;
}

describeContract(
  "memory",
  () => {
    const { recorded, receiver, listener } = createRecorder();
    const broker = createMemoryBroker({ receiver, cacheTtlMs: 60_000, maxCacheBytes: 1_000_000 });
    const presence = createMemoryPresence(listener);
    return Promise.resolve([{ broker, presence, ...recorded, close: () => broker.close() }]);
  },
  [1],
);

describe("with Redis", { skip: needsRedis() }, () => {
  let redis: RedisServer;
  before(async () => {
    redis = await startRedis({ password: "pass word" });
  });
  after(() => redis.stop());
  describeContract(
    "standalone",
    (t, count) =>
      startNodes(t, count, {
        servers: { kind: "standalone", host: "127.0.0.1", port: redis.port },
        password: "pass word",
      }),
    [1, 3],
  );
});

describe("with Redis Cluster", { skip: needsRedis() }, () => {
  let cluster: RedisCluster;
  before(async () => {
    cluster = await startRedisCluster();
  });
  after(() => cluster.stop());
  describeContract(
    "cluster",
    (t, count) => startNodes(t, count, { servers: { kind: "cluster", nodes: cluster.addresses } }),
    [2],
  );
});

describe("with a Redis Cluster that has no sharded pub/sub", { skip: needsRedis() }, () => {
  let cluster: RedisCluster;
  before(async () => {
    const args = ["--rename-command", "SPUBLISH", "", "--rename-command", "SSUBSCRIBE", ""];
    cluster = await startRedisCluster({ args });
  });
  after(() => cluster.stop());
  describeContract(
    "cluster before 7.0",
    (t, count) => startNodes(t, count, { servers: { kind: "cluster", nodes: cluster.addresses } }),
    [2],
  );
});

describe("with Redis behind sentinels", { skip: needsRedis() }, () => {
  let sentinels: RedisSentinels;
  before(async () => {
    sentinels = await startRedisSentinels();
  });
  after(() => sentinels.stop());
  describeContract(
    "sentinel",
    (t, count) => {
      const { addresses, masterName } = sentinels;
      const access = { username: null, password: null };
      const servers = { kind: "sentinel", sentinels: addresses, masterName, ...access } as const;
      return startNodes(t, count, { servers });
    },
    [2],
  );
});
