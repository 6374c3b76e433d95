/** The steps of docs/migrating.md, as one who follows them would do: environments and Echo are taken from the page. */

import assert from "node:assert/strict";
import { after, afterEach, before, describe, test } from "node:test";
import PusherServer from "pusher";
import { freePort } from "../../sidecar/testing/ports.ts";
import { openEchoPage, subscribed } from "./support/echo-page.ts";
import type { EchoPage, EchoPageOptions } from "./support/echo-page.ts";
import { httpClient, json } from "./support/http-client.ts";
import type { HttpClient } from "./support/http-client.ts";
import { inbox } from "./support/inbox.ts";
import { laravelEnv, startLaravel } from "./support/laravel.ts";
import type { Laravel } from "./support/laravel.ts";
import { dotenvBlocks, echoOf, section, tableEnv } from "./support/migrating-page.ts";
import type { Env } from "./support/migrating-page.ts";
import { needsLaravel } from "./support/needs.ts";
import { startSidecar } from "../kit/process.ts";
import type { Sidecar } from "../kit/process.ts";
import { broadcast } from "./support/stack.ts";
import type { BroadcastRequest } from "./support/stack.ts";

interface Way {
  readonly from: string;
  /** The app's own variables. */
  readonly laravel: Env;
  /** What the sidecar is started with, but for addresses: those are the test's. */
  readonly sidecar: Env;
  readonly isStandAlone?: true;
  readonly create?: NonNullable<EchoPageOptions["create"]>;
}

const { REVERB_APP_ID = "", REVERB_APP_KEY = "", REVERB_APP_SECRET = "" } = laravelEnv();
const reverb = { REVERB_APP_ID, REVERB_APP_KEY, REVERB_APP_SECRET };

const soketi = tableEnv(section("From Soketi"));
const pusher = section("From Pusher Channels");
const [pusherApp = {}, pusherSidecar = {}] = dotenvBlocks(pusher);
const createEcho = await echoOf(pusher);
/** What Vite builds into the page; the address is put in when the port is known. */
const viteEnv: Record<string, string> = {};

const ways: readonly Way[] = [
  { from: "Reverb, in front of the app", laravel: {}, sidecar: reverb },
  { from: "Reverb, stand-alone", laravel: {}, sidecar: reverb, isStandAlone: true },
  {
    from: "Soketi",
    laravel: {
      BROADCAST_CONNECTION: "pusher",
      PUSHER_APP_ID: "app-id",
      PUSHER_APP_KEY: "app-key",
      PUSHER_APP_SECRET: "app-secret",
      PUSHER_SCHEME: "http",
      PUSHER_APP_CLUSTER: "mt1",
    },
    sidecar: soketi,
    isStandAlone: true,
  },
  {
    from: "Pusher",
    laravel: pusherApp,
    sidecar: pusherSidecar,
    create: (EchoInBrowser) => createEcho(EchoInBrowser, viteEnv) as EchoPage["echo"],
  },
];

for (const way of ways) {
  describe(`docs/migrating.md: from ${way.from}`, { skip: needsLaravel() }, () => {
    let laravel: Laravel;
    let sidecar: Sidecar;
    let server: PusherServer;
    const pages: EchoPage[] = [];
    const key = way.sidecar["POGO_APP_KEY"] ?? REVERB_APP_KEY;

    before(async () => {
      const port = await freePort();
      const address = { PUSHER_HOST: "127.0.0.1", PUSHER_PORT: String(port) };
      Object.assign(viteEnv, way.laravel, {
        VITE_PUSHER_HOST: address.PUSHER_HOST,
        VITE_PUSHER_PORT: address.PUSHER_PORT,
      });
      laravel = await startLaravel({ sidecarPort: port, env: { ...way.laravel, ...address } });
      sidecar = await startSidecar({
        env: {
          ...inTest(way.sidecar, laravel.url),
          POGO_PORT: String(port),
          POGO_ADMIN_PORT: String(await freePort()),
          POGO_UPSTREAM: way.isStandAlone ? "none" : laravel.url,
        },
      });
      server = new PusherServer({
        appId: way.sidecar["POGO_APP_ID"] ?? REVERB_APP_ID,
        key,
        secret: way.sidecar["POGO_APP_SECRET"] ?? REVERB_APP_SECRET,
        host: "127.0.0.1",
        port: String(port),
      });
    });
    afterEach(() => {
      for (const page of pages.splice(0)) page.leave();
    });
    after(async () => {
      await sidecar?.stop();
      await laravel?.stop();
    });

    /** A tab of the user's. Pages and their auth endpoint are at the app's own address where the sidecar is beside it. */
    const open = async (userId: number): Promise<EchoPage & { visitor: HttpClient }> => {
      const visitor = httpClient(way.isStandAlone ? laravel.url : sidecar.url);
      await visitor.login(userId);
      const authUrl = way.isStandAlone ? laravel.url : sidecar.url;
      const { create } = way;
      const page = openEchoPage({
        url: sidecar.url,
        authUrl,
        key,
        visitor,
        ...(create && { create }),
      });
      pages.push(page);
      return { ...page, visitor };
    };

    const cases: [kind: BroadcastRequest["kind"], channel: string, wire: string][] = [
      ["public", "news", "news"],
      ["private", "user.1", "private-user.1"],
      ["presence", "room.1", "presence-room.1"],
      ["encrypted", "user.1", "private-encrypted-user.1"],
    ];
    for (const [kind, channel, wire] of cases) {
      test(`an event that Laravel broadcasts arrives on a ${kind} channel`, async () => {
        const { echo, visitor } = await open(1);
        const texts = inbox<object>(`MessageSent on ${wire}`);
        await subscribed(channelOf(echo, kind, channel).listen("MessageSent", texts.take));
        await broadcast(visitor, { kind, channel, text: "hello" });
        assert.deepEqual(await texts.next(), { text: "hello" });
      });
    }

    test("the last event of a cache channel is there for who comes later", async () => {
      const { echo, visitor } = await open(1);
      const texts = inbox<object>("MessageSent on cache-score");
      await broadcast(visitor, { kind: "public", channel: "cache-score", text: "1:1" });
      echo.channel("cache-score").listen("MessageSent", texts.take);
      assert.deepEqual(await texts.next(), { text: "1:1" });
    });

    test("whispers reach the others", async () => {
      const [sender, receiver] = [await open(1), await open(2)];
      const whispers = inbox<object>("a whisper");
      await subscribed(receiver.echo.private("orders.1").listenForWhisper("typing", whispers.take));
      await subscribed(sender.echo.private("orders.1"));
      sender.echo.private("orders.1").whisper("typing", { name: "Ada" });
      assert.deepEqual(await whispers.next(), { name: "Ada" });
    });

    test("who signs in gets the user's events", async () => {
      const { pusher: client } = await open(3);
      const signedIn = inbox<object>("the signin");
      const greetings = inbox<object>("the user's event");
      client.bind("pusher:signin_success", signedIn.take);
      client.user.bind("greeting", greetings.take);
      client.signin();
      await signedIn.next();
      await server.sendToUser("3", "greeting", { text: "Linus only" });
      assert.deepEqual(await greetings.next(), { text: "Linus only" });
    });

    if (way.sidecar["POGO_SUBSCRIPTION_COUNT"] === "true") {
      test("subscribers are sent how many they are", async () => {
        const { echo, pusher: client } = await open(1);
        await subscribed(echo.channel("counted"));
        const counts = inbox<{ subscription_count: number }>("the count");
        client.channel("counted").bind("pusher:subscription_count", counts.take);
        await subscribed((await open(2)).echo.channel("counted"));
        while ((await counts.next()).subscription_count !== 2);
      });
    }

    if (way.sidecar["POGO_WEBHOOK_URL"] !== undefined) {
      test("the app gets a webhook of an occupied channel", async () => {
        const { echo, visitor } = await open(1);
        await subscribed(echo.channel("occupied"));
        await eventually("channel_occupied at the app", async () => {
          const events = await json<object[]>(await visitor.get("/webhooks/pusher"));
          const told = JSON.stringify({ name: "channel_occupied", channel: "occupied" });
          return events.some((event) => JSON.stringify(event) === told);
        });
      });
    }
  });
}

/** The page's addresses of the app are the test's. */
function inTest(env: Env, laravelUrl: string): Env {
  return Object.fromEntries(
    Object.entries(env).map(([name, value]) => [
      name,
      value.replace("http://127.0.0.1:8000", laravelUrl),
    ]),
  );
}

function channelOf(echo: EchoPage["echo"], kind: BroadcastRequest["kind"], name: string) {
  switch (kind) {
    case "public":
      return echo.channel(name);
    case "private":
      return echo.private(name);
    case "presence":
      return echo.join(name);
    case "encrypted":
      return echo.encryptedPrivate(name);
  }
}

/** @throws when it is not so within 5 s */
async function eventually(what: string, isSo: () => Promise<boolean>): Promise<void> {
  const deadline = performance.now() + 5_000;
  while (!(await isSo())) {
    assert.ok(performance.now() < deadline, `${what} did not come`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}
