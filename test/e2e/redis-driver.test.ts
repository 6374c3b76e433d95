/** Laravel broadcasting with its stock `redis` driver, as apps of laravel-echo-server do, set up as docs/migrating.md says. */

import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { needsRedis } from "../../sidecar/testing/redis/redis-needs.ts";
import { startRedis, type RedisServer } from "../../sidecar/testing/redis/redis-server.ts";
import { freePort } from "../../sidecar/testing/ports.ts";
import { openEchoPage, refused, subscribed, type EchoPage } from "./support/echo-page.ts";
import { inbox } from "./support/inbox.ts";
import { laravelEnv, laravelReleases, type LaravelRelease } from "./support/laravel.ts";
import { dotenvBlocks, echoOf, section } from "./support/migrating-page.ts";
import { needsLaravel } from "./support/needs.ts";
import { broadcast, startStack, type Stack } from "./support/stack.ts";

const echoServer = section("From laravel-echo-server");
const [appEnv = {}, sidecarEnv = {}] = dotenvBlocks(echoServer);
const createEcho = await echoOf(echoServer);
const viteEnv = { VITE_REVERB_APP_KEY: laravelEnv()["REVERB_APP_KEY"] ?? "" };

interface Text {
  readonly text: string;
}

for (const release of laravelReleases) {
  const title = `Laravel ${release.major} with its redis driver`;
  const skip = needsLaravel(release) || needsRedis();
  describe(title, { skip }, () => suite(release));
}

function suite(release: LaravelRelease): void {
  let redis: RedisServer;
  let stack: Stack;
  const pages: EchoPage[] = [];

  before(async () => {
    redis = await startRedis();
    // What the app's .env has, and the sidecar beside it.
    const shared = { REDIS_HOST: "127.0.0.1", REDIS_PORT: String(redis.port) };
    const prefix =
      release.major >= 13 ? "laravel-test-app-database-" : "laravel_test_app_database_";
    const { POGO_UPSTREAM: _, ...options } = sidecarEnv;
    stack = await startStack(
      { ...options, ...shared, POGO_REDIS_BROADCASTS_PREFIX: prefix },
      {
        release,
        env: {
          ...shared,
          BROADCAST_CONNECTION: appEnv["BROADCAST_CONNECTION"] ?? "",
          REDIS_CLIENT: "predis",
          // Nobody listens there: what is published over HTTP fails.
          REVERB_PORT: String(await freePort()),
        },
      },
    );
  });
  after(async () => {
    for (const page of pages) page.leave();
    await stack?.stop();
    await redis?.stop();
  });

  async function open(userId?: number): Promise<EchoPage> {
    const visitor = await stack.visitor(userId);
    const { url } = stack.sidecar;
    const window = { location: new URL(url), userId };
    const page = openEchoPage({
      url,
      key: stack.app.key,
      visitor,
      create: (EchoInBrowser) => createEcho(EchoInBrowser, viteEnv, window) as EchoPage["echo"],
    });
    pages.push(page);
    return page;
  }

  test("R01: a public event arrives, its payload as with the other drivers", async () => {
    const page = await open();
    const texts = inbox<Text>("MessageSent on news");
    await subscribed(page.echo.channel("news").listen("MessageSent", texts.take));
    const event = { kind: "public", channel: "news", text: 'héllo / "you"' } as const;
    await broadcast(await stack.visitor(1), event);
    assert.deepEqual(await texts.next(), { text: 'héllo / "you"' });
  });

  test("R08: a private channel by the session alone; who may not is refused", async () => {
    const [ada, guest] = [await open(1), await open()];
    const texts = inbox<Text>("MessageSent on orders.1");
    await subscribed(ada.echo.private("orders.1").listen("MessageSent", texts.take));
    assert.equal((await refused(guest.echo.private("orders.1"))).status, 403);
    assert.equal((await refused(ada.echo.private("denied"))).status, 403);
    const event = { kind: "private", channel: "orders.1", text: "private" } as const;
    await broadcast(await stack.visitor(1), event);
    assert.deepEqual(await texts.next(), { text: "private" });
  });

  test("R02, R08: members of a presence channel; toOthers leaves out who asked", async () => {
    const [ada, grace] = [await open(1), await open(2)];
    const [atAda, atGrace] = [inbox<Text>("at Ada"), inbox<Text>("at Grace")];
    const joined = inbox<{ name: string }>("Grace joining");
    const first = ada.echo.join("room.1").joining(joined.take);
    await subscribed(first.listen("MessageSent", atAda.take));
    await subscribed(grace.echo.join("room.1").listen("MessageSent", atGrace.take));
    assert.equal((await joined.next()).name, "Grace");
    const room = { kind: "presence", channel: "room.1" } as const;
    await broadcast(
      await stack.visitor(1),
      { ...room, text: "others", others: true },
      ada.echo.socketId(),
    );
    await broadcast(await stack.visitor(1), { ...room, text: "all" });
    assert.deepEqual(
      [await atGrace.next(), await atGrace.next()],
      [{ text: "others" }, { text: "all" }],
    );
    assert.deepEqual(await atAda.next(), { text: "all" });
  });
}
