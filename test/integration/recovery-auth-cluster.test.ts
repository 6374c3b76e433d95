/** POGO_RECOVERY_AUTH over several nodes and a real Redis: who comes back to another node than it left. */

import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { describe, it, type TestContext } from "node:test";
import { until } from "../../sidecar/testing/eventually.ts";
import { needsRedis } from "../../sidecar/testing/redis/redis-needs.ts";
import { startRedis } from "../../sidecar/testing/redis/redis-server.ts";
import { openPage, postAt, startGrantingApp, type Browser } from "../kit/returning-page.ts";
import { startSidecar } from "../kit/start.ts";

const channels = ["private-orders", "presence-room"] as const;

async function start(test: TestContext) {
  const redis = await startRedis();
  test.after(() => redis.stop());
  const app = await startGrantingApp(test);
  const env = {
    POGO_REDIS_URL: `redis://127.0.0.1:${redis.port}`,
    POGO_SHUTDOWN_TIMEOUT: "5s",
    POGO_UPSTREAM: app.url,
    POGO_RECOVERY_AUTH: "true",
  };
  const [one, two] = [await startSidecar(test, env), await startSidecar(test, env)];
  for (const node of [one, two]) {
    const seesBoth = async () => (await node.sum("pogo_cluster_nodes")) === 2;
    await until("every node sees both", seesBoth);
  }
  const browser: Browser = { recovery: null };
  const page = { browser, token: randomUUID() };
  return { app, one, two, open: (port: number) => openPage(test, { ...page, port }) };
}

describe("pages over several nodes", { skip: needsRedis() }, () => {
  it("Y22: who comes to another node is granted its channels there, and the app is not asked", async (t) => {
    const { app, one, two, open } = await start(t);
    const before = await open(one.port);
    for (const channel of channels) await before.enter(channel);
    const stopped = one.stop();
    await before.closed();
    app.asked();
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
    const { app, one, two, open } = await start(t);
    const before = await open(one.port);
    for (const channel of channels) await before.enter(channel);
    const stopped = one.stop();
    await before.closed();
    app.asked();
    assert.equal((await two.call("users/ada/terminate_connections", { body: {} })).status, 200);
    const back = await open(two.port);
    for (const channel of channels) assert.equal(await back.enter(channel), false);
    assert.deepEqual(app.asked(), channels);
    await stopped;
  });
});
