/** What hostile ids, names and neighbours try on Redis, against whole sidecars: the rows of its table of attacks. */

import assert from "node:assert/strict";
import { describe, it, type TestContext } from "node:test";
import { signChannel, signUser } from "../kit/sign.ts";

import { connectRedis, askRedis } from "../../sidecar/testing/redis/redis-client.ts";
import { needsRedis } from "../../sidecar/testing/redis/redis-needs.ts";
import { startRedis } from "../../sidecar/testing/redis/redis-server.ts";
import { connectClient, type Client } from "../kit/client.ts";
import { app, startSidecar } from "../kit/start.ts";
import { until } from "../../sidecar/testing/eventually.ts";

const base = `pogo:1:{${app.id}}:`;
const channel = "presence-room";

/** As JSON, in which a number stays what it is. */
const oddIds: readonly string[] = [
  "}:t:!control",
  "!control",
  "a\nb",
  "\r\n*1\r\n$8\r\nFLUSHALL\r\n",
  "' .. redis.call('FLUSHALL') .. '",
  "]] redis.call('FLUSHALL') --",
  "\u0000",
  "x".repeat(4_000),
  "*",
  "[a-z]?",
  ":",
  "13:presence-roomx",
  "c:presence-room",
  "claimed",
  "%00%0a",
  '"',
  "\u{1F600}",
]
  .map((id) => JSON.stringify(id))
  .concat("0", "9007199254740993");

async function startNodes(test: TestContext, env: Readonly<Record<string, string>> = {}) {
  const redis = await startRedis();
  test.after(() => redis.stop());
  const all = { POGO_REDIS_HOST: "127.0.0.1", POGO_REDIS_PORT: String(redis.port), ...env };
  const nodes = [await startSidecar(test, all), await startSidecar(test, all)] as const;
  return { redis, nodes };
}

async function joinAs(client: Client, id: string): Promise<number> {
  return client.subscribe(channel, signChannel(app, client.socketId, channel, `{"user_id":${id}}`));
}

async function nextUser(client: Client, event: string): Promise<string> {
  const { text } = await client.next(event);
  const [, id = ""] = /"user_id":("(?:[^"\\]|\\.)*"|[\d.]+)/.exec(JSON.parse(text).data) ?? [];
  return id;
}

const isReady = async (node: { readonly adminUrl: string }): Promise<boolean> =>
  (await fetch(`${node.adminUrl}/readyz`)).status === 200;

describe("Redis", { skip: needsRedis() }, () => {
  it("row 107: odd user ids come, go and are removed as they are, on every node", async (test) => {
    const { redis, nodes } = await startNodes(test);
    const watcher = await connectClient(test, nodes[1].port);
    assert.equal(await joinAs(watcher, '"watcher"'), 200);
    for (const id of oddIds) {
      const client = await connectClient(test, nodes[0].port);
      assert.equal(await joinAs(client, id), 200, id);
      const came = await nextUser(watcher, "pusher_internal:member_added");
      assert.deepEqual(JSON.parse(came), JSON.parse(id));
      client.socket.close();
      assert.equal(await nextUser(watcher, "pusher_internal:member_removed"), came);
    }
    assert.deepEqual(await askRedis(redis.port, "HKEYS", `${base}members:${channel}`), ["watcher"]);
    assert.deepEqual(await askRedis(redis.port, "HKEYS", `${base}holders:${channel}`), ["watcher"]);
    assert.deepEqual(await nodes[1].series("pogo_broker_ignored_messages_total"), {
      'reason="not_json"': 0,
      'reason="newer_version"': 0,
      'reason="unknown_type"': 0,
      'reason="bad_fields"': 0,
    });
  });

  it("row 108: who signs in or is watched by such an id is that user, or nobody", async (test) => {
    const { redis, nodes } = await startNodes(test);
    const bystander = await connectClient(test, nodes[1].port);
    assert.equal(await joinAs(bystander, '"bystander"'), 200);
    for (const id of oddIds) {
      const client = await connectClient(test, nodes[0].port);
      const user = `{"id":${id},"watchlist":[${oddIds.join()}]}`;
      client.say("pusher:signin", signUser(app, client.socketId, user));
      await client.next(["pusher:signin_success", "pusher:signin_error", "pusher:error"]);
      client.socket.close();
    }
    assert.equal(await joinAs(await connectClient(test, nodes[0].port), '"next"'), 200);
    assert.equal(await nextUser(bystander, "pusher_internal:member_added"), '"next"');
    await until("nothing to be left of them", async () => {
      const keys = await askRedis(redis.port, "HKEYS", `${base}channels`);
      return Array.isArray(keys) && keys.join() === channel;
    });
    for (const node of nodes) assert.ok(await isReady(node));
  });

  it("row 109: forged messages are ignored and counted, 20,000 of them in a few lines of the log", async (test) => {
    const { redis, nodes } = await startNodes(test);
    const [node] = nodes;
    const client = await connectClient(test, node.port);
    assert.equal(await client.subscribe("room"), 200);
    assert.equal(await joinAs(client, '"member"'), 200);
    const event = { v: 1, type: "event", id: "1", node: "n", event: "e", data: "{}" };
    const forged = [
      "",
      "null",
      "[]",
      "{",
      "{}",
      '{"v":1}',
      '{"v":"1","type":"event"}',
      '{"v":1,"type":"__proto__"}',
      '{"v":1,"type":"constructor"}',
      '{"v":1,"type":{}}',
      JSON.stringify({ ...event, v: 2 }),
      JSON.stringify({ ...event, data: "{" }),
      JSON.stringify({ ...event, event: 1 }),
      JSON.stringify({ ...event, node: null }),
      JSON.stringify({ v: 1, type: "member_added", version: 1e300, member: "{}" }),
      JSON.stringify({ v: 1, type: "member_removed", version: -1, user: "member" }),
      JSON.stringify({ v: 1, type: "subscription_count", count: "1" }),
      JSON.stringify({ v: 1, type: "terminate", id: "1", user: ["member"] }),
      JSON.stringify({ v: 1, type: "node_registered", node: { toString: 1 } }),
    ];
    const topics = ["room", channel, "!control", "nobody", "!nothing"];
    const connection = connectRedis(test, redis.port);
    const publish = (topic: string, text: string): Promise<unknown> =>
      connection.publish(`${base}t:${topic}`, text);
    for (const text of forged) for (const topic of topics) await publish(topic, text);
    for (let i = 0; i < 20_000; i += 500) {
      await Promise.all(Array.from({ length: 500 }, (_, n) => publish("room", `junk ${i + n}`)));
    }
    const wanted = 3 * forged.length + 20_000;
    await until("all to be counted", async () => {
      return (await node.sum("pogo_broker_ignored_messages_total")) === wanted;
    });
    const lines = node.lines.filter(({ msg }) => String(msg).includes("ignored a message"));
    assert.ok(lines.length > 0 && lines.length < 10, String(lines.length));
    assert.deepEqual(client.messages, []);
    assert.equal(client.socket.readyState, client.socket.OPEN);
    assert.ok(await isReady(node));
  });

  it("row 110: a key of a wrong type makes the nodes unready, says why, and heals with the key", async (test) => {
    const { redis, nodes } = await startNodes(test, { POGO_NODE_LEASE: "1s" });
    const [node] = nodes;
    assert.equal(await joinAs(await connectClient(test, node.port), '"member"'), 200);
    for (const key of ["nodes", "log"]) {
      await askRedis(redis.port, "DEL", base + key);
      await askRedis(redis.port, "SET", base + key, "of no use");
      await until("the node to say so", async () => {
        if (await isReady(node)) return false;
        const health = await (await fetch(`${node.adminUrl}/pogo/health`)).text();
        return /WRONGTYPE/.test(health);
      });
      await askRedis(redis.port, "DEL", base + key);
      for (const each of nodes) await until("the node to be ready", () => isReady(each));
    }
    const next = await connectClient(test, nodes[1].port);
    assert.equal(await joinAs(next, '"next"'), 200);
    await until("both to be listed", async () => {
      const users = await askRedis(redis.port, "HKEYS", `${base}members:${channel}`);
      return Array.isArray(users) && users.map(String).toSorted().join() === "member,next";
    });
  });

  it("row 111: 10,000 channels at once are a few scripts; another subscribe goes between them", async (test) => {
    const { redis, nodes } = await startNodes(test, {
      POGO_MAX_CHANNELS_PER_CONNECTION: "10000",
    });
    const [node] = nodes;
    const other = await connectClient(test, node.port);
    const crowd = await connectClient(test, node.port);
    await askRedis(redis.port, "CONFIG", "RESETSTAT");
    for (let i = 0; i < 10_000; i += 1) crowd.say("pusher:subscribe", { channel: `room-${i}` });
    assert.equal(await other.subscribe("another"), 200);
    await until("10,000 answers", () => crowd.messages.length === 10_000, 60_000);
    assert.equal(await askRedis(redis.port, "HLEN", `${base}channels`), 10_001);
    const stats = String(await askRedis(redis.port, "INFO", "commandstats"));
    const [, scripts = "0"] = /cmdstat_evalsha:calls=(\d+)/.exec(stats) ?? [];
    assert.ok(Number(scripts) < 500, `${scripts} scripts`);
    for (const { lines } of nodes) {
      assert.ok(!lines.some(({ msg }) => String(msg).startsWith("redis is lost")));
    }
    assert.ok(await isReady(node));
  });
});
