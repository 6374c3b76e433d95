/** Redis in trouble, and links to it: connections stay, what fails says so, all resumes by itself, and nobody who stayed is told gone. */

import assert from "node:assert/strict";
import { describe, test, type TestContext } from "node:test";
import { askRedis } from "../../sidecar/testing/redis/redis-client.ts";
import { startRedisCluster } from "../../sidecar/testing/redis/redis-cluster.ts";
import { needsRedis } from "../../sidecar/testing/redis/redis-needs.ts";
import { startRedisSentinels } from "../../sidecar/testing/redis/redis-sentinel.ts";
import type { RedisOptions } from "../../sidecar/testing/redis/redis-server.ts";
import { app } from "../kit/sign.ts";
import type { Client } from "./support/client.ts";
import {
  clusterOf,
  createScope,
  eventsOf,
  redisAt,
  sentinelsAt,
  startTwo,
  untilDelivered,
  type Env,
  type Kind,
  type Scope,
} from "./support/cluster.ts";
import { leaseMs, redisIsLost, redisIsThere, type ClusterNode } from "./support/node.ts";
import { startPump, type Pump } from "./support/pump.ts";
import { startWebhooks } from "./support/webhooks.ts";
import { until } from "../../sidecar/testing/eventually.ts";

const room = "presence-room";
const base = `pogo:1:{${app.id}}:`;

/** Two nodes; ada and cleo on A, bea and cora on B, all in one room, and an event on its way at any time. */
interface Stage {
  readonly scope: Scope;
  readonly nodes: readonly [ClusterNode, ClusterNode];
  readonly a: ClusterNode;
  readonly b: ClusterNode;
  readonly ada: Client;
  readonly bea: Client;
  readonly cleo: Client;
  readonly cora: Client;
  readonly pumps: readonly [Pump, Pump];
  /** Both pumps know that something happens now. */
  during<T>(fault: () => T | Promise<T>): Promise<T>;
}

async function enter(scope: Scope, node: ClusterNode, userId: string): Promise<Client> {
  const client = await scope.client(node);
  await client.join(room, userId);
  return client;
}

function createTestScope(test: TestContext) {
  const scope = createScope();
  test.after(() => scope.end());
  return scope;
}

async function setUp(scope: Scope, nodes: Stage["nodes"]): Promise<Stage> {
  const [a, b] = nodes;
  const ada = await enter(scope, a, "ada");
  const cleo = await enter(scope, a, "cleo");
  const bea = await enter(scope, b, "bea");
  const cora = await enter(scope, b, "cora");
  await untilDelivered(a, room, [ada, bea]);
  const pumps = [startPump(a, room), startPump(b, room)] as const;
  scope.after(() => Promise.all(pumps.map((pump) => pump.stop().catch(() => undefined))));
  await pumps[0].untilTaken(3);
  return {
    scope,
    nodes,
    a,
    b,
    ada,
    bea,
    cleo,
    cora,
    pumps,
    during: (fault) => pumps[0].during(() => pumps[1].during(fault)),
  };
}

interface OnOne extends RedisOptions {
  readonly env?: Env;
  readonly kind?: Kind;
}

/** Two nodes straight on one Redis. */
async function setUpOnOne(test: TestContext, { env, kind = "nodes", ...options }: OnOne = {}) {
  const scope = createTestScope(test);
  const redis = await scope.redis(options);
  const nodes = await startTwo(kind, scope, { ...redisAt(redis.port), ...env });
  return { redis, ...(await setUp(scope, nodes)) };
}

/** A comes to Redis through a proxy of its own. */
async function setUpWithProxy(test: TestContext, more: Env = {}) {
  const scope = createTestScope(test);
  const redis = await scope.redis();
  const proxy = await scope.proxy(redis.port);
  const nodes = await Promise.all([
    scope.node({ ...redisAt(proxy.port), ...more }),
    scope.node({ ...redisAt(redis.port), ...more }),
  ]);
  return { redis, proxy, ...(await setUp(scope, nodes)) };
}

/** These nodes say that Redis is lost, and refuse what needs it; they live, and their clients stay. */
async function assertLost(nodes: readonly ClusterNode[]): Promise<void> {
  await Promise.all(nodes.map((node) => node.untilUnready()));
  for (const node of nodes) {
    assert.equal(await node.status("/livez"), 200);
    const { status, text } = await node.api.publish(room, "never");
    assert.deepEqual([status, text.split(":")[0]], [503, "broker_failed"]);
    assert.equal((await node.api.get("channels")).status, 503);
  }
}

/** Everybody in the room agrees about who is there, and so do all nodes' answers. */
async function assertMembers(
  nodes: readonly ClusterNode[],
  clients: readonly Client[],
  members: readonly string[],
): Promise<void> {
  const wanted = members.join();
  for (const client of clients) {
    await client.until(
      `${wanted} in the room`,
      () => client.members(room).join() === wanted,
      8_000,
    );
  }
  for (const { api } of nodes) {
    await until(`${wanted} from the API`, async () => (await api.users(room)).join() === wanted);
  }
}

/** Stops the pumps, waits until all is delivered, and looks at what has come. */
async function assertDelivered({ pumps, b, nodes }: Stage, clients: readonly Client[]) {
  await Promise.all(nodes.map((node) => node.untilReady()));
  for (const pump of pumps) {
    await pump.untilTaken(5);
    await pump.stop();
  }
  await untilDelivered(b, room, clients);
  for (const client of clients) {
    assert.ok(client.isOpen);
    assert.ok(!client.ids(room).includes("never"));
    for (const pump of pumps) pump.check(client);
  }
}

function assertLogged(nodes: readonly ClusterNode[], lost: number): void {
  for (const node of nodes) {
    assert.deepEqual([node.logged(redisIsLost), node.logged(redisIsThere)], [lost, lost + 1]);
  }
}

describe("Redis in trouble", { skip: needsRedis(), concurrency: 2 }, () => {
  test("down at the start: nodes live, serve what is their own, and join once Redis is there", async (t) => {
    const scope = createTestScope(t);
    const redis = await scope.redis();
    await redis.stop();
    const start = () => scope.node(redisAt(redis.port), { isReady: false });
    const nodes = await Promise.all([start(), start()]);
    const [a, b] = nodes;
    await assertLost(nodes);
    const [ada, bea] = [await enter(scope, a, "ada"), await enter(scope, b, "bea")];
    assert.deepEqual([ada.members(room), bea.members(room)], [["ada"], ["bea"]]);
    for (const node of nodes) {
      assert.deepEqual([node.logged(redisIsLost), node.logged(redisIsThere)], [1, 0]);
    }
    await redis.restart();
    await Promise.all(nodes.map((node) => node.untilReady()));
    await assertMembers(nodes, [ada, bea], ["ada", "bea"]);
    await untilDelivered(a, room, [ada, bea]);
    assert.deepEqual([ada.changes(room), bea.changes(room)], [["+bea"], ["+ada"]]);
    for (const node of nodes) {
      assert.deepEqual([node.logged(redisIsLost), node.logged(redisIsThere)], [1, 1]);
    }
    for (const client of [ada, bea]) assert.deepEqual(eventsOf(client, room), []);
  });

  for (const [title, options] of [
    ["killed and back empty", { isPersistent: false }],
    ["stopped and back with its old data", { isPersistent: true }],
    ["killed and back empty, under workers", { isPersistent: false, kind: "workers" }],
  ] as const) {
    test(`${title}: who stayed sees nobody who stayed go or come, who left has left once`, async (t) => {
      const stage = await setUpOnOne(t, options);
      const { redis, scope, nodes, a, b, ada, bea, cleo, cora } = stage;
      const clients = [ada, bea, cora];
      await stage.during(() => (options.isPersistent ? redis.stop() : redis.kill()));
      await assertLost(nodes);
      await cleo.close();
      const dora = await enter(scope, b, "dora");
      await stage.pumps[0].untilRefused(3);
      await stage.during(() => redis.restart());
      await Promise.all(nodes.map((node) => node.untilReady()));
      await assertMembers(nodes, [...clients, dora], ["ada", "bea", "cora", "dora"]);
      await assertDelivered(stage, clients);
      assert.deepEqual(
        ada.changes(room).toSorted(),
        ["+bea", "+cleo", "+cora", "+dora", "-cleo"].toSorted(),
      );
      assert.deepEqual(bea.changes(room).toSorted(), ["+cora", "+dora", "-cleo"]);
      assert.deepEqual(cora.changes(room).toSorted(), ["+dora", "-cleo"]);
      for (const { api } of nodes) assert.equal(await api.connections(), 4);
      assertLogged([a, b], 1);
    });
  }

  test("who comes after an outage is not shown who left during it, as soon as all nodes are back", async (t) => {
    const env = { POGO_NODE_LEASE: "30s" };
    const stage = await setUpOnOne(t, { isPersistent: false, env });
    const { redis, scope, nodes, a, b, ada, bea, cora, cleo } = stage;
    await stage.during(() => redis.kill());
    await assertLost(nodes);
    await cleo.close();
    await stage.during(() => redis.restart());
    await Promise.all(nodes.map((node) => node.untilReady()));
    await assertMembers(nodes, [ada, bea, cora], ["ada", "bea", "cora"]);
    for (const node of [a, b]) {
      const id = `after ${nodes.indexOf(node)}`;
      const late = await enter(scope, node, id);
      assert.ok(!late.members(room).includes("cleo"));
    }
    for (const client of [bea, cora]) assert.equal(count(client.changes(room), "-cleo"), 1);
  });

  test("a node that died while Redis was down: its members leave once, after the lease", async (t) => {
    const { redis, a, b, bea, cora, pumps } = await setUpOnOne(t, { isPersistent: true });
    const [pumpOfA, pump] = pumps;
    await pumpOfA.stop();
    await pump.during(() => redis.stop());
    await assertLost([b]);
    await a.kill();
    await pump.during(() => redis.restart());
    await b.untilReady();
    await assertMembers([b], [bea, cora], ["bea", "cora"]);
    await pump.untilTaken(3);
    await pump.stop();
    await untilDelivered(b, room, [bea, cora]);
    for (const client of [bea, cora]) {
      pump.check(client);
      assert.deepEqual(
        client
          .changes(room)
          .filter((change) => change !== "+cora")
          .toSorted(),
        ["-ada", "-cleo"],
      );
    }
    assert.equal(await b.api.connections(), 2);
  });

  test("paused: a publish is refused in time, and does not come when Redis goes on", async (t) => {
    const stage = await setUpOnOne(t);
    const { redis, nodes, ada, bea, cleo, cora } = stage;
    await stage.during(() => redis.pause());
    try {
      assert.equal((await stage.a.api.publish(room, "late")).status, 503);
      await assertLost(nodes);
    } finally {
      await stage.during(() => redis.resume());
    }
    await assertDelivered(stage, [ada, bea, cleo, cora]);
    assert.ok(!bea.ids(room).includes("late"));
    await assertMembers(nodes, [ada, bea, cleo, cora], ["ada", "bea", "cleo", "cora"]);
    assert.deepEqual(cora.changes(room), []);
    assert.deepEqual(ada.changes(room), ["+cleo", "+bea", "+cora"]);
    assertLogged(nodes, 1);
  });

  test("FLUSHALL while serving: all is registered anew, and no client sees it", async (t) => {
    const stage = await setUpOnOne(t);
    const { redis, nodes, ada, bea, cleo, cora } = stage;
    await askRedis(redis.port, "FLUSHALL");
    for (const node of nodes) {
      await until("the way back", async () => node.logged(redisIsThere) === 2);
    }
    await assertMembers(nodes, [ada, bea, cleo, cora], ["ada", "bea", "cleo", "cora"]);
    await cleo.close();
    await assertMembers(nodes, [ada, bea, cora], ["ada", "bea", "cora"]);
    await assertDelivered(stage, [ada, bea, cora]);
    assert.deepEqual(cora.changes(room), ["-cleo"]);
    assert.deepEqual(ada.changes(room), ["+cleo", "+bea", "+cora", "-cleo"]);
    for (const { api } of nodes) assert.equal(await api.connections(), 3);
    assertLogged(nodes, 1);
  });

  test("out of memory: a publish is refused and reaches nobody, until there is room", async (t) => {
    const stage = await setUpOnOne(t);
    const { redis, nodes, ada, bea, cleo, cora } = stage;
    await askRedis(redis.port, "CONFIG", "SET", "maxmemory-policy", "noeviction");
    await stage.during(() => askRedis(redis.port, "CONFIG", "SET", "maxmemory", "1"));
    const { status, text } = await stage.a.api.publish(room, "no room");
    assert.deepEqual([status, text.split(":")[0]], [503, "broker_failed"]);
    await assertLost(nodes);
    await stage.during(() => askRedis(redis.port, "CONFIG", "SET", "maxmemory", "0"));
    await assertDelivered(stage, [ada, bea, cleo, cora]);
    assert.ok(!bea.ids(room).includes("no room"));
    assert.deepEqual(cora.changes(room), []);
    assertLogged(nodes, 1);
  });

  test("garbage, foreigners and later versions on the nodes' topics are counted and ignored", async (t) => {
    const stage = await setUpOnOne(t);
    const { redis, nodes, ada, bea, cleo, cora } = stage;
    const event = { v: 1, type: "event", id: "1", node: "x", event: "happened", data: '"x"' };
    const faults: Readonly<Record<string, readonly string[]>> = {
      not_json: ["", "hello", "[]", "null", '"text"', "{", "\u0000\uFFFD", "x".repeat(1_000_000)],
      bad_fields: [
        "{}",
        JSON.stringify({ ...event, v: "1" }),
        JSON.stringify({ ...event, id: 1 }),
        JSON.stringify({ ...event, data: "{" }),
        JSON.stringify({ ...event, data: { a: 1 } }),
        JSON.stringify({ v: 1, type: "member_added", version: -1, member: "{}" }),
        JSON.stringify({ v: 1, type: "member_added", version: 3, member: "{}" }),
        JSON.stringify({ v: 1, type: "member_removed", version: 3.5, user: "ada" }),
      ],
      unknown_type: [
        JSON.stringify({ v: 1, type: "constructor" }),
        JSON.stringify({ v: 1, type: "__proto__" }),
        JSON.stringify({ v: 1, type: "presence_changed" }),
        JSON.stringify({ v: 1 }),
      ],
      newer_version: [
        JSON.stringify({ ...event, v: 2 }),
        JSON.stringify({ v: 2, type: "terminate", id: "1", user: "ada" }),
        JSON.stringify({ v: 1.5, type: "member_removed", version: 5, user: "ada" }),
      ],
    };
    for (const messages of Object.values(faults)) {
      for (const message of messages) {
        await askRedis(redis.port, "PUBLISH", `${base}t:${room}`, message);
        await askRedis(redis.port, "PUBLISH", `${base}t:!control`, message);
      }
    }
    // What nobody has subscribed to or is no channel of ours, and a change that is not the next one.
    await askRedis(redis.port, "PUBLISH", `${base}t:nobody`, JSON.stringify(event));
    await askRedis(redis.port, "PUBLISH", `${base}x:${room}`, JSON.stringify(event));
    const removal = { v: 1, type: "member_removed", version: 1_000, user: "ada" };
    await askRedis(redis.port, "PUBLISH", `${base}t:${room}`, JSON.stringify(removal));
    await assertDelivered(stage, [ada, bea, cleo, cora]);
    for (const node of nodes) {
      for (const [reason, messages] of Object.entries(faults)) {
        const series = `pogo_broker_ignored_messages_total{reason="${reason}"}`;
        assert.equal(await node.metric(series), 2 * messages.length, reason);
      }
    }
    await assertMembers(nodes, [ada, bea, cleo, cora], ["ada", "bea", "cleo", "cora"]);
    assert.deepEqual(cora.changes(room), []);
    assert.ok(!ada.ids(room).includes("x"));
    assertLogged(nodes, 0);
  });

  // On a busy machine a failover would be over before all was looked at that is so without a master.
  test("a failover by Sentinels: what was taken came once, and nobody left", async (t) => {
    const scope = createTestScope(t);
    const sentinels = await startRedisSentinels();
    scope.after(() => sentinels.stop());
    const env = sentinelsAt(sentinels.addresses);
    const stage = await setUp(scope, await startTwo("nodes", scope, env));
    const { nodes, ada, bea, cleo, cora } = stage;
    await sentinels.allowFailover(false);
    await stage.during(() => sentinels.killMaster());
    await assertLost(nodes);
    await stage.during(() => sentinels.allowFailover(true));
    await sentinels.master();
    await assertDelivered(stage, [ada, bea, cleo, cora]);
    await assertMembers(nodes, [ada, bea, cleo, cora], ["ada", "bea", "cleo", "cora"]);
    assert.deepEqual(cora.changes(room), []);
    assertLogged(nodes, 1);
  });

  test("a failover within a cluster: what was taken came once, and nobody left", async (t) => {
    const scope = createTestScope(t);
    const cluster = await startRedisCluster({ replicas: 1 });
    scope.after(() => cluster.stop());
    const env = clusterOf(cluster.addresses);
    const stage = await setUp(scope, await startTwo("nodes", scope, env));
    const { nodes, ada, bea, cleo, cora } = stage;
    const master = await cluster.masterOf(base);
    await cluster.allowFailover(false);
    await stage.during(() => master.kill());
    await assertLost(nodes);
    await stage.during(() => cluster.allowFailover(true));
    await cluster.masterOf(base);
    await assertDelivered(stage, [ada, bea, cleo, cora]);
    await assertMembers(nodes, [ada, bea, cleo, cora], ["ada", "bea", "cleo", "cora"]);
    assert.deepEqual(cora.changes(room), []);
    assertLogged(nodes, 1);
  });
});

describe("a node's link in trouble", { skip: needsRedis(), concurrency: 2 }, () => {
  const long = { POGO_NODE_LEASE: "30s" };

  for (const how of ["cut", "blackhole"] as const) {
    test(`${how}, for less than the lease: the node reads what it missed, and nobody has left`, async (t) => {
      const stage = await setUpWithProxy(t, long);
      const { proxy, scope, nodes, a, b, ada, bea, cleo, cora, pumps } = stage;
      await pumps[0].during(() => proxy[how]());
      await assertLost([a]);
      assert.equal(await b.status("/readyz"), 200);
      await cora.close();
      const dora = await enter(scope, b, "dora");
      await pumps[1].untilTaken(20);
      await stage.during(() => proxy.heal());
      await a.untilReady();
      await assertMembers(nodes, [ada, bea, cleo, dora], ["ada", "bea", "cleo", "dora"]);
      await assertDelivered(stage, [ada, bea, cleo]);
      assert.deepEqual(
        ada.changes(room).toSorted(),
        ["+bea", "+cleo", "+cora", "+dora", "-cora"].toSorted(),
      );
      assert.deepEqual(bea.changes(room), ["+cora", "-cora", "+dora"]);
      assertLogged([a], 1);
      assertLogged([b], 0);
      assert.ok((await a.metric(`pogo_broker_replayed_messages_total{app_id="${app.id}"}`)) >= 20);
      assert.equal(await a.metric(`pogo_broker_gaps_total{app_id="${app.id}"}`), 0);
    });
  }

  test("cut for longer than the lease: gone once for the others, back once, and nothing was missed", async (t) => {
    const stage = await setUpWithProxy(t);
    const { proxy, nodes, a, ada, bea, cleo, cora, pumps } = stage;
    await pumps[0].during(() => proxy.cut());
    await assertLost([a]);
    for (const client of [bea, cora]) {
      const areGone = () =>
        ["-ada", "-cleo"].every((change) => client.changes(room).includes(change));
      await client.until("A's members to leave", areGone, leaseMs + 1_500);
    }
    await cora.close();
    await stage.during(() => proxy.heal());
    await assertMembers(nodes, [ada, bea, cleo], ["ada", "bea", "cleo"]);
    await assertDelivered(stage, [ada, bea, cleo]);
    assert.deepEqual(ada.changes(room), ["+cleo", "+bea", "+cora", "-cora"]);
    const count = (change: string) => bea.changes(room).filter((one) => one === change).length;
    assert.deepEqual(["-ada", "+ada", "-cleo", "+cleo"].map(count), [1, 1, 1, 1]);
    for (const { api } of nodes) assert.equal(await api.connections(), 3);
  });

  test("slow, but within the timeout: nothing is lost, and nothing is said", async (t) => {
    const stage = await setUpWithProxy(t);
    const { proxy, scope, nodes, a, ada, bea, cleo, cora } = stage;
    proxy.delay(150);
    await stage.pumps[0].untilTaken(6);
    const dora = await enter(scope, a, "dora");
    assert.deepEqual(dora.members(room), ["ada", "bea", "cleo", "cora", "dora"]);
    await assertDelivered(stage, [ada, bea, cleo, cora]);
    assert.deepEqual(cora.changes(room), ["+dora"]);
    assertLogged(nodes, 0);
  });

  test("a flapping link: each event once, whatever was replayed", async (t) => {
    const stage = await setUpWithProxy(t, long);
    const { proxy, nodes, a, ada, bea, cleo, cora } = stage;
    for (let i = 0; i < 5; i++) {
      await stage.pumps[0].during(() => proxy.cut());
      await stage.pumps[1].untilTaken(3);
      await stage.during(() => proxy.heal());
      await a.untilReady();
    }
    await assertDelivered(stage, [ada, bea, cleo, cora]);
    await assertMembers(nodes, [ada, bea, cleo, cora], ["ada", "bea", "cleo", "cora"]);
    assert.deepEqual(cora.changes(room), []);
  });

  test("webhooks: a cut repeats nothing, and what ended meanwhile is sent once", async (t) => {
    const scope = createTestScope(t);
    const webhooks = await startWebhooks(scope);
    const redis = await scope.redis();
    const proxy = await scope.proxy(redis.port);
    const env = { POGO_WEBHOOK_URL: webhooks.url, POGO_WEBHOOK_GRACE: "200ms" };
    const a = await scope.node({ ...redisAt(proxy.port), ...env });
    const b = await scope.node({ ...redisAt(redis.port), ...env });
    const [ada, cleo] = [await enter(scope, a, "ada"), await enter(scope, a, "cleo")];
    const bea = await enter(scope, b, "bea");
    await webhooks.untilSent(room, 4);
    await ada.close();
    await webhooks.untilSent(room, 5);
    await proxy.cut();
    await a.untilUnready();
    await cleo.close();
    await proxy.heal();
    await a.untilReady();
    await webhooks.untilSent(room, 6);
    // Later than the lease, by when an end that is taken for missed would have been told.
    await until("the lease to pass", pastLease());
    const dora = await enter(scope, b, "dora");
    await dora.close();
    await webhooks.untilSent(room, 8);
    assert.deepEqual(webhooks.about(room).slice(4), [
      "member_removed ada",
      "member_removed cleo",
      "member_added dora",
      "member_removed dora",
    ]);
    assert.deepEqual(await a.api.users(room), ["bea"]);
    assert.ok(bea.isOpen);
  });
});

function count(changes: readonly string[], change: string): number {
  return changes.filter((one) => one === change).length;
}

/** There is nothing to wait for where nothing is to happen, but time. */
function pastLease(): () => Promise<boolean> {
  const untilMs = performance.now() + leaseMs + 1_000;
  return async () => performance.now() > untilMs;
}
