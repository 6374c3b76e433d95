/** What a client missed, where it comes back to another node than it left: real nodes over a real Redis. */

import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { describe, it, type TestContext } from "node:test";
import { until } from "../../sidecar/testing/eventually.ts";
import { connectRedis } from "../../sidecar/testing/redis/redis-client.ts";
import { needsRedis } from "../../sidecar/testing/redis/redis-needs.ts";
import { startRedis } from "../../sidecar/testing/redis/redis-server.ts";
import { connectClient, type Client } from "../kit/client.ts";
import { startSidecar as startProcess } from "../kit/process.ts";
import { signChannel } from "../kit/sign.ts";
import { app, startSidecar, type RunningSidecar } from "../kit/start.ts";

async function startNodes(
  test: TestContext,
  count: number,
  env: Readonly<Record<string, string>> = {},
) {
  const redis = await startRedis();
  test.after(() => redis.stop());
  const url = `redis://127.0.0.1:${redis.port}`;
  const options = { POGO_REDIS_URL: url, POGO_SHUTDOWN_TIMEOUT: "5s", ...env };
  const nodes: RunningSidecar[] = [];
  for (let n = 0; n < count; n += 1) nodes.push(await startSidecar(test, options));
  for (const node of nodes) {
    await until(
      "every node sees all",
      async () => (await node.sum("pogo_cluster_nodes")) === count,
    );
  }
  const [one, two, ...others] = nodes;
  assert.ok(one && two);
  return { redis, one, two, others };
}

function connect(test: TestContext, { port }: RunningSidecar, token: string): Promise<Client> {
  return connectClient(test, port, {}, { path: `/r/${token}/app/${app.key}` });
}

async function publish(node: RunningSidecar, channel: string, name: string): Promise<void> {
  const { status } = await node.call("events", { body: { name, channel, data: "{}" } });
  assert.equal(status, 200);
}

/** Events of a channel that have come, in their order. */
function events({ frames }: Client, channel: string): string[] {
  return frames
    .filter((frame) => frame.channel === channel && !frame.event.startsWith("pusher"))
    .map(({ event }) => event);
}

/** Until Redis has what an open connection would leave, and that it has certainly received all that was published. */
async function untilStored(admin: ReturnType<typeof connectRedis>): Promise<void> {
  await until("a checkpoint", async () => {
    const [key] = await admin.keys("*open:*");
    const [newest] = await admin.xrevrange("pogo:1:{app-id}:log", "+", "-", "COUNT", 1);
    if (key === undefined || newest === undefined) return false;
    return (await admin.hlen(key)) === 2 && (await admin.hget(key, "")) === newest[0];
  });
}

describe("recovery over several nodes", { skip: needsRedis() }, () => {
  it("Y05: clients of a node that stops miss nothing and get nothing twice, while events go on", async (t) => {
    const { one, two } = await startNodes(t, 2, { POGO_DRAIN_WINDOW: "300ms" });
    const channels = ["news", "sport", "cache-weather"];
    const tokens = Array.from({ length: 12 }, () => randomUUID());
    const before = await Promise.all(tokens.map((token) => connect(t, one, token)));
    for (const client of before) for (const channel of channels) await client.join(channel);

    const publisher = { isOver: false };
    const sent: string[] = [];
    const publishing = (async () => {
      for (let n = 0; !publisher.isOver; n += 1) {
        for (const channel of channels) await publish(two, channel, `event-${n}`);
        sent.push(`event-${n}`);
      }
    })();
    await until("events go", () => Promise.resolve(sent.length > 5));
    const stopped = one.stop();
    const after = await Promise.all(
      before.map(async (client, index) => {
        assert.equal(await client.closed(), 4200);
        const back = await connect(t, two, tokens[index] ?? "");
        for (const channel of channels) await back.join(channel);
        return back;
      }),
    );
    await stopped;
    const enough = sent.length + 5;
    await until("events go on", () => Promise.resolve(sent.length > enough));
    publisher.isOver = true;
    await publishing;
    // Redis brings events another way than answers: all have come when one behind them has.
    await publish(two, "cache-weather", "over");
    for (const [index, client] of after.entries()) {
      await client.next("over");
      const first = before[index];
      for (const channel of channels) {
        const came = [...(first ? events(first, channel) : []), ...events(client, channel)];
        // The last event of a cache channel, which came before any other.
        const own =
          channel === "cache-weather" ? came.filter((event) => sent.includes(event)) : came;
        assert.deepEqual(own, sent, `${channel} of client ${index}`);
      }
    }
    const outcome = (name: string) => `app_id="app-id",outcome="${name}"`;
    const total = "pogo_websocket_recovery_sessions_total";
    assert.equal((await two.series(total))[outcome("resumed")], tokens.length);
    assert.equal(await two.sum("pogo_websocket_recovery_gaps_total"), 0);
  });

  it("Y17: a client that was cut off comes back to another node", async (t) => {
    const { one, two } = await startNodes(t, 2, { POGO_RECOVERY: "all" });
    const token = randomUUID();
    const before = await connect(t, one, token);
    await before.join("news");
    await publish(two, "news", "one");
    await before.next("one");
    before.terminate();
    await one.seriesBecome("pogo_websocket_connections_active", { 'app_id="app-id"': 0 });
    await publish(two, "news", "two");
    const after = await connect(t, two, token);
    await after.join("news");
    await publish(one, "news", "three");
    await after.next("three");
    const came = events(after, "news");
    assert.deepEqual(came.slice(-2), ["two", "three"]);
    assert.ok(came.length === 2 || came[0] === "one");
  });

  it("Y19: a page is back at one node while its dead connection seems open at another", async (t) => {
    const { redis, one, two } = await startNodes(t, 2, { POGO_RECOVERY: "all" });
    const path = `/r/${randomUUID()}/app/${app.key}`;
    // It answers no ping: what it is sent goes nowhere.
    const before = await connectClient(t, one.port, {}, { path, autoPong: false });
    await before.join("news");
    await publish(two, "news", "one");
    await before.next("one");
    await untilStored(connectRedis(t, redis.port));
    const after = await connectClient(t, two.port, {}, { path });
    await after.join("news");
    assert.equal(await before.closed(), 4201);
    await publish(two, "news", "two");
    await after.next("two");
    assert.deepEqual(events(after, "news"), ["one", "two"]);
  });

  it("Y21: clients of a node that was killed go on from what it had stored last", async (t) => {
    const { redis, one, two } = await startNodes(t, 2, { POGO_RECOVERY: "all" });
    const killed = await startProcess({
      env: {
        POGO_APP_ID: app.id,
        POGO_APP_KEY: app.key,
        POGO_APP_SECRET: app.secret,
        POGO_UPSTREAM: "none",
        POGO_REDIS_URL: `redis://127.0.0.1:${redis.port}`,
        POGO_RECOVERY: "all",
      },
      isUnrefed: true,
    });
    t.after(() => killed.signal("SIGKILL"));
    const path = `/r/${randomUUID()}/app/${app.key}`;
    const before = await connectClient(t, killed.port, {}, { path });
    await before.join("news");
    await publish(one, "news", "old");
    await before.next("old");
    const admin = connectRedis(t, redis.port);
    await untilStored(admin);
    killed.signal("SIGKILL");
    await before.closed();
    await publish(one, "news", "one");
    const after = await connectClient(t, two.port, {}, { path });
    await after.join("news");
    await publish(one, "news", "two");
    await after.next("two");
    assert.deepEqual(events(after, "news"), ["one", "two"]);
  });

  it("Y13: a user who was terminated while away is given nothing", async (t) => {
    const { one, two } = await startNodes(t, 2);
    const token = randomUUID();
    const member = ({ socketId }: Client) =>
      signChannel(app, socketId, "presence-room", JSON.stringify({ user_id: "ada" }));
    const before = await connect(t, one, token);
    await before.join("presence-room", member(before));
    await before.join("news");
    const stopped = one.stop();
    await before.closed();
    assert.equal((await two.call("users/ada/terminate_connections", { body: {} })).status, 200);
    await publish(two, "news", "one");
    const after = await connect(t, two, token);
    await after.join("news");
    await publish(two, "news", "two");
    await after.next("two");
    assert.deepEqual(events(after, "news"), ["two"]);
    await stopped;
  });

  it("Y20: who comes back to another node has neither left nor joined", async (t) => {
    const { one, two } = await startNodes(t, 2);
    const member = ({ socketId }: Client, id: string) =>
      signChannel(app, socketId, "presence-room", JSON.stringify({ user_id: id }));
    const watcher = await connect(t, two, randomUUID());
    await watcher.join("presence-room", member(watcher, "grace"));
    const token = randomUUID();
    const before = await connect(t, one, token);
    await before.join("presence-room", member(before, "ada"));
    await watcher.next("pusher_internal:member_added");
    const stopped = one.stop();
    await before.closed();
    const after = await connect(t, two, token);
    await after.join("presence-room", member(after, "ada"));
    await stopped;
    await watcher.roundTrip();
    assert.ok(!watcher.messages.some(({ event }) => event.startsWith("pusher_internal:member")));
  });

  it("Y14: tabs that share a cookie get a gap where they were at different places", async (t) => {
    const { one, two, others } = await startNodes(t, 3);
    const [three = one] = others;
    const Cookie = `pogo_recovery=${"x".repeat(22)}`;
    const tabs = await Promise.all(
      [one, two].map(async (node) => {
        const tab = await connectClient(t, node.port, { Cookie });
        await tab.join("same");
        await tab.join("differs");
        return { node, tab };
      }),
    );
    for (const { node, tab } of tabs) {
      const stopped = node.stop();
      await tab.closed();
      await publish(three, "differs", "between");
      await stopped;
    }
    await publish(three, "same", "one");
    for (let n = 0; n < 2; n += 1) {
      const back = await connectClient(t, three.port, { Cookie });
      await back.join("same");
      await back.next("one");
      await back.join("differs");
      await back.next("pogo:gap");
      assert.deepEqual([...events(back, "same"), ...events(back, "differs")], ["one", "pogo:gap"]);
    }
  });

  it("Y15: what Redis' log has no more is a gap; without Redis a stop goes on", async (t) => {
    const { redis, one, two } = await startNodes(t, 2);
    const admin = connectRedis(t, redis.port);
    const token = randomUUID();
    const before = await connect(t, one, token);
    await before.join("news");
    await publish(two, "news", "seen");
    await before.next("seen");
    const stopped = one.stop();
    await before.closed();
    await publish(two, "news", "one");
    await publish(two, "news", "two");
    await admin.xtrim("pogo:1:{app-id}:log", "MAXLEN", 1);
    const after = await connect(t, two, token);
    await after.join("news");
    await after.next("pogo:gap");
    assert.deepEqual(events(after, "news"), ["pogo:gap"]);
    await stopped;
    await redis.stop();
    const left = two.stop();
    assert.ok([4100, 4200].includes(await after.closed()));
    await left;
  });

  it("Y16: a session ends by itself in Redis, and holds no token", async (t) => {
    const { redis, one } = await startNodes(t, 2, { POGO_RECOVERY_WINDOW: "20s" });
    const admin = connectRedis(t, redis.port);
    const token = randomUUID();
    const before = await connect(t, one, token);
    await before.join("news");
    const stopped = one.stop();
    await before.closed();
    const keys = await admin.keys("*away:*");
    assert.equal(keys.length, 1);
    const ttlMs = await admin.pttl(keys[0] ?? "");
    assert.ok(ttlMs > 0 && ttlMs <= 20_000, String(ttlMs));
    const [text = ""] = await admin.lrange(keys[0] ?? "", 0, -1);
    assert.ok(!`${keys[0]}${text}`.includes(token));
    await stopped;
  });
});
