/** The real Redis Cluster of the tests, and what of sharded pub/sub holds in it. */

import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { Cluster } from "ioredis";
import { type Cleanup } from "../raw-http.ts";
import { askRedis, connectRedis } from "./redis-client.ts";
import { startRedisCluster, type RedisCluster } from "./redis-cluster.ts";
import { needsRedis } from "./redis-needs.ts";
import { until, waitFor } from "../eventually.ts";

const skip = needsRedis();

/** Spread over three masters: their slots are 15495, 3300 and 7365. */
const tags = ["{a}", "{b}", "{c}"];

describe("a cluster of three masters", { skip }, () => {
  let cluster: RedisCluster;
  before(async () => {
    cluster = await startRedisCluster();
  });
  after(() => cluster.stop());

  it("serves keys on each of its masters", async (test) => {
    const client = connectCluster(test, cluster);
    for (const tag of tags) assert.equal(await client.set(`${tag}key`, tag), "OK");
    for (const tag of tags) assert.equal(await client.get(`${tag}key`), tag);
    const owners = await Promise.all(tags.map((tag) => cluster.masterOf(tag)));
    assert.deepEqual(new Set(owners), new Set(cluster.nodes));
    const sizes = await Promise.all(cluster.nodes.map(({ port }) => askRedis(port, "DBSIZE")));
    assert.deepEqual(sizes, [1, 1, 1]);
  });

  it("delivers SPUBLISH to who subscribed at the slot's master, and at no other", async (test) => {
    const { port } = await cluster.masterOf("{a}news");
    for (const protocol of [2, 3] as const) {
      const subscriber = connectRedis(test, port, { protocol });
      const messages = smessagesOf(subscriber);
      await subscriber.ssubscribe("{a}news");
      const client = connectCluster(test, cluster);
      assert.equal(await client.spublish("{a}news", "hello"), 1);
      await waitFor(() => messages.length === 1);
      assert.deepEqual(messages, [["{a}news", "hello"]]);
      await subscriber.sunsubscribe("{a}news");
    }

    const other = await cluster.masterOf("{b}");
    const elsewhere = connectRedis(test, other.port);
    await assert.rejects(elsewhere.ssubscribe("{a}news"), /^ReplyError: MOVED 15495 /);
  });

  it("lets a script write and SPUBLISH in the slot of its key, and in no other", async (test) => {
    const subscriber = connectRedis(test, (await cluster.masterOf("{a}")).port);
    const messages = smessagesOf(subscriber);
    await subscriber.ssubscribe("{a}news");
    const client = connectCluster(test, cluster);
    const script =
      "redis.call('SET', KEYS[1], ARGV[2]) return redis.call('SPUBLISH', ARGV[1], ARGV[2])";
    assert.equal(await client.eval(script, 1, "{a}last", "{a}news", "from a script"), 1);
    assert.equal(await client.get("{a}last"), "from a script");
    await waitFor(() => messages.length === 1);
    assert.deepEqual(messages, [["{a}news", "from a script"]]);
    await assert.rejects(
      client.eval(script, 1, "{a}last", "{b}news", "x"),
      /Script attempted to access a non local key/,
    );
  });
});

describe("a cluster with replicas", { skip }, () => {
  let cluster: RedisCluster;
  before(async () => {
    cluster = await startRedisCluster({ replicas: 1 });
  });
  after(() => cluster.stop());

  it("has a replica take the place of a master that was killed, which then follows it", async (test) => {
    const client = connectCluster(test, cluster);
    const killed = await cluster.masterOf("{a}key");
    const direct = connectRedis(test, killed.port);
    await direct.set("{a}key", "before");
    assert.equal(await direct.wait(1, 5_000), 1);
    await killed.kill();

    const successor = await cluster.masterOf("{a}key");
    assert.ok(cluster.nodes.indexOf(successor) >= 3, "a replica");
    assert.equal(await client.get("{a}key"), "before");
    assert.equal(await client.set("{a}key", "after"), "OK");

    await killed.restart();
    await until("the killed master as a replica of its successor", async () => {
      const role = await askRedis(killed.port, "ROLE");
      return Array.isArray(role) && role[2] === successor.port && role[3] === "connected";
    });
    assert.equal(await cluster.masterOf("{a}key"), successor);
  });
});

function connectCluster(test: Cleanup, { addresses }: RedisCluster): Cluster {
  const client = new Cluster([...addresses]);
  client.on("error", () => undefined);
  test.after(() => client.disconnect());
  return client;
}

function smessagesOf(subscriber: ReturnType<typeof connectRedis>): [string, string][] {
  const messages: [string, string][] = [];
  subscriber.on("smessage", (channel: string, message: string) =>
    messages.push([channel, message]),
  );
  return messages;
}
