import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { connect, createServer, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join as joinPath } from "node:path";
import { describe, it, type TestContext } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import type { Occupancy } from "../core/occupancy.ts";
import type { Missed } from "../core/recovery/ports.ts";
import { createCertificate } from "../testing/certificate.ts";
import { until, within } from "../testing/eventually.ts";
import { freePort } from "../testing/ports.ts";
import { needsRedis } from "../testing/redis/redis-needs.ts";
import { askRedis } from "../testing/redis/redis-client.ts";
import { startRedis, type RedisOptions, type RedisServer } from "../testing/redis/redis-server.ts";
import { startTcpProxy, type TcpProxy } from "../testing/tcp-proxy.ts";
import type { RedisBrokerOptions } from "./redis.ts";
import { baseOf } from "./redis/keys.ts";
import { createLinks } from "./redis/links.ts";
import { publish, readLog } from "./redis/scripts/events.ts";
import { heartbeat, joinCluster } from "./redis/scripts/nodes.ts";
import { giveUp, register, type RegistrationChange } from "./redis/scripts/registrations.ts";
import type { RunScript } from "./redis/scripts/script.ts";
import { event, join, leave, listed, member, recorded } from "./testing/contract.ts";
import { startRedisNode, type RedisNode } from "./testing/redis-node.ts";

const failed = { ok: false, reason: "broker_failed" };
const taken = { ok: true };

/** Of the nodes below: short, so that a takeover is soon. */
const leaseMs = 1_000;
const settledMs = leaseMs + 700;

async function startServer(t: TestContext, options?: RedisOptions): Promise<RedisServer> {
  const redis = await startRedis(options);
  t.after(() => redis.stop());
  return redis;
}

async function startNode(
  t: TestContext,
  port: number,
  redis: Partial<RedisBrokerOptions["redis"]> = {},
  options: Parameters<typeof startRedisNode>[1] = {},
): Promise<RedisNode> {
  const servers = { kind: "standalone", host: "127.0.0.1", port } as const;
  const node = await startRedisNode({ servers, nodeLeaseMs: leaseMs, ...redis }, options);
  t.after(() => node.close());
  return node;
}

/** A node that can be cut off from Redis. */
async function startCuttableNode(
  t: TestContext,
  { port }: RedisServer,
  access: Partial<RedisBrokerOptions["redis"]> = {},
): Promise<{ node: RedisNode; proxy: TcpProxy }> {
  const proxy = await startTcpProxy(port);
  t.after(() => proxy.close());
  return { node: await startNode(t, proxy.port, access), proxy };
}

/** Passes connections on to where it is told to lead at that time. */
async function startGate(t: TestContext, firstPort: number) {
  const sockets = new Set<Socket>();
  let target = firstPort;
  const server = createServer((socket) => {
    const onward = connect(target, "127.0.0.1");
    for (const one of [socket, onward]) sockets.add(one.on("error", () => {}));
    socket.on("close", () => onward.destroy());
    onward.on("close", () => socket.destroy());
    socket.pipe(onward).pipe(socket);
  });
  t.after(() => {
    server.close();
    for (const socket of sockets) socket.destroy();
  });
  const port = await freePort();
  server.listen(port, "127.0.0.1");
  await once(server, "listening");
  return { port, leadTo: (to: number) => (target = to) };
}

/** By the second one from now on it knows how far in the log it has come. */
async function untilHeartbeats({ port }: RedisServer, { broker }: RedisNode): Promise<void> {
  const count = async () =>
    Number.parseInt(
      String(await askRedis(port, "HGET", `${baseOf("test", "app")}nodes`, broker.nodeId)),
    );
  const wanted = (await count()) + 2;
  await until("two heartbeats", async () => (await count()) >= wanted);
}

function data(node: RedisNode): unknown[] {
  return node.delivered.map(({ dataJson }) => JSON.parse(dataJson) as unknown);
}

describe("publishing over Redis", { skip: needsRedis(), concurrency: 3 }, () => {
  it("N08: fails while Redis is away, and nobody gets it, not even later", async (t) => {
    const redis = await startServer(t);
    const [a, b] = [await startNode(t, redis.port), await startNode(t, redis.port)];
    for (const node of [a, b]) await join(node, "room");
    await redis.stop();
    await recorded(() => a.log, ["up", "down"]);
    assert.deepEqual(await a.broker.publish([event("room", "lost")]), failed);
    await redis.restart();
    for (const node of [a, b]) await node.broker.whenUp(5_000);
    assert.deepEqual(await b.broker.publish([event("room", "taken")]), taken);
    for (const node of [a, b]) await recorded(() => data(node), ["taken"]);
  });

  it("fails at once where Redis has been away for long: a PHP worker waits for the answer", async (t) => {
    const redis = await startServer(t);
    let nowMs = 0;
    const node = await startNode(t, redis.port, { timeoutMs: 60_000 }, { now: () => nowMs });
    await redis.stop();
    await recorded(() => node.broker.isUp, false);
    nowMs = 60_000;
    assert.deepEqual(await within("an answer", node.broker.publish([event("room")])), failed);
  });

  it("tries again within its time: a restart in between is no failure", async (t) => {
    const redis = await startServer(t);
    const node = await startNode(t, redis.port, { timeoutMs: 5_000 });
    await join(node, "room");
    await redis.kill();
    const publishing = node.broker.publish([event("room", "patient")]);
    await redis.restart();
    assert.deepEqual(await publishing, taken);
    await node.broker.whenUp(5_000);
    await recorded(() => data(node), ["patient"]);
  });

  it("a hung Redis does not deliver later what was answered as failed", async (t) => {
    const redis = await startServer(t);
    const [a, b] = [await startNode(t, redis.port), await startNode(t, redis.port)];
    await join(b, "room");
    redis.pause();
    assert.deepEqual(await a.broker.publish([event("room", "late")]), failed);
    redis.resume();
    for (const node of [a, b]) await recorded(() => node.log.at(-1), "up");
    assert.deepEqual(await a.broker.publish([event("room", "after")]), taken);
    await recorded(() => data(b), ["after"]);
  });

  it("a message sent twice, because no answer came, arrives once", async (t) => {
    const redis = await startServer(t);
    const { node: a, proxy } = await startCuttableNode(t, redis, { timeoutMs: 10_000 });
    const b = await startNode(t, redis.port);
    await join(b, "room");
    // Redis gets it, and its answer is lost on the way.
    proxy.delay(300);
    const publishing = a.broker.publish([event("room", "once")]);
    await recorded(() => data(b), ["once"]);
    await proxy.cut();
    proxy.delay(0);
    await proxy.heal();
    assert.deepEqual(await publishing, taken);
    await a.broker.whenUp(5_000);
    await a.broker.publish([event("room", "next")]);
    await recorded(() => data(b), ["once", "next"]);
  });

  it("takes so many at a time, and refuses the next one", async (t) => {
    const redis = await startServer(t);
    const node = await startNode(t, redis.port, { queueSize: 3 });
    redis.pause();
    const waiting = [1, 2, 3].map(() => node.broker.publish([event("room")]));
    assert.deepEqual(await node.broker.publish([event("room")]), {
      ok: false,
      reason: "broker_queue_full",
    });
    node.broker.relay(event("room"));
    assert.deepEqual(node.log, ["up", "dropped"]);
    redis.resume();
    await Promise.all(waiting);
    await recorded(() => node.broker.isUp, true);
    assert.deepEqual(await node.broker.publish([event("room")]), taken);
  });

  it("has room for publishes, however many client events wait for Redis", async (t) => {
    const redis = await startServer(t);
    const node = await startNode(t, redis.port, { queueSize: 4 });
    redis.pause();
    for (let count = 0; count < 10; count += 1) {
      node.broker.relay(event("room", "x", { isClientEvent: true }));
    }
    const dropped = node.log.filter((line) => line === "dropped");
    assert.equal(dropped.length, 7);
    const publishing = node.broker.publish([event("room")]);
    redis.resume();
    assert.deepEqual(await publishing, taken);
  });

  it("fails where Redis is out of memory, and resumes when it has some", async (t) => {
    const redis = await startServer(t);
    const node = await startNode(t, redis.port);
    await join(node, "room");
    await askRedis(redis.port, "CONFIG", "SET", "maxmemory", "1");
    assert.deepEqual(
      await node.broker.publish([event("room", "no"), event("cache-a", "no")]),
      failed,
    );
    assert.equal(await node.broker.lastEvent("app", "cache-a"), null);
    await askRedis(redis.port, "CONFIG", "SET", "maxmemory", "0");
    assert.deepEqual(await node.broker.publish([event("room", "yes")]), taken);
    await recorded(() => data(node), ["yes"]);
  });

  it("relays of a node that is cut off are dropped, and counted", async (t) => {
    const redis = await startServer(t);
    const { node, proxy } = await startCuttableNode(t, redis);
    await proxy.cut();
    await recorded(() => node.log, ["up", "down"]);
    node.broker.relay(event("room", "x", { isClientEvent: true }));
    await recorded(() => node.log, ["up", "down", "dropped"]);
  });
});

describe("a node that is cut off from Redis", { skip: needsRedis(), concurrency: 3 }, () => {
  for (const how of ["cut", "blackhole"] as const) {
    it(`N13: delivers afterwards, in order and once, what was published meanwhile (${how})`, async (t) => {
      const redis = await startServer(t);
      const { node, proxy } = await startCuttableNode(t, redis);
      const other = await startNode(t, redis.port);
      await join(node, "room");
      await other.broker.publish([event("room", "1")]);
      await recorded(() => data(node), ["1"]);
      await untilHeartbeats(redis, node);
      await proxy[how]();
      for (const text of ["2", "3"]) {
        assert.deepEqual(
          await other.broker.publish([event("room", text), event("elsewhere")]),
          taken,
        );
      }
      await recorded(() => node.log, ["up", "down"]);
      await other.broker.publish([event("room", "4")]);
      await proxy.heal();
      await node.broker.whenUp(5_000);
      await other.broker.publish([event("room", "5")]);
      await recorded(() => data(node), ["1", "2", "3", "4", "5"]);
      assert.ok(
        node.log.some((line) => line.startsWith("replayed")),
        node.log.join(),
      );
    });
  }

  it("Y05: a client that comes back while the missed events are still being read gets none of them twice", async (t) => {
    const redis = await startServer(t);
    const { node, proxy } = await startCuttableNode(t, redis);
    const other = await startNode(t, redis.port);
    const recovery = node.broker.recovery("app", { windowMs: 60_000, maxBytes: 1_000_000 });
    assert.ok(recovery);
    await join(node, "room");
    await untilHeartbeats(redis, node);
    await proxy.cut();
    await recorded(() => node.log, ["up", "down"]);
    for (const text of ["1", "2"]) await other.broker.publish([event("room", text)]);
    // So that the way back takes its time.
    proxy.delay(40);
    await proxy.heal();
    const missed = await until("what was missed", async () => {
      const { promise, resolve } = Promise.withResolvers<Missed>();
      recovery.log.read("room", "0-0", resolve);
      const found = await promise;
      return found.ok && found;
    });
    assert.equal(missed.events.length, 2);
    assert.deepEqual(data(node), ["1", "2"], "delivered before, and not afterwards");
  });

  it("Y05: who was given what it missed has had it, should it leave at once", async (t) => {
    const redis = await startServer(t);
    const node = await startNode(t, redis.port);
    const { log } = node.broker.recovery("app", { windowMs: 60_000, maxBytes: 1_000_000 }) ?? {};
    assert.ok(log);
    const other = await startNode(t, redis.port);
    await other.broker.publish([event("room", "1")]);
    const { promise, resolve } = Promise.withResolvers<Missed>();
    log.read("room", "0-0", resolve);
    const missed = await promise;
    assert.ok(missed.ok && missed.events.length === 1);
    const position = log.positionAt(log.delivered);
    assert.ok(position !== null && log.compare(position, missed.upTo) >= 0);
  });

  it("says so when the log does not reach back far enough", async (t) => {
    const redis = await startServer(t);
    const { node, proxy } = await startCuttableNode(t, redis);
    const other = await startNode(t, redis.port, { timeoutMs: 20_000 });
    await join(node, "room");
    await other.broker.publish([event("room", "1")]);
    await recorded(() => data(node), ["1"]);
    await untilHeartbeats(redis, node);
    await proxy.cut();
    const big = "x".repeat(250_000);
    for (let i = 0; i < 300; i++) {
      assert.deepEqual(await other.broker.publish([event("elsewhere", big)]), taken);
    }
    const [bytes] = [Number(await askRedis(redis.port, "MEMORY", "USAGE", "test:1:{app}:log"))];
    assert.ok(bytes < 75_000_000, `the log is bounded: ${bytes}`);
    await other.broker.publish([event("room", "2")]);
    await proxy.heal();
    await node.broker.whenUp(10_000);
    await recorded(() => data(node), ["1", "2"]);
    assert.ok(node.log.includes("gap"), node.log.join());
  });

  for (const { trimmed, isSaid } of [
    { trimmed: 0, isSaid: false },
    { trimmed: 1, isSaid: true },
  ]) {
    it(`found the log empty: ${trimmed} of what was published since is gone from it`, async (t) => {
      const redis = await startServer(t);
      const { node, proxy } = await startCuttableNode(t, redis);
      const other = await startNode(t, redis.port);
      await join(node, "room");
      await proxy.cut();
      const events = ["1", "2"];
      for (const one of events) await other.broker.publish([event("room", one)]);
      const left = events.slice(trimmed);
      await askRedis(redis.port, "XTRIM", "test:1:{app}:log", "MAXLEN", String(left.length));
      await proxy.heal();
      await node.broker.whenUp(5_000);
      await recorded(() => data(node), left);
      assert.equal(node.log.includes("gap"), isSaid, node.log.join());
    });
  }

  it("the log is bounded by what its entries take, the names of their channels too", async (t) => {
    const redis = await startServer(t);
    const node = await startNode(t, redis.port);
    const channels = Array.from({ length: 100 }, (_, i) => `${"c".repeat(200)}${i}`);
    for (let i = 0; i < 4_500; i += 50) {
      const publishing = Array.from({ length: 50 }, () =>
        node.broker.publish(channels.map((channel) => event(channel))),
      );
      await Promise.all(publishing);
    }
    const bytes = Number(await askRedis(redis.port, "MEMORY", "USAGE", "test:1:{app}:log"));
    assert.ok(bytes > 50_000_000 && bytes < 80_000_000, String(bytes));
  });

  it("a termination reaches it late, and spares who has connected since", async (t) => {
    const redis = await startServer(t);
    const { node, proxy } = await startCuttableNode(t, redis);
    const other = await startNode(t, redis.port);
    await other.broker.publish([event("room", "1")]);
    await untilHeartbeats(redis, node);
    await proxy.cut();
    await other.broker.terminate("app", "7");
    await proxy.heal();
    await recorded(() => node.terminated, ["7"]);
  });

  it("takes new subscriptions alone, and makes them known afterwards", async (t) => {
    const redis = await startServer(t);
    const { node, proxy } = await startCuttableNode(t, redis);
    const other = await startNode(t, redis.port);
    await join(other, "presence-a", member("other"));
    await proxy.cut();
    await recorded(() => node.broker.isUp, false);
    await join(node, "presence-a", member("new"));
    assert.deepEqual(listed(node, "presence-a"), ["new"]);
    assert.deepEqual(await node.presence.findChannels({ prefix: "" }), { ok: false });
    assert.deepEqual(await node.presence.findMembers("presence-a"), { ok: false });
    assert.deepEqual(await node.presence.countConnections(), { ok: false });
    await proxy.heal();
    await recorded(() => listed(node, "presence-a").toSorted(), ["new", "other"]);
    await recorded(() => listed(other, "presence-a").toSorted(), ["new", "other"]);
    await other.broker.publish([event("presence-a", "hello")]);
    await recorded(() => data(node), ["hello"]);
  });

  it("N16: a cut shorter than the lease is no news, but for who has left", async (t) => {
    const redis = await startServer(t);
    const { node, proxy } = await startCuttableNode(t, redis);
    const other = await startNode(t, redis.port);
    await join(node, "presence-a", member("stays here"));
    await join(node, "presence-a", member("leaves here"));
    await join(other, "presence-a", member("stays there"));
    await join(other, "presence-a", member("leaves there"));
    await recorded(() => listed(node, "presence-a").length, 4);
    await recorded(() => listed(other, "presence-a").length, 4);
    for (const { changes } of [node, other]) changes.length = 0;
    await proxy.cut();
    await recorded(() => node.broker.isUp, false);
    leave(node, "presence-a", member("leaves here"));
    leave(other, "presence-a", member("leaves there"));
    await proxy.heal();
    await node.broker.whenUp(5_000);
    await sleep(settledMs);
    const left = ["- presence-a leaves here", "- presence-a leaves there"];
    for (const { changes } of [node, other]) await recorded(() => changes.toSorted(), left);
  });

  it("a cut longer than the lease: its members leave for the others, and come again", async (t) => {
    const redis = await startServer(t);
    const { node, proxy } = await startCuttableNode(t, redis);
    const other = await startNode(t, redis.port);
    await join(node, "presence-a", member("1"));
    await join(other, "presence-a");
    node.webhookEvents.length = other.changes.length = 0;
    await proxy.cut();
    await recorded(() => other.changes, ["- presence-a 1"]);
    assert.deepEqual(node.changes, ["+ presence-a 1"]);
    await proxy.heal();
    await recorded(() => other.changes, ["- presence-a 1", "+ presence-a 1"]);
    assert.deepEqual(node.changes, ["+ presence-a 1"]);
    await recorded(
      () => [...other.webhookEvents, ...node.webhookEvents].map(({ name }) => name),
      ["member_removed", "member_added"],
    );
  });
});

describe("presence over Redis", { skip: needsRedis(), concurrency: 3 }, () => {
  it("N14: a dead node's members leave once, announced by one survivor, within the lease", async (t) => {
    const redis = await startServer(t);
    const { node: dying, proxy } = await startCuttableNode(t, redis);
    let nowMs = 0;
    const clock = { now: () => nowMs };
    const survivors = [
      await startNode(t, redis.port, {}, clock),
      await startNode(t, redis.port, {}, clock),
    ];
    for (const node of survivors) await join(node, "presence-a", member("everywhere"));
    for (let i = 0; i < 500; i++) await join(dying, "presence-a", member(`u${i}`));
    await join(dying, "presence-a", member("everywhere"));
    await join(dying, "only-there");
    dying.presence.setConnectionCount(501);
    for (const node of survivors) await recorded(() => listed(node, "presence-a").length, 501);
    await proxy.cut();
    await recorded(() => dying.broker.isUp, false);
    // Until both have seen its last heartbeat.
    await sleep(leaseMs);
    for (const node of survivors) assert.equal(listed(node, "presence-a").length, 501);
    nowMs = leaseMs;
    for (const node of survivors) await recorded(() => listed(node, "presence-a"), ["everywhere"]);
    const removed = survivors.map(
      ({ changes }) => new Set(changes.filter((change) => change.startsWith("-"))).size,
    );
    assert.deepEqual(removed, [500, 500]);
    const ended = () =>
      survivors
        .flatMap((node) => node.webhookEvents.map((event) => JSON.stringify(event)))
        .filter((event) => /removed|vacated/.test(event));
    await recorded(() => new Set(ended()).size, 501);
    assert.equal(ended().length, 501, "each is said to one survivor");
    const [survivor] = survivors;
    assert.deepEqual(await survivor?.presence.countConnections(), { ok: true, value: 0 });
    assert.deepEqual(await survivor?.presence.findChannels({ prefix: "" }), {
      ok: true,
      value: [{ name: "presence-a", subscriptionCount: 2, userCount: 1 }],
    });
    // Nothing is left of it.
    const keys = await askRedis(redis.port, "KEYS", "*");
    assert.ok(Array.isArray(keys));
    assert.equal(keys.filter((key) => String(key).includes(":node:")).length, 2);
  });

  it("N14: a user who reaches another node before the lease ends never left", async (t) => {
    const redis = await startServer(t);
    const { node: dying, proxy } = await startCuttableNode(t, redis);
    const survivor = await startNode(t, redis.port);
    await join(dying, "presence-a", member("1"));
    await join(survivor, "presence-a", member("2"));
    await proxy.cut();
    await join(survivor, "presence-a", member("1"));
    await sleep(settledMs);
    assert.deepEqual(listed(survivor, "presence-a"), ["1", "2"]);
    assert.deepEqual(survivor.changes, ["+ presence-a 1", "+ presence-a 2"]);
  });

  it("O04: a node knows whether it is alone, while Redis is lost too", async (t) => {
    const redis = await startServer(t);
    const unconnected = await startNode(t, await freePort(), {}, { whenUp: false });
    assert.equal(unconnected.broker.isAlone, false, "nobody knows");
    const a = await startNode(t, redis.port);
    await recorded(() => a.broker.isAlone, true);
    const b = await startNode(t, redis.port);
    for (const { broker } of [a, b]) await recorded(() => broker.isAlone, false);
    await redis.stop();
    for (const { broker } of [a, b]) await recorded(() => broker.isUp, false);
    assert.deepEqual([a.broker.isAlone, b.broker.isAlone], [false, false]);
    await redis.restart();
    for (const { broker } of [a, b]) await recorded(() => broker.isUp, true);
    await b.close();
    await recorded(() => a.broker.isAlone, true);
    await redis.stop();
    await recorded(() => a.broker.isUp, false);
    assert.equal(a.broker.isAlone, true);
  });

  it("N15: a node that stops hands over: who comes back elsewhere is no news, who does not is removed at once", async (t) => {
    const redis = await startServer(t);
    const stopping = await startNode(t, redis.port, { nodeLeaseMs: 30_000 });
    const other = await startNode(t, redis.port, { nodeLeaseMs: 30_000 });
    await join(other, "presence-a");
    for (const id of ["comes", "goes"]) await join(stopping, "presence-a", member(id));
    await recorded(() => other.changes.length, 2);
    other.changes.length = 0;
    stopping.broker.beginDrain();
    for (const id of ["comes", "goes"]) leave(stopping, "presence-a", member(id));
    await join(other, "presence-a", member("comes"));
    assert.deepEqual(other.changes, []);
    await stopping.close();
    await recorded(() => other.changes, ["- presence-a goes"]);
  });

  for (const how of ["a restart that loses all", "a flush"] as const) {
    it(`N16: ${how} is no news, but for who has left meanwhile`, async (t) => {
      const redis = await startServer(t);
      const nodes = [await startNode(t, redis.port), await startNode(t, redis.port)];
      const [a, b] = nodes;
      if (!a || !b) return;
      await join(a, "presence-a", member("a"));
      await join(a, "presence-a", member("both"));
      await join(a, "presence-a", member("left"));
      await join(b, "presence-a", member("b"));
      await join(b, "presence-a", member("both"));
      await join(b, "room");
      await join(a, "#server-to-user-7", member("7"));
      await join(b, "#server-to-user-7");
      for (const node of nodes) await recorded(() => listed(node, "presence-a").length, 4);
      for (const { changes, webhookEvents } of nodes) changes.length = webhookEvents.length = 0;
      if (how === "a flush") {
        await askRedis(redis.port, "FLUSHALL");
        leave(a, "presence-a", member("left"));
      } else {
        await redis.kill();
        await recorded(() => a.broker.isUp, false);
        leave(a, "presence-a", member("left"));
        await redis.restart({ empty: true });
      }
      for (const node of nodes) await recorded(() => node.log.at(-1), "up");
      await sleep(settledMs);
      for (const { changes } of nodes) await recorded(() => changes, ["- presence-a left"]);
      const webhookEvents = nodes.flatMap((node) => node.webhookEvents);
      const expected = [{ name: "member_removed", channel: "presence-a", user_id: "left" }];
      await recorded(() => nodes.flatMap((node) => node.webhookEvents), expected);
      assert.deepEqual(webhookEvents.length <= 1, true);
      assert.deepEqual(
        await b.presence
          .findMembers("presence-a")
          .then((found) =>
            found.ok ? found.value.map(({ userId }) => String(userId)).toSorted() : null,
          ),
        ["a", "b", "both"],
      );
      assert.deepEqual(await a.presence.findChannels({ names: ["room"] }), {
        ok: true,
        value: [{ name: "room", subscriptionCount: 1, userCount: 0 }],
      });
    });
  }

  it("Redis that is down at the start is there later", async (t) => {
    const redis = await startServer(t);
    await redis.stop();
    const node = await startNode(t, redis.port, {}, { whenUp: false });
    assert.equal(node.broker.isUp, false);
    await join(node, "presence-a", member("early"));
    leave(node, "presence-a", member("early"));
    await join(node, "presence-a", member("stays"));
    assert.deepEqual(listed(node, "presence-a"), ["stays"]);
    assert.deepEqual(await node.broker.publish([event("presence-a")]), failed);
    await redis.restart();
    await node.broker.whenUp(5_000);
    const other = await startNode(t, redis.port);
    await join(other, "presence-a");
    assert.deepEqual(listed(other, "presence-a"), ["stays"]);
    assert.deepEqual(await other.broker.publish([event("presence-a", "x")]), taken);
    await recorded(() => data(node), ["x"]);
  });

  it("a command sent before an outage, which Redis runs late, changes nothing", async (t) => {
    const redis = await startServer(t);
    const [a, b] = [await startNode(t, redis.port), await startNode(t, redis.port)];
    await join(b, "presence-a");
    redis.pause();
    // Waits in Redis' socket; meanwhile its node gives the connection up, and the member leaves.
    const joining = join(a, "presence-a", member("ghost"));
    await recorded(() => a.broker.isUp, false);
    await joining;
    leave(a, "presence-a", member("ghost"));
    redis.resume();
    for (const node of [a, b]) await recorded(() => node.log.at(-1), "up");
    await sleep(settledMs);
    assert.deepEqual(listed(b, "presence-a"), []);
    assert.deepEqual(await b.presence.findMembers("presence-a"), { ok: true, value: [] });
  });

  it("a subscriber who enters while the last one leaves sees the next member join", async (t) => {
    const redis = await startServer(t);
    const access = { nodeLeaseMs: 30_000 };
    const { node: slow, proxy } = await startCuttableNode(t, redis, access);
    const leaving = await startNode(t, redis.port, access);
    const coming = await startNode(t, redis.port, access);
    const channel = "presence-a";
    for (const id of ["1", "2", "3"]) await join(leaving, channel, member(id));
    await join(slow, "presence-crowd");
    proxy.delay(30);
    // A crowd before it, so that what this node has is registered late.
    for (let i = 0; i < 3_000; i++) slow.presence.join("presence-crowd", member(i), () => {});
    await sleep(10);
    const entering = join(slow, channel);
    await recorded(() => listed(slow, channel), ["1", "2", "3"]);
    for (const id of ["1", "2", "3"]) leave(leaving, channel, member(id));
    await entering;
    await join(coming, channel, member("next"));
    await recorded(() => listed(slow, channel), ["next"]);
  });

  it("an end waits for the grace, on whichever node it is undone", async (t) => {
    const redis = await startServer(t);
    const options = { graceMs: 400 };
    const [a, b] = [
      await startNode(t, redis.port, {}, options),
      await startNode(t, redis.port, {}, options),
    ];
    await join(a, "presence-a", member("1"));
    await join(a, "presence-a", member("2"));
    leave(a, "presence-a", member("1"));
    leave(a, "presence-a", member("2"));
    await sleep(100);
    await join(b, "presence-a", member("1"));
    await sleep(900);
    const webhookEvents = [...a.webhookEvents, ...b.webhookEvents]
      .map((event) => JSON.stringify(event))
      .toSorted();
    assert.deepEqual(webhookEvents, [
      '{"name":"channel_occupied","channel":"presence-a"}',
      '{"name":"member_added","channel":"presence-a","user_id":"1"}',
      '{"name":"member_added","channel":"presence-a","user_id":"2"}',
      '{"name":"member_removed","channel":"presence-a","user_id":"2"}',
    ]);
  });

  it("without webhooks nothing is kept for them", async (t) => {
    const redis = await startServer(t);
    const node = await startNode(t, redis.port, {}, { graceMs: null });
    await join(node, "presence-a");
    await join(node, "presence-a", member("1"));
    leave(node, "presence-a", member("1"));
    await recorded(() => node.changes.length, 2);
    assert.deepEqual(node.webhookEvents, []);
    assert.equal(await askRedis(redis.port, "EXISTS", "test:1:{app}:ends"), 0);
  });
});

describe("after an outage of Redis", { skip: needsRedis(), concurrency: 3 }, () => {
  /** By it no lease is ever over, and nobody is silent for long. */
  const standingStill = { now: () => 0 };

  for (const how of ["a flush", "a restart that loses all", "a restart with its data"] as const) {
    it(`N16: ${how}: who has left is removed once all nodes are back, whatever the lease`, async (t) => {
      const redis = await startServer(t, { isPersistent: how === "a restart with its data" });
      const nodes = [
        await startNode(t, redis.port, {}, standingStill),
        await startNode(t, redis.port, {}, standingStill),
      ];
      const [a, b] = nodes;
      if (!a || !b) return;
      for (const id of ["a", "both", "left"]) await join(a, "presence-a", member(id));
      for (const id of ["b", "both"]) await join(b, "presence-a", member(id));
      for (const node of nodes) await recorded(() => node.broker.nodeCount, 2);
      for (const node of nodes) await recorded(() => listed(node, "presence-a").length, 4);
      for (const { changes } of nodes) changes.length = 0;
      if (how === "a flush") {
        await askRedis(redis.port, "FLUSHALL");
        leave(a, "presence-a", member("left"));
      } else {
        await (how === "a restart with its data" ? redis.stop() : redis.kill());
        for (const node of nodes) await recorded(() => node.broker.isUp, false);
        leave(a, "presence-a", member("left"));
        await redis.restart();
      }
      const states = ["up", "down", "up"];
      for (const { log } of nodes) {
        await recorded(() => log.filter((line) => states.includes(line)), states);
      }
      for (const { changes } of nodes) await recorded(() => changes, ["- presence-a left"]);
      leave(b, "presence-a", member("b"));
      const left = ["- presence-a left", "- presence-a b"];
      for (const { changes } of nodes) await recorded(() => changes, left);
    });
  }

  it("N16: one node alone was cut off: it believes the others once they have had a heartbeat", async (t) => {
    const redis = await startServer(t);
    const proxy = await startTcpProxy(redis.port);
    t.after(() => proxy.close());
    const node = await startNode(t, proxy.port, {}, standingStill);
    const other = await startNode(t, redis.port, {}, standingStill);
    await join(node, "presence-a", member("stays here"));
    for (const id of ["stays there", "leaves there"]) await join(other, "presence-a", member(id));
    await recorded(() => node.broker.nodeCount, 2);
    await recorded(() => listed(node, "presence-a").length, 3);
    node.changes.length = 0;
    await proxy.cut();
    await recorded(() => node.broker.isUp, false);
    leave(other, "presence-a", member("leaves there"));
    await proxy.heal();
    await recorded(() => node.changes, ["- presence-a leaves there"]);
  });

  it("N16: a node that came just before the outage is waited for too", async (t) => {
    const redis = await startServer(t);
    // Heartbeats are a second apart, so that neither has seen one of the other.
    const options = { nodeLeaseMs: 30_000 };
    const early = await startNode(t, redis.port, options);
    const late = await startNode(t, redis.port, options);
    await join(late, "presence-a", member("late"));
    await join(early, "presence-a", member("early"));
    await askRedis(redis.port, "FLUSHALL");
    for (const { log } of [early, late]) await recorded(() => log, ["up", "down", "up"]);
    await recorded(
      () =>
        early.presence.findMembers("presence-a").then((found) => found.ok && found.value.length),
      2,
    );
    leave(late, "presence-a", member("late"));
    const changes = ["+ presence-a late", "+ presence-a early", "- presence-a late"];
    await recorded(() => early.changes, changes);
  });

  it("N16: a node that does not come back keeps its members listed for one lease", async (t) => {
    const redis = await startServer(t);
    let nowMs = 0;
    const node = await startNode(t, redis.port, {}, { now: () => nowMs });
    const dying = await startNode(t, redis.port, {}, standingStill);
    await join(node, "presence-a", member("1"));
    await join(dying, "presence-a", member("2"));
    await recorded(() => node.broker.nodeCount, 2);
    await recorded(() => listed(node, "presence-a"), ["1", "2"]);
    await redis.kill();
    await recorded(() => dying.broker.isUp, false);
    await dying.close();
    await redis.restart();
    await node.broker.whenUp(5_000);
    await recorded(() => node.broker.nodeCount, 1);
    await join(node, "presence-b", member("some heartbeats later"));
    assert.deepEqual(listed(node, "presence-a"), ["1", "2"]);
    nowMs = leaseMs;
    await recorded(() => listed(node, "presence-a"), ["1"]);
  });
});

describe("what Redis does by itself", { skip: needsRedis(), concurrency: 3 }, () => {
  const base = baseOf("test", "app");
  async function startScripts(t: TestContext) {
    const redis = await startServer(t);
    const access = { username: null, password: null, db: 0, tls: null, timeoutMs: 1_000 };
    const servers = { kind: "standalone", host: "127.0.0.1", port: redis.port } as const;
    const links = createLinks({ ...access, servers });
    t.after(() => links.close());
    await recorded(() => links.isReady, true);
    const run: RunScript = (script, ...args) => links.run(script, { base, graceMs: 0 }, ...args);
    return { run, keys: () => askRedis(redis.port, "KEYS", "*"), port: redis.port };
  }

  const change: RegistrationChange = {
    kind: "channel",
    channel: "presence-a",
    count: 1,
    isNews: true,
  };
  const began = (occupancy: Occupancy) => ({ occupancy, change: "began" });
  const ended = (occupancy: Occupancy) => ({ occupancy, change: "ended" });
  const channel: Occupancy = { kind: "channel", channel: "presence-a" };

  it("the log is read in pages of a MiB or so: each arrives in time, however large its events are", async (t) => {
    const { run } = await startScripts(t);
    const limits = { maxLogEntries: 100, maxLogBytes: 100_000_000, cacheTtlMs: 1_000 };
    const channels = [{ name: "room", isCached: false }];
    for (const bytes of [400_000, 400_000, 400_000, 3_000_000, 10]) {
      const deadlineMs = Date.now() + 10_000;
      const publications = [{ message: "x".repeat(bytes), channels }];
      assert.equal(await run(publish, { ...limits, deadlineMs }, publications), true);
    }
    const pages: number[][] = [];
    for (let after = "0-0"; ;) {
      const { entries, upTo, isLast } = await run(readLog, `(${after}`, "+", 200);
      pages.push(entries.map(({ message }) => message.length));
      if (isLast) break;
      after = upTo ?? assert.fail("a page of nothing");
    }
    assert.deepEqual(pages, [[400_000, 400_000, 400_000], [3_000_000], [10]]);
    const { entries, isLast } = await run(readLog, "(0-0", "+", 2);
    assert.deepEqual([entries.length, isLast], [2, false]);
  });

  it("a publish whose time is over leaves nothing behind", async (t) => {
    const { run, keys } = await startScripts(t);
    const limits = { maxLogEntries: 10, maxLogBytes: 1_000, cacheTtlMs: 1_000 };
    const channels = [
      { name: "room-cache", isCached: true },
      { name: "room", isCached: false },
    ];
    const publications = [{ message: "message", channels }];
    const late = { ...limits, deadlineMs: Date.now() - 1 };
    assert.equal(await run(publish, late, publications), false);
    assert.deepEqual(await keys(), []);
    assert.equal(
      await run(publish, { ...limits, deadlineMs: Date.now() + 10_000 }, publications),
      true,
    );
    assert.notDeepEqual(await keys(), []);
  });

  it("a node is given up only while it is as silent as it was seen", async (t) => {
    const { run, keys } = await startScripts(t);
    await run(joinCluster, "n", 1, null);
    const joins = { kind: "member_added", channel: "presence-a", user: "1", member: "{}" } as const;
    await run(register, "n", 1, [change, { ...joins, isNews: true }]);
    const send = async () => {
      const asked = { echo: "echo", newEpoch: "epoch", hasSynced: true };
      return (await run(heartbeat, "n", asked)).nodes.get("n")?.text ?? "";
    };
    const seen = await send();
    const now = await send();
    assert.notEqual(seen, now);
    const before = await keys();
    const notDue = { outcome: "not_due", isFirst: false, transitions: [] };
    assert.deepEqual(await run(giveUp, "n", seen), notDue, "it has sent another since");
    assert.deepEqual(await run(giveUp, "nobody", "1"), notDue);
    assert.deepEqual(await keys(), before);
    const member: Occupancy = { kind: "member", channel: "presence-a", userKey: "1" };
    assert.deepEqual(
      await run(giveUp, "n", now),
      { outcome: "more_to_do", isFirst: true, transitions: [ended(member)] },
      "members first",
    );
    // Begun, and gone on with by whoever found it dead at the same time, or sees that it is begun.
    const last = { outcome: "done", isFirst: false, transitions: [ended(channel)] };
    assert.deepEqual(await run(giveUp, "n", now), last);
    assert.deepEqual(await run(giveUp, "n", "claimed"), notDue);
    assert.equal(await run(register, "n", 1, [change]), null);
  });

  it("an unknown field of a node does not keep it from being removed", async (t) => {
    const { run, port } = await startScripts(t);
    await run(joinCluster, "n", 1, null);
    for (const field of ["m:presence-a", "x", "c:"]) {
      await askRedis(port, "HSET", `${base}node:n`, field, "1");
    }
    let outcome = "more_to_do";
    for (let i = 0; i < 4 && outcome === "more_to_do"; i++) {
      ({ outcome } = await run(giveUp, "n", null));
    }
    assert.equal(outcome, "done");
    assert.equal(await askRedis(port, "EXISTS", `${base}node:n`), 0);
  });

  it("a command that a node sent in an earlier term is not run", async (t) => {
    const { run } = await startScripts(t);
    await run(joinCluster, "n", 2, null);
    assert.equal(await run(register, "n", 1, [change]), null);
    assert.deepEqual(await run(register, "n", 2, [change]), [began(channel)]);
  });
});

describe("messages in Redis", { skip: needsRedis(), concurrency: 3 }, () => {
  it("N17: a message that is not from a node is ignored, and counted", async (t) => {
    const redis = await startServer(t);
    const node = await startNode(t, redis.port);
    await join(node, "presence-a", member("1"));
    await join(node, "room");
    const garbage: readonly (readonly [string, string])[] = [
      ["not_json", "garbage"],
      ["not_json", "[1]"],
      ["not_json", "[".repeat(100_000)],
      ["bad_fields", "{}"],
      ["newer_version", '{"v":2,"type":"event"}'],
      ["unknown_type", '{"v":1,"type":"constructor"}'],
      ["unknown_type", '{"v":1,"type":7}'],
      ["bad_fields", '{"v":1,"type":"event","id":"1","node":"n","event":"e","data":"{not json"}'],
      ["bad_fields", '{"v":1,"type":"event","id":1,"node":"n","event":"e","data":"{}"}'],
      ["bad_fields", '{"v":1,"type":"member_added","version":-1,"member":"{}"}'],
      ["bad_fields", '{"v":1,"type":"member_added","version":1,"member":"{}"}'],
      ["bad_fields", '{"v":1,"type":"member_removed","version":1}'],
      ["bad_fields", '{"v":1,"type":"subscription_count","count":1.5}'],
      ["bad_fields", '{"v":1,"type":"terminate","id":"x","user":{}}'],
    ];
    for (const [, text] of garbage) {
      await askRedis(redis.port, "PUBLISH", "test:1:{app}:t:presence-a", text);
    }
    await askRedis(redis.port, "PUBLISH", "test:1:{other}:t:room", "not for us");
    await recorded(() => node.log, ["up", ...garbage.map(([fault]) => `ignored ${fault}`)]);
    await node.broker.publish([event("room", "still works")]);
    await recorded(() => data(node), ["still works"]);
  });

  it("a message of a node that knows more is understood as far as it goes", async (t) => {
    const redis = await startServer(t);
    const node = await startNode(t, redis.port);
    await join(node, "room");
    const message = {
      v: 1,
      type: "event",
      id: "other.1",
      node: "other",
      event: "e",
      data: '"x"',
      since: 3,
    };
    const topic = "test:1:{app}:t:room";
    await askRedis(redis.port, "PUBLISH", topic, JSON.stringify(message));
    await recorded(() => data(node), ["x"]);
  });
});

describe("access to Redis", { skip: needsRedis(), concurrency: 3 }, () => {
  it("a wrong password is said in Redis' words, and nothing of it", async (t) => {
    const redis = await startServer(t, { password: "right" });
    const node = await startNode(t, redis.port, { password: "wrong-one" }, { whenUp: false });
    await recorded(() => /WRONGPASS/.test(node.broker.lastError), true);
    assert.ok(!node.broker.lastError.includes("wrong-one"));
    assert.equal(node.broker.isUp, false);
  });

  it("a Redis that repeats what it was sent has nothing of it passed on", async (t) => {
    const args = ["--rename-command", "HELLO", "", "--rename-command", "AUTH", ""];
    const redis = await startServer(t, { args });
    const node = await startNode(t, redis.port, { password: "s3cret" }, { whenUp: false });
    const said = new Set<string>();
    const timer = setInterval(() => said.add(node.broker.lastError), 1);
    t.after(() => clearInterval(timer));
    await recorded(() => [...said].some((text) => /unknown command/.test(text)), true);
    assert.doesNotMatch([...said].join(), /s3cret/);
  });

  it("a database that Redis does not have is no other one", async (t) => {
    const redis = await startServer(t);
    const node = await startNode(t, redis.port, { db: 99 }, { whenUp: false });
    await recorded(() => /DB index is out of range/.test(node.broker.lastError), true);
    assert.equal(node.broker.isUp, false);
    assert.deepEqual(await askRedis(redis.port, "KEYS", "*"), []);
  });

  it("a server that hangs is left for the one that is there now", async (t) => {
    const [hung, healthy] = [await startServer(t), await startServer(t)];
    const gate = await startGate(t, hung.port);
    const node = await startNode(t, gate.port, { timeoutMs: 500 });
    hung.pause();
    await recorded(() => node.broker.isUp, false);
    // Long enough for the links to come and wait in its handshake.
    await sleep(1_500);
    gate.leadTo(healthy.port);
    await recorded(() => node.broker.isUp, true);
    hung.resume();
  });

  it("links that lead to two servers are lost, and found again at one", async (t) => {
    const [old, current] = [await startServer(t), await startServer(t)];
    const gate = await startGate(t, old.port);
    const node = await startNode(t, gate.port, { timeoutMs: 500 });
    await join(node, "room");
    // An old master that is still there: the link that brings what is published knows nothing of the new one.
    gate.leadTo(current.port);
    await askRedis(old.port, "CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes");
    await recorded(async () => {
      const topics = await askRedis(current.port, "PUBSUB", "CHANNELS");
      return Array.isArray(topics) && topics.length;
    }, 3);
    await recorded(() => node.broker.isUp, true);
    assert.deepEqual(await node.broker.publish([event("room", "x")]), taken);
    await recorded(() => data(node), ["x"]);
  });

  it("TLS: who is believed is checked, and spoken to alone", async (t) => {
    const folder = await mkdtemp(joinPath(tmpdir(), "redis-tls-"));
    t.after(() => rm(folder, { recursive: true }));
    const { key, cert } = createCertificate();
    const [keyFile, certFile] = [joinPath(folder, "key.pem"), joinPath(folder, "cert.pem")];
    await Promise.all([writeFile(keyFile, key), writeFile(certFile, cert)]);
    const tlsPort = await freePort();
    const files = ["--tls-key-file", keyFile, "--tls-cert-file", certFile];
    const rest = ["--tls-ca-cert-file", certFile, "--tls-auth-clients", "no"];
    await startServer(t, { args: ["--tls-port", String(tlsPort), ...files, ...rest] });
    const untrusting = await startNode(
      t,
      tlsPort,
      { tls: { ca: null, isVerified: true } },
      { whenUp: false },
    );
    await recorded(() => /self-signed/.test(untrusting.broker.lastError), true);
    for (const tls of [
      { ca: cert, isVerified: true },
      { ca: null, isVerified: false },
    ]) {
      const node = await startNode(t, tlsPort, { tls });
      assert.ok(node.broker.isUp);
    }
  });

  it("apps of different prefixes, and of different ids, never meet", async (t) => {
    const redis = await startServer(t);
    const a = await startNode(t, redis.port, { prefix: "one" });
    const b = await startNode(t, redis.port, { prefix: "two" });
    const c = await startNode(t, redis.port, { prefix: "one" }, { appId: "a}p{p" });
    for (const node of [a, b, c]) await join(node, "presence-a", member("1"));
    await a.broker.publish([event("presence-a", "a")]);
    await recorded(() => data(a), ["a"]);
    assert.deepEqual([b.delivered, c.delivered], [[], []]);
    assert.deepEqual(await b.presence.findChannels({ prefix: "" }), {
      ok: true,
      value: [{ name: "presence-a", subscriptionCount: 1, userCount: 1 }],
    });
  });
});
