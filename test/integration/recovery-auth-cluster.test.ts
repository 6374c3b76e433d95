/** POGO_RECOVERY_AUTH over several nodes and a real Redis: who comes back to another node than it left. */

import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { describe, it, type TestContext } from "node:test";
import { until } from "../../sidecar/testing/eventually.ts";
import { connectRedis } from "../../sidecar/testing/redis/redis-client.ts";
import { needsRedis } from "../../sidecar/testing/redis/redis-needs.ts";
import { startRedis } from "../../sidecar/testing/redis/redis-server.ts";
import { openPage, postAt, startGrantingApp, type Browser } from "../kit/returning-page.ts";
import { startSidecar } from "../kit/start.ts";

const channels = ["private-orders", "presence-room"] as const;

async function start(test: TestContext, more: Readonly<Record<string, string>> = {}) {
  const redis = await startRedis();
  test.after(() => redis.stop());
  const app = await startGrantingApp(test);
  const env = {
    POGO_REDIS_URL: `redis://127.0.0.1:${redis.port}`,
    POGO_SHUTDOWN_TIMEOUT: "5s",
    POGO_UPSTREAM: app.url,
    POGO_RECOVERY_AUTH: "true",
    ...more,
  };
  const [one, two] = [await startSidecar(test, env), await startSidecar(test, env)];
  for (const node of [one, two]) {
    const seesBoth = async () => (await node.sum("pogo_cluster_nodes")) === 2;
    await until("every node sees both", seesBoth);
  }
  const browser: Browser = { recovery: null };
  const page = { browser, token: randomUUID(), host: "app.test" };
  const admin = connectRedis(test, redis.port);
  /** What open connections would leave, as it is stored. */
  async function stored(): Promise<string> {
    const keys = await admin.keys("*:open:*");
    const hashes = await Promise.all(keys.map((key) => admin.hgetall(key)));
    return JSON.stringify(hashes);
  }
  return { app, one, two, stored, open: (port: number) => openPage(test, { ...page, port }) };
}

/** A page has entered all channels at the first node, which stops: it is away now. */
async function startWithOneAway(test: TestContext) {
  const { app, one, two, open } = await start(test);
  const before = await open(one.port);
  for (const channel of channels) await before.enter(channel);
  const stopped = one.stop();
  await before.closed();
  app.asked();
  return { app, two, open, stopped };
}

describe("pages over several nodes", { skip: needsRedis() }, () => {
  it("Y22: who comes to another node is granted its channels there, and the app is not asked", async (t) => {
    const { app, two, open, stopped } = await startWithOneAway(t);
    const back = await open(two.port);
    for (const channel of channels) assert.equal(await back.enter(channel), true);
    assert.deepEqual(app.asked(), []);
    await stopped;
  });

  it("Y23: a question that came by another node than the connection: the app is asked, then and when the page is back", async (t) => {
    const { app, one, two, open } = await start(t);
    const before = await open(one.port);
    const [channel] = channels;
    const question = (socketId: string): string => `socket_id=${socketId}&channel_name=${channel}`;
    const fields = { Cookie: "session=ada", Origin: `http://127.0.0.1:${two.port}` };
    const { text } = await postAt(two.port, question(before.socketId), fields);
    await before.join(channel, JSON.parse(text));
    const stopped = one.stop();
    await before.closed();
    const back = await open(two.port);
    assert.equal(await back.enter(channel), false);
    assert.deepEqual(app.asked(), [channel, channel]);
    await stopped;
  });

  it("Y23: a user who was terminated while away: the app is asked", async (t) => {
    const { app, two, open, stopped } = await startWithOneAway(t);
    assert.equal((await two.call("users/ada/terminate_connections", { body: {} })).status, 200);
    const back = await open(two.port);
    for (const channel of channels) assert.equal(await back.enter(channel), false);
    assert.deepEqual(app.asked(), channels);
    await stopped;
  });

  it("Y23: a page that had left all its channels, and then left itself: the app is asked", async (t) => {
    const { app, one, open, stored } = await start(t, { POGO_RECOVERY: "all" });
    const [channel] = channels;
    const before = await open(one.port);
    await before.enter(channel);
    await until("it is stored", async () => (await stored()).includes(channel));
    before.say("pusher:unsubscribe", { channel });
    before.socket.close(1000);
    await before.closed();
    const back = await open(one.port);
    assert.equal(await back.enter(channel), false);
    assert.deepEqual(app.asked(), [channel, channel]);
  });

  it("Y21: of a channel that was left, or refused, nothing stays stored", async (t) => {
    const { app, one, open, stored } = await start(t, { POGO_RECOVERY: "all" });
    const [refused, left] = ["private-refused", "private-left"];
    const page = await open(one.port);
    for (const channel of [refused, left]) await page.enter(channel);
    await until("it is stored", async () => (await stored()).split(",true]").length === 3);
    page.say("pusher:unsubscribe", { channel: left });
    await until("it has gone", async () => !(await stored()).includes(left));
    app.forbid(refused);
    await page.post(refused);
    await until("it is not granted again", async () => !(await stored()).includes(",true]"));
  });
});
