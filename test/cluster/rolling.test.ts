/** A deploy in progress: two versions side by side understand each other, and what the first one wrote is still read. */

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { afterEach, describe, test } from "node:test";
import { parseEnvelope } from "../../sidecar/broker/redis/envelope.ts";
import { askRedis, connectRedis } from "../../sidecar/testing/redis/redis-client.ts";
import { until } from "../../sidecar/testing/eventually.ts";
import { needsRedis } from "../../sidecar/testing/redis/redis-needs.ts";
import { app } from "../kit/sign.ts";
import { createScope, eventsOf, redisAt, untilDelivered } from "./support/cluster.ts";
import { makeNextVersion } from "./support/next-version.ts";
import { leaseMs } from "./support/node.ts";

interface Golden {
  readonly text: string;
  readonly envelope: unknown;
}

const golden = JSON.parse(
  readFileSync(new URL("fixtures/envelopes-v1.json", import.meta.url), "utf8"),
) as readonly Golden[];
const room = "presence-room";
const topic = (channel: string): string => `pogo:1:{${app.id}}:t:${channel}`;

test("envelopes of version 1 are read as they were", () => {
  for (const { text, envelope } of golden) {
    assert.deepEqual(parseEnvelope(text), { ok: true, envelope });
  }
});

describe("a deploy in progress", { skip: needsRedis() }, () => {
  const scope = createScope();
  afterEach(() => scope.end());

  test("a node of this version and one of a later one understand each other, both ways", async () => {
    const redis = await scope.redis();
    const env = { ...redisAt(redis.port), POGO_SUBSCRIPTION_COUNT: "true" };
    const folder = makeNextVersion(scope);
    const [now, next] = await Promise.all([scope.node(env), scope.node(env, { folder })]);
    const [ada, bea] = [await scope.client(now), await scope.client(next)];
    await ada.join(room, "ada");
    await bea.join(room, "bea");
    for (const client of [ada, bea]) await client.subscribe("news");
    await ada.until("bea", () => ada.members(room).join() === "ada,bea");
    assert.deepEqual(bea.members(room), ["ada", "bea"]);

    for (const { api } of [now, next]) assert.equal((await api.publish("news", "x")).status, 200);
    await next.api.publish("news", "to others", { socketId: ada.socketId });
    await next.api.publish("cache-news", "kept");
    await untilDelivered(now, "news", [ada, bea]);
    assert.deepEqual(eventsOf(ada, "news"), ["x", "x"]);
    assert.deepEqual(eventsOf(bea, "news"), ["x", "x", "to others"]);
    await ada.subscribe("cache-news");
    await ada.until("the last event", () => ada.ids("cache-news").includes("kept"));

    for (const [from, to] of [
      [ada, bea],
      [bea, ada],
    ] as const) {
      from.whisper(room, "psst");
      await to.first("the whisper", ({ event }) => event === "client-whisper");
    }
    for (const client of [ada, bea]) {
      const isTwo = ({ event, data }: { event: string; data: unknown }) =>
        event === "pusher_internal:subscription_count" &&
        (data as { subscription_count: number }).subscription_count === 2;
      await client.first("two subscribers", isTwo);
    }
    for (const { api } of [now, next]) assert.deepEqual(await api.users(room), ["ada", "bea"]);
    const ignored = 'pogo_broker_ignored_messages_total{reason="unknown_type"}';
    assert.ok((await now.metric(ignored)) > 0, "there was nothing new in what the later one sent");

    const [cleo, dora] = [await scope.client(now), await scope.client(next)];
    await cleo.join(room, "cleo");
    await dora.join(room, "dora");
    await next.api.terminate("cleo");
    await now.api.terminate("dora");
    assert.deepEqual(await Promise.all([cleo.closed, dora.closed]), [4009, 4009]);
    for (const client of [ada, bea]) {
      await client.until("both to leave", () => client.members(room).join() === "ada,bea");
    }
    await next.kill();
    await ada.until("bea to leave", () => ada.changes(room).at(-1) === "-bea", leaseMs + 1_500);
  });

  test("the old node drains, and its clients go on to the new one unnoticed", async () => {
    const redis = await scope.redis();
    const env = { ...redisAt(redis.port), POGO_NODE_LEASE: "30s" };
    const folder = makeNextVersion(scope);
    const old = await scope.node(env);
    const next = await scope.node(env, { folder });
    const [ada, bea] = [await scope.client(old), await scope.client(next)];
    await ada.join(room, "ada");
    await bea.join(room, "bea");
    const stopping = old.stop();
    assert.equal(await ada.closed, 4200);
    const back = await scope.client(next);
    await back.join(room, "ada");
    assert.deepEqual(await stopping, { code: 0, signal: null });
    await untilDelivered(next, room, [back, bea]);
    assert.deepEqual(back.members(room), ["ada", "bea"]);
    assert.deepEqual(bea.changes(room), []);
    assert.deepEqual(await next.api.users(room), ["ada", "bea"]);
    assert.equal(await next.api.connections(), 2);
  });

  test("old workers drain, and their clients go on to new ones unnoticed", async () => {
    const redis = await scope.redis();
    const env = { ...redisAt(redis.port), POGO_NODE_LEASE: "30s" };
    const [old, next] = await Promise.all([scope.workers(env), scope.workers(env)]);
    const clients = await Promise.all(old.nodes.map((node) => scope.client(node)));
    for (const [index, client] of clients.entries()) await client.join(room, `user ${index}`);
    const bea = await scope.client(next.supervisor);
    await bea.join(room, "bea");
    const all = ["bea", "user 0", "user 1"];
    assert.deepEqual(bea.members(room), all);
    const fourNodes = async () => (await old.supervisor.metric("pogo_cluster_nodes")) === 4;
    await until("all to know all", fourNodes);
    const stopping = old.supervisor.stop();
    for (const { closed } of clients) assert.equal(await closed, 4200);
    for (const index of clients.keys()) {
      const back = await scope.client(next.supervisor);
      await back.join(room, `user ${index}`);
      assert.deepEqual(back.members(room), all);
    }
    assert.deepEqual(await stopping, { code: 0, signal: null });
    await untilDelivered(next.supervisor, room, [bea]);
    assert.deepEqual(bea.changes(room), []);
  });

  test("messages of version 1 do on a node what they did", async () => {
    const redis = await scope.redis();
    const node = await scope.node({ ...redisAt(redis.port), POGO_SUBSCRIPTION_COUNT: "true" });
    const client = await scope.client(node);
    await client.join(room, "ada");
    for (const { text } of golden) {
      const isControl = text.includes('"terminate"');
      await askRedis(redis.port, "PUBLISH", topic(isControl ? "!control" : room), text);
    }
    assert.equal(await client.closed, 4009);
    assert.deepEqual(client.ids(room), ["golden"]);
    const events = new Set(client.received.map(({ event }) => event));
    assert.ok(events.has("client-whisper"));
    assert.ok(events.has("pusher_internal:subscription_count"));
  });

  test("what a node sends has all that a node of version 1 looks for", async (t) => {
    const redis = await scope.redis();
    const listener = connectRedis(t, redis.port);
    const sent = new Map<string, object>();
    listener.on("pmessage", (_pattern, _topic, text: string) => {
      const message = JSON.parse(text) as { type: string; client?: boolean };
      sent.set(message.client ? "client event" : message.type, message);
    });
    await listener.psubscribe(topic("*"));
    const node = await scope.node({ ...redisAt(redis.port), POGO_SUBSCRIPTION_COUNT: "true" });
    const [ada, bea] = [await scope.client(node), await scope.client(node)];
    await ada.join(room, "ada");
    await bea.join(room, "bea");
    await ada.subscribe("news");
    await ada.first("a count", ({ event }) => event === "pusher_internal:subscription_count");
    await node.api.publish("news", "x");
    ada.whisper(room, "psst");
    await bea.first("the whisper", ({ event }) => event === "client-whisper");
    await bea.close();
    await ada.until("bea to leave", () => ada.changes(room).includes("-bea"));
    await node.api.terminate("ada");
    await ada.closed;
    await askRedis(redis.port, "PUBLISH", topic("!control"), '{"type":"end"}');
    while (!sent.has("end")) await new Promise((resolve) => listener.once("pmessage", resolve));
    for (const { text } of golden) {
      const old = JSON.parse(text) as { v: number; type: string; client?: boolean };
      const kind = old.client ? "client event" : old.type;
      const message = sent.get(kind);
      assert.ok(message, `${kind} was not sent`);
      for (const field of Object.keys(old)) assert.ok(field in message, `${kind} has no ${field}`);
      assert.equal((message as { v: number }).v, old.v);
    }
  });
});
