/** The proxy between a node and Redis: cut, a black hole, slow, and whole again. */

import assert from "node:assert/strict";
import { once } from "node:events";
import { after, before, describe, it } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { connectRaw, listenRaw, type Cleanup, type RawSocket } from "./raw-http.ts";
import { askRedis, connectRedis } from "./redis/redis-client.ts";
import { needsRedis } from "./redis/redis-needs.ts";
import { startRedis, type RedisServer } from "./redis/redis-server.ts";
import { startTcpProxy, type TcpProxy } from "./tcp-proxy.ts";
import { waitFor } from "./eventually.ts";

describe("startTcpProxy, before a real Redis", { skip: needsRedis() }, () => {
  let redis: RedisServer;
  before(async () => {
    redis = await startRedis();
  });
  after(() => redis.stop());

  it("passes on what either side says", async (test) => {
    const proxy = await proxied(test, redis.port);
    const client = connectRedis(test, proxy.port);
    const large = "x".repeat(5_000_000);
    await client.set("large", large);
    assert.equal(await client.get("large"), large);
    assert.equal(proxy.connections, 1);
    client.disconnect();
    await waitFor(() => proxy.connections === 0);
  });

  it("cut: what was open is reset, what is new is refused, until it is healed", async (test) => {
    const proxy = await proxied(test, redis.port);
    const client = connectRedis(test, proxy.port);
    await client.ping();
    await proxy.cut();
    await waitFor(() => client.status === "end");
    const refused = connectRedis(test, proxy.port);
    const [error] = await once(refused, "error");
    assert.match(String(error), /ECONNREFUSED/);
    await proxy.heal();
    assert.equal(await askRedis(proxy.port, "PING"), "PONG");
  });

  it("black hole: nothing passes on old and new connections, and nothing is lost", async (test) => {
    const proxy = await proxied(test, redis.port);
    const subscriber = connectRedis(test, proxy.port);
    const messages: string[] = [];
    subscriber.on("message", (_channel, message: string) => messages.push(message));
    await subscriber.subscribe("news");
    await proxy.blackhole();

    assert.equal(await askRedis(redis.port, "PUBLISH", "news", "held"), 1);
    const late = connectRedis(test, proxy.port);
    let answer = "";
    const asked = late.set("written", "late").then((value) => (answer = value));
    await sleep(60);
    assert.deepEqual(messages, []);
    assert.equal(answer, "");
    assert.equal(await askRedis(redis.port, "GET", "written"), null);
    assert.equal(subscriber.status, "ready");

    await proxy.heal();
    await asked;
    await waitFor(() => messages.length === 1);
    assert.equal(await askRedis(redis.port, "GET", "written"), "late");
  });

  it("black hole: neither side learns that the other has gone, until it is healed", async (test) => {
    const proxy = await proxied(test, redis.port);
    const subscriber = connectRedis(test, proxy.port);
    await subscriber.subscribe("abandoned");
    await proxy.blackhole();
    subscriber.disconnect();
    await sleep(60);
    assert.equal(await askRedis(redis.port, "PUBLISH", "abandoned", "hello"), 1);
    await proxy.heal();
    await waitFor(() => proxy.connections === 0);
    assert.equal(await askRedis(redis.port, "PUBLISH", "abandoned", "hello"), 0);
  });

  it("delays each way, and no longer once that is 0", async (test) => {
    const proxy = await proxied(test, redis.port);
    const client = connectRedis(test, proxy.port);
    await client.ping();
    proxy.delay(50);
    assert.ok((await timed(() => client.ping())) >= 99);
    // In flight together they are late once, and in order.
    const all = await timed(() => Promise.all(Array.from({ length: 20 }, () => client.ping())));
    assert.ok(all >= 99 && all < 1_000, `${all} ms`);
    proxy.delay(0);
    assert.ok((await timed(() => client.ping())) < 99);
  });

  it("can be a black hole after a cut, and be cut while it is one", async (test) => {
    const proxy = await proxied(test, redis.port);
    await proxy.cut();
    await proxy.blackhole();
    const client = connectRedis(test, proxy.port);
    await once(client, "connect");
    await proxy.cut();
    await waitFor(() => client.status === "end");
    await proxy.heal();
    assert.equal(await askRedis(proxy.port, "PING"), "PONG");
  });
});

describe("startTcpProxy, before other servers", () => {
  it("ends one direction at a time, as its ends do", async (test) => {
    const server = await listenRaw(test, (socket) => {
      void socket.untilEnd().then(() => socket.socket.end(`got ${socket.text}`));
    });
    const proxy = await proxied(test, server.port);
    const client = await connectRaw(test, proxy.port);
    client.socket.end("all");
    assert.equal(await client.untilEnd(), "got all");
    await waitFor(() => proxy.connections === 0);
  });

  it("resets who connects while nobody listens behind it", async (test) => {
    const server = await listenRaw(test);
    await server.stop();
    const proxy = await proxied(test, server.port);
    const client = await connectRaw(test, proxy.port);
    await waitFor(() => client.wasReset);
    await waitFor(() => proxy.connections === 0);
  });

  it("asks for each connection where it goes", async (test) => {
    const servers = [];
    for (const name of ["first", "second"]) {
      servers.push(await listenRaw(test, ({ socket }) => void socket.end(name)));
    }
    const ports = servers.map(({ port }) => port);
    const proxy = await proxied(test, () => ports.shift() ?? 0);
    for (const name of ["first", "second"]) {
      assert.equal(await (await connectRaw(test, proxy.port)).untilEnd(), name);
    }
  });

  it("reset and stall: what is open is reset or held, what is new passes", async (test) => {
    const server = await listenRaw(test, (socket) => {
      socket.socket.on("data", (bytes) => socket.socket.write(bytes));
    });
    const proxy = await proxied(test, server.port);
    const before = await connectRaw(test, proxy.port);
    await echoes(before, "a");
    proxy.reset();
    await waitFor(() => before.wasReset);
    const held = await connectRaw(test, proxy.port);
    await echoes(held, "b");
    proxy.stall();
    held.socket.write("c");
    await echoes(await connectRaw(test, proxy.port), "d");
    assert.equal(held.text, "b");
    await proxy.heal();
    await waitFor(() => held.text === "bc");
  });

  it("refuses after it was closed", async (test) => {
    const server = await listenRaw(test);
    const proxy = await proxied(test, server.port);
    const client = await connectRaw(test, proxy.port);
    await proxy.close();
    await waitFor(() => client.hasEnded);
    await assert.rejects(connectRaw(test, proxy.port), { code: "ECONNREFUSED" });
  });
});

async function echoes(client: RawSocket, text: string): Promise<void> {
  client.socket.write(text);
  await waitFor(() => client.text.endsWith(text));
}

async function proxied(test: Cleanup, target: number | (() => number)): Promise<TcpProxy> {
  const proxy = await startTcpProxy(target);
  test.after(() => proxy.close());
  return proxy;
}

async function timed(run: () => Promise<unknown>): Promise<number> {
  const startedAt = performance.now();
  await run();
  return performance.now() - startedAt;
}
