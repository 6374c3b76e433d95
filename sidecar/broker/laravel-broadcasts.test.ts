import assert from "node:assert/strict";
import { after, before, describe, it, type TestContext } from "node:test";
import type { App } from "../core/app.ts";
import { createTestNode, type TestNode } from "../core/testing/doubles.ts";
import { until } from "../testing/eventually.ts";
import { connectRedis } from "../testing/redis/redis-client.ts";
import { startRedisCluster } from "../testing/redis/redis-cluster.ts";
import { needsRedis } from "../testing/redis/redis-needs.ts";
import { startRedis, type RedisServer } from "../testing/redis/redis-server.ts";
import { createLaravelBroadcasts } from "./laravel-broadcasts.ts";
import type { RedisAccess } from "./redis/clients.ts";

type Servers = RedisAccess["servers"];

/** A node that listens, up unless it can't be. */
async function listenTo(
  test: TestContext,
  servers: Servers,
  options: { apps?: readonly [prefix: string, node: TestNode][]; app?: Partial<App> } = {},
) {
  const { apps = [["laravel_", createTestNode(options.app ? { app: options.app } : {})]] } =
    options;
  const [first] = apps;
  assert.ok(first);
  const [, node] = first;
  const broadcasts = createLaravelBroadcasts({
    redis: {
      servers,
      username: null,
      password: null,
      db: 0,
      tls: null,
      timeoutMs: 500,
      readyWithoutRedis: false,
    },
    apps: apps.map(([prefix, { hub }]) => ({ hub, prefix })),
    broker: node.broker,
    maxMessageBytes: 100_000,
    now: () => 0,
    report: node.reports.report,
  });
  test.after(() => broadcasts.close());
  await broadcasts.whenUp();
  return { node, broadcasts };
}

const message = (data: object, socket: string | null = null, event = "e"): string =>
  JSON.stringify({ event, data: { ...data, socket }, socket });

describe("what Laravel's redis driver publishes", { skip: needsRedis() }, () => {
  let redis: RedisServer;
  const servers = (): Servers => ({ kind: "standalone", host: "127.0.0.1", port: redis.port });
  before(async () => {
    redis = await startRedis();
  });
  after(() => redis.stop());

  it("R01, R03: reaches the subscribers of every node, once", async (test) => {
    const nodes = [await listenTo(test, servers()), await listenTo(test, servers())];
    const clients = nodes.map(({ node }) => node.connect());
    for (const client of clients) await client.say(subscribeTo("news"));
    const laravel = connectRedis(test, redis.port);
    for (const n of [1, 2]) await laravel.publish("laravel_news", message({ n }));
    for (const { transport } of clients) {
      await until("two events", () => transport.messages.length >= 2);
      assert.deepEqual(transport.take(), [
        { event: "e", data: '{"n":1}', channel: "news" },
        { event: "e", data: '{"n":2}', channel: "news" },
      ]);
    }
    for (const { node } of nodes) assert.equal(node.reports.of("messages_published").length, 2);
  });

  it("R02: leaves out the connection that it names", async (test) => {
    const { node } = await listenTo(test, servers());
    const [sender, other] = [node.connect(), node.connect()];
    for (const client of [sender, other]) await client.say(subscribeTo("news"));
    const laravel = connectRedis(test, redis.port);
    await laravel.publish("laravel_news", message({}, sender.socketId));
    await until("the event", () => other.transport.messages.length === 1);
    assert.deepEqual(sender.transport.messages, []);
  });

  it("R04: is refused as over HTTP, and the refusal says that it came over Redis", async (test) => {
    const app = {
      maxEventNameLength: 5,
      maxEventDataBytes: 100,
      publishRate: { perSecond: 1, burst: 1 },
    };
    const { node } = await listenTo(test, servers(), { app });
    const laravel = connectRedis(test, redis.port);
    const published: readonly (readonly [channel: string, text: string])[] = [
      ["news", "x".repeat(100_001)],
      ["news", "not JSON"],
      ["news", "{}"],
      ["a b", message({})],
      ["n".repeat(257), message({})],
      ["news", message({}, null, "too long")],
      ["news", message({ text: "x".repeat(100) })],
      ["news", message({})],
      ["news", message({})],
    ];
    for (const [channel, text] of published) await laravel.publish(`laravel_${channel}`, text);
    const refusals = () => node.reports.of("publish_refused");
    await until("all refusals", () => refusals().length === 8);
    assert.deepEqual(
      refusals().map(({ reason }) => reason),
      [
        "payload_too_large",
        "invalid_payload_json",
        "invalid_fields",
        "invalid_channel",
        "channel_too_long",
        "event_too_long",
        "payload_too_large",
        "rate_limited",
      ],
    );
    assert.ok(refusals().every(({ isFromRedis }) => isFromRedis));
    assert.equal(node.reports.of("messages_published").length, 1);
  });

  it("R06: belongs to the app whose prefix it has; nobody's is left alone", async (test) => {
    const nodes = [createTestNode(), createTestNode()] as const;
    // To PSUBSCRIBE the second would be a pattern that the first has too.
    const apps: [string, TestNode][] = [
      ["shop_x_", nodes[0]],
      ["shop_?_", nodes[1]],
    ];
    await listenTo(test, servers(), { apps });
    const laravel = connectRedis(test, redis.port);
    for (const name of ["shop_x_a", "shop_?_a", "shop_y_a", "news"]) {
      await laravel.publish(name, message({}));
    }
    const { reports } = nodes[0];
    await until("both events", () => reports.of("messages_published").length === 2);
    assert.deepEqual(reports.of("publish_refused"), []);
  });

  it("R06: without a prefix the nodes' own messages are not taken for Laravel's", async (test) => {
    const { node } = await listenTo(test, servers(), { apps: [["", createTestNode()]] });
    const laravel = connectRedis(test, redis.port);
    await laravel.publish("pogo:1:{app-id}:t:news", '{"v":1,"type":"event"}');
    await laravel.publish("news", message({}));
    await until("the event", () => node.reports.of("messages_published").length === 1);
    assert.deepEqual(node.reports.of("publish_refused"), []);
  });

  it("R07: is the last event of a cache channel", async (test) => {
    const { node } = await listenTo(test, servers());
    const laravel = connectRedis(test, redis.port);
    await laravel.publish("laravel_cache-news", message({ n: 1 }));
    await until("the event", () => node.reports.of("messages_published").length === 1);
    const answers = await node.connect().say(subscribeTo("cache-news"));
    assert.equal(answers.at(-1)?.["data"], '{"n":1}');
  });

  it("R05: is listened to again after Redis was away, and after it hung", async (test) => {
    const other = await startRedis();
    test.after(() => other.stop());
    const { node, broadcasts } = await listenTo(test, {
      kind: "standalone",
      host: "127.0.0.1",
      port: other.port,
    });
    const seen = () => node.reports.of("redis_broadcasts_connected", "redis_broadcasts_lost");
    assert.equal(broadcasts.isReady(), true);
    await other.stop();
    await until("Redis to be lost", () => !broadcasts.isUp);
    assert.equal(broadcasts.isReady(), false);
    await other.restart();
    await until("Redis to be back", () => broadcasts.isUp);
    other.pause();
    await until("a hung Redis to be given up", () => !broadcasts.isUp);
    other.resume();
    await until("Redis to be back once more", () => broadcasts.isUp);
    assert.deepEqual(
      seen().map(({ kind }) => kind.replace("redis_broadcasts_", "")),
      ["connected", "lost", "connected", "lost", "connected"],
    );
    const laravel = connectRedis(test, other.port);
    await laravel.publish("laravel_news", message({}));
    await until("the event", () => node.reports.of("messages_published").length === 1);
  });

  it("R05: a Redis that is not there at the start is said once, and waited for", async (test) => {
    const other = await startRedis();
    test.after(() => other.stop());
    await other.stop();
    const { node, broadcasts } = await listenTo(test, {
      kind: "standalone",
      host: "127.0.0.1",
      port: other.port,
    });
    assert.equal(node.reports.of("redis_broadcasts_lost").length, 1);
    await other.restart();
    await until("Redis to be there", () => broadcasts.isUp);
  });

  it("R03: from a Redis Cluster, whichever node of it is asked", async (test) => {
    const cluster = await startRedisCluster();
    test.after(() => cluster.stop());
    const { node } = await listenTo(test, { kind: "cluster", nodes: cluster.addresses });
    for (const { port } of cluster.nodes) {
      await connectRedis(test, port).publish("laravel_news", message({}));
    }
    const { length } = cluster.nodes;
    await until("the events", () => node.reports.of("messages_published").length === length);
  });
});

function subscribeTo(channel: string): object {
  return { event: "pusher:subscribe", data: { channel } };
}
