/** The real Sentinels of the tests: they know each other, and replace a master that is gone. */

import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { Redis } from "ioredis";
import { askRedis } from "./redis-client.ts";
import { needsRedis } from "./redis-needs.ts";
import { startRedisSentinels, type RedisSentinels } from "./redis-sentinel.ts";
import { until } from "../eventually.ts";

describe("Sentinels", { skip: needsRedis() }, () => {
  let redis: RedisSentinels;
  before(async () => {
    redis = await startRedisSentinels();
  });
  after(() => redis.stop());

  it("agree on the master, which has its replica", async () => {
    const [first, replica] = redis.nodes;
    assert.equal(await redis.master(), first);
    for (const { port } of redis.addresses) {
      const address = await askRedis(port, "SENTINEL", "GET-MASTER-ADDR-BY-NAME", redis.masterName);
      assert.deepEqual(address, ["127.0.0.1", String(first?.port)]);
      const quorum = await askRedis(port, "SENTINEL", "CKQUORUM", redis.masterName);
      assert.match(String(quorum), /^OK 3 usable Sentinels/);
    }
    assert.ok(replica);
    const role = await askRedis(replica.port, "ROLE");
    assert.deepEqual(Array.isArray(role) && role.slice(0, 4), [
      "slave",
      "127.0.0.1",
      first?.port,
      "connected",
    ]);
  });

  it("make a replica master when the master is killed, and clients find it", async (test) => {
    const client = new Redis({ sentinels: [...redis.addresses], name: redis.masterName });
    client.on("error", () => undefined);
    test.after(() => client.disconnect());
    await client.set("key", "before");
    assert.equal(await client.wait(1, 5_000), 1);

    const killed = await redis.killMaster();
    assert.equal(killed.isRunning, false);
    const successor = await redis.master();
    assert.equal(successor, redis.nodes[1]);
    assert.equal(await client.get("key"), "before");
    assert.equal(await client.set("key", "after"), "OK");
    assert.equal(await askRedis(successor.port, "GET", "key"), "after");

    await killed.restart();
    await until("the killed master as a replica of its successor", async () => {
      const role = await askRedis(killed.port, "ROLE");
      return Array.isArray(role) && role[2] === successor.port && role[3] === "connected";
    });
  });
});
