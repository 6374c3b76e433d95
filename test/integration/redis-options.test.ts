import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { connectRedis } from "../../sidecar/testing/redis/redis-client.ts";
import { needsRedis } from "../../sidecar/testing/redis/redis-needs.ts";
import { startRedisCluster } from "../../sidecar/testing/redis/redis-cluster.ts";
import { startRedisSentinels } from "../../sidecar/testing/redis/redis-sentinel.ts";
import { startRedis } from "../../sidecar/testing/redis/redis-server.ts";
import { connectClient } from "../kit/client.ts";
import { startSidecar } from "../kit/start.ts";
import { until } from "../../sidecar/testing/eventually.ts";

/** A sidecar with this environment, and a client that is subscribed over it. */
async function startSubscribed(
  test: Parameters<typeof startSidecar>[0],
  env: Readonly<Record<string, string>>,
) {
  const sidecar = await startSidecar(test, env);
  assert.equal((await fetch(`${sidecar.adminUrl}/readyz`)).status, 200);
  const client = await connectClient(test, sidecar.port);
  await client.subscribe("news");
  return sidecar;
}

describe("the options of Redis reach it", { skip: needsRedis() }, () => {
  it("POGO_REDIS_URL: user, password, database; prefix, the lease, and POGO_ADMIN_URL", async (test) => {
    const redis = await startRedis({ password: "all" });
    test.after(() => redis.stop());
    const admin = connectRedis(test, redis.port, { password: "all" });
    await admin.call("ACL", "SETUSER", "pogo", "on", ">pw", "~mine:*", "&mine:*", "+@all");
    const { adminUrl } = await startSubscribed(test, {
      POGO_REDIS_URL: `redis://pogo:pw@127.0.0.1:${redis.port}/3`,
      POGO_REDIS_PREFIX: "mine",
      POGO_NODE_LEASE: "1s",
      POGO_ADMIN_URL: "http://node1.test:2019",
    });
    await admin.select(3);
    assert.equal(await admin.hget("mine:1:{app-id}:channels", "news"), "1");
    const nodes = await (await fetch(`${adminUrl}/console/nodes`)).text();
    assert.match(nodes, /"adminUrl":"http:\/\/node1\.test:2019\/"/);
  });

  it("Laravel's names, once scaling is on", async (test) => {
    const redis = await startRedis({ password: "all" });
    test.after(() => redis.stop());
    await startSubscribed(test, {
      REVERB_SCALING_ENABLED: "true",
      REDIS_HOST: "127.0.0.1",
      REDIS_PORT: String(redis.port),
      REDIS_PASSWORD: "all",
      REDIS_DB: "2",
    });
    const admin = connectRedis(test, redis.port, { password: "all", db: 2 });
    assert.equal(await admin.hget("pogo:1:{app-id}:channels", "news"), "1");
  });

  it("Laravel's names alone do nothing", async (test) => {
    const sidecar = await startSubscribed(test, { REDIS_HOST: "127.0.0.1", REDIS_PORT: "1" });
    assert.equal(
      "redis" in Object(await (await fetch(`${sidecar.adminUrl}/pogo/health`)).json()),
      false,
    );
  });

  it("POGO_READY_WITHOUT_REDIS: ready while Redis is lost, and it still says that it is", async (test) => {
    const redis = await startRedis();
    test.after(() => redis.stop());
    const where = { POGO_REDIS_HOST: "127.0.0.1", POGO_REDIS_PORT: String(redis.port) };
    const start = (more = {}) => startSidecar(test, { ...where, ...more });
    const [strict, lenient] = [await start(), await start({ POGO_READY_WITHOUT_REDIS: "true" })];
    await redis.stop();
    const health = async ({ adminUrl }: typeof strict): Promise<unknown> =>
      Object(await (await fetch(`${adminUrl}/pogo/health`)).json())["redis"];
    for (const sidecar of [strict, lenient]) {
      await until("Redis to be lost", async () => (await health(sidecar)) === "lost");
    }
    const status = async ({ adminUrl }: typeof strict) =>
      (await fetch(`${adminUrl}/readyz`)).status;
    assert.deepEqual([await status(strict), await status(lenient)], [503, 200]);
  });

  it("POGO_REDIS_BROADCASTS, with Laravel's own names and its prefix, on one node", async (test) => {
    const redis = await startRedis({ password: "all" });
    test.after(() => redis.stop());
    const sidecar = await startSidecar(test, {
      POGO_REDIS_BROADCASTS: "on",
      REDIS_HOST: "127.0.0.1",
      REDIS_PORT: String(redis.port),
      REDIS_PASSWORD: "all",
      REDIS_PREFIX: "shop-database-",
    });
    const client = await connectClient(test, sidecar.port);
    await client.subscribe("news");
    const laravel = connectRedis(test, redis.port, { password: "all" });
    await laravel.publish("shop-database-news", '{"event":"e","data":{"n":1},"socket":null}');
    assert.deepEqual((await client.next("e")).data, { n: 1 });
    assert.match(await sidecar.metrics(), /^pogo_redis_broadcasts_up 1$/m);
    assert.deepEqual(await sidecar.series("pogo_websocket_messages_total"), {
      'app_id="app-id"': 1,
    });

    await redis.stop();
    const { adminUrl } = sidecar;
    await until(
      "the node to be not ready",
      async () => (await fetch(`${adminUrl}/readyz`)).status === 503,
    );
  });

  it("POGO_REDIS_BROADCASTS_PREFIX comes before Laravel's; several nodes deliver once each", async (test) => {
    const redis = await startRedis();
    test.after(() => redis.stop());
    const env = {
      POGO_REDIS_BROADCASTS: "true",
      POGO_REDIS_BROADCASTS_PREFIX: "mine_",
      REDIS_PREFIX: "other_",
      POGO_REDIS_HOST: "127.0.0.1",
      POGO_REDIS_PORT: String(redis.port),
    };
    const nodes = [await startSidecar(test, env), await startSidecar(test, env)];
    const clients = await Promise.all(nodes.map(({ port }) => connectClient(test, port)));
    for (const client of clients) await client.subscribe("news");
    const laravel = connectRedis(test, redis.port);
    for (const prefix of ["other_", "mine_"]) {
      for (const n of [1, 2]) {
        const message = JSON.stringify({ event: "e", data: { n: prefix + n }, socket: null });
        await laravel.publish(`${prefix}news`, message);
      }
    }
    for (const client of clients) {
      assert.deepEqual((await client.next("e")).data, { n: "mine_1" });
      assert.deepEqual((await client.next("e")).data, { n: "mine_2" });
    }
    // What is published over HTTP goes from node to node as ever, and to nobody twice.
    const body = { name: "e", channel: "news", data: "last" };
    assert.equal((await nodes[0]?.call("events", { body }))?.status, 200);
    for (const client of clients) assert.equal((await client.next("e")).data, "last");
  });

  it("sentinels and a cluster, of which one is known", async (test) => {
    const sentinels = await startRedisSentinels();
    test.after(() => sentinels.stop());
    const [sentinel] = sentinels.addresses;
    await startSubscribed(test, {
      POGO_REDIS_SENTINELS: `${sentinel?.host}:${sentinel?.port}`,
      POGO_REDIS_SENTINEL_MASTER: sentinels.masterName,
    });
    const cluster = await startRedisCluster();
    test.after(() => cluster.stop());
    const [node] = cluster.addresses;
    await startSubscribed(test, { POGO_REDIS_CLUSTER_NODES: `${node?.host}:${node?.port}` });
  });
});
