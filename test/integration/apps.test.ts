/** Two apps of one config file on one node: whatever happens in one, the other must not notice. */

import assert from "node:assert/strict";
import { text as readText } from "node:stream/consumers";
import { describe, it, type TestContext } from "node:test";
import Pusher from "pusher";
import { connectClient, openClient, type Client } from "../kit/client.ts";
import { hmac, signChannel, signUser } from "../kit/sign.ts";
import { readQuestion, startApp, startSidecar } from "../kit/start.ts";

const shop = { app_id: "501", key: "shop-key", secret: "shop-secret" };
const chat = { app_id: "502", key: "chat-key", secret: "chat-secret" };
type Credentials = typeof shop;

/** A node that serves both, each with these options beside its credentials. */
async function startNode(
  test: TestContext,
  options: { shop?: object; chat?: object; upstream?: string; env?: Record<string, string> } = {},
) {
  const apps = [
    { ...shop, ...options.shop },
    { ...chat, ...options.chat },
  ];
  const env = { POGO_UPSTREAM: options.upstream ?? "none", ...options.env };
  const sidecar = await startSidecar(test, env, { file: { apps } });
  const { port } = sidecar;
  return {
    ...sidecar,
    /** The API as a Laravel app of these credentials uses it. */
    api: ({ key, secret, app_id }: Credentials, appId = app_id): Pusher =>
      new Pusher({ appId, key, secret, host: "127.0.0.1", port: String(port) }),
    get: async (pusher: Pusher, path: string): Promise<unknown> =>
      (await pusher.get({ path })).json(),
    connect: ({ key }: Credentials): Promise<Client> =>
      connectClient(test, port, {}, { path: `/app/${key}` }),
  };
}

type Node = Awaited<ReturnType<typeof startNode>>;

/** A connection of each app. */
async function connectBoth({ connect }: Node) {
  return { inShop: await connect(shop), inChat: await connect(chat) };
}

/** Nothing is under way to it, and nothing came: what had been sent would come before the pong. */
async function hasReceivedNothing(client: Client): Promise<void> {
  client.say("pusher:ping");
  await client.nextIs("pusher:pong");
}

async function refusal(promise: Promise<unknown>): Promise<unknown> {
  const error = await promise.then(() => assert.fail("it was taken"), Object);
  return error.status;
}

describe("two apps on one node", () => {
  it("C17: an event reaches the channel of its own app, and not the one of the same name", async (test) => {
    const node = await startNode(test);
    const { api } = node;
    const { inShop, inChat } = await connectBoth(node);
    await inShop.join("news");
    await inChat.join("news");

    await api(shop).trigger("news", "sale", "shop");
    assert.equal((await inShop.next("sale")).data, "shop");
    await hasReceivedNothing(inChat);

    await api(chat).triggerBatch([{ channel: "news", name: "hello", data: "chat" }]);
    assert.equal((await inChat.next("hello")).data, "chat");
    await hasReceivedNothing(inShop);

    const [secondOfShop, secondOfChat] = [await node.connect(shop), await node.connect(chat)];
    await secondOfShop.join("news");
    await secondOfChat.join("news");
    secondOfShop.say("client-wave", {}, "news");
    await inShop.next("client-wave");
    await hasReceivedNothing(inChat);
    await hasReceivedNothing(secondOfChat);
  });

  it("C17: a cache channel keeps the last event of its own app", async (test) => {
    const node = await startNode(test);
    await node.api(shop).trigger("cache-prices", "price", "1");
    const { inShop, inChat } = await connectBoth(node);
    await inShop.join("cache-prices");
    await inShop.next("price");
    await inChat.join("cache-prices");
    await inChat.next("pusher:cache_miss");
  });

  it("C17: members of a presence channel see those of their own app", async (test) => {
    const node = await startNode(test);
    const { api, get } = node;
    const { inShop, inChat } = await connectBoth(node);
    const channel = "presence-room";
    const ann = { user_id: "ann", user_info: { name: "Ann" } };
    const bob = { user_id: "bob", user_info: { name: "Bob" } };
    await inShop.join(channel, signChannel(shop, inShop.socketId, channel, ann));
    const joined = await inChat.join(channel, signChannel(chat, inChat.socketId, channel, bob));
    assert.deepEqual(Object(joined.data).presence.ids, ["bob"]);
    await hasReceivedNothing(inShop);
    assert.deepEqual(await get(api(shop), `/channels/${channel}/users`), {
      users: [{ id: "ann" }],
    });

    inChat.say("pusher:unsubscribe", { channel });
    await hasReceivedNothing(inChat);
    await hasReceivedNothing(inShop);
    assert.equal(await refusal(get(api(chat), `/channels/${channel}/users`)), 404);
  });

  it("C17: the other app's key and secret open nothing here: channel, signin, API", async (test) => {
    const node = await startNode(test);
    const { api } = node;
    const { inShop } = await connectBoth(node);
    const channel = "private-orders";
    const forged = [
      signChannel(chat, inShop.socketId, channel),
      signChannel({ ...chat, key: shop.key }, inShop.socketId, channel),
    ];
    for (const proof of forged) {
      inShop.say("pusher:subscribe", { channel, ...proof });
      await inShop.next("pusher:error");
      await inShop.next("pusher:subscription_error");
    }
    inShop.say("pusher:signin", signUser(chat, inShop.socketId, { id: "ann" }));
    await inShop.next("pusher:error");
    await inShop.next("pusher:signin_error");

    assert.equal(await refusal(api(chat, shop.app_id).trigger("news", "e", "x")), 401);
    assert.equal(
      await refusal(api({ ...chat, key: shop.key }, shop.app_id).get({ path: "/channels" })),
      401,
    );
    await inShop.join(channel, signChannel(shop, inShop.socketId, channel));
  });

  it("C17: the API of an app, found by its id, answers about its own channels and connections", async (test) => {
    const node = await startNode(test);
    const { api, get } = node;
    const { inShop, inChat } = await connectBoth(node);
    await inShop.join("orders");
    await inShop.join("news");
    await inChat.join("news");
    assert.deepEqual(await get(api(shop), "/channels"), { channels: { orders: {}, news: {} } });
    assert.deepEqual(await get(api(chat), "/channels"), { channels: { news: {} } });
    assert.deepEqual(await get(api(chat), "/channels/orders"), { occupied: false });
    assert.deepEqual(await get(api(shop), "/connections"), { connections: 1 });
    assert.equal(await refusal(api(shop, "503").get({ path: "/channels" })), 404);
  });

  it("C15, C17: an app that is full leaves the other its connections", async (test) => {
    const { port, connect } = await startNode(test, { shop: { max_connections: 1 } });
    for (const _ of [1, 2]) await connect(chat);
    const first = await connect(shop);
    const second = openClient(test, port, { path: `/app/${shop.key}` });
    assert.equal(await second.error(), 4004);
    assert.equal(await second.closed(), 4004);
    await connect(chat);
    await hasReceivedNothing(first);
  });

  it("X04, C17: the size of a message is bounded for each app by itself", async (test) => {
    const node = await startNode(test, { shop: { max_message_size: 200 } });
    const { inShop, inChat } = await connectBoth(node);
    const long = { event: "pusher:ping", data: "x".repeat(400) };
    inChat.send(long);
    await inChat.next("pusher:pong");
    inShop.send(long);
    assert.equal(await inShop.closed(), 1009);
    await hasReceivedNothing(inChat);
  });

  it("C17: one app's messages and publishes use up no allowance of the other", async (test) => {
    const limits = {
      api_publish_rate: 0.001,
      api_publish_burst: 1,
      rate_limiting: { enabled: true, max_attempts: 1, decay_seconds: 3600 },
    };
    const node = await startNode(test, { shop: limits, chat: limits });
    const { api } = node;
    await api(shop).trigger("news", "e", "x");
    assert.equal(await refusal(api(shop).trigger("news", "e", "x")), 429);
    assert.equal((await api(chat).trigger("news", "e", "x")).status, 200);

    const { inShop, inChat } = await connectBoth(node);
    await inShop.join("a");
    inShop.say("pusher:subscribe", { channel: "b" });
    assert.equal(await inShop.error(), 4301);
    await inChat.join("a");
  });

  it("C09, C17: a page may connect to the app that allows its origin", async (test) => {
    const { port } = await startNode(test, {
      shop: { allowed_origins: ["shop.test"] },
      chat: { allowed_origins: ["chat.test"] },
    });
    const headers = { Origin: "https://shop.test" };
    await connectClient(test, port, headers, { path: `/app/${shop.key}` });
    const refused = openClient(test, port, { headers, path: `/app/${chat.key}` });
    assert.equal(await refused.error(), 4009);
    assert.deepEqual(await refused.close, { code: 4009, reason: "Origin not allowed" });
  });

  it("C17: users of the same id are two: their events, who watches them, and their end", async (test) => {
    const node = await startNode(test);
    const { api } = node;
    const { inShop, inChat } = await connectBoth(node);
    const watcher = await node.connect(chat);
    watcher.say(
      "pusher:signin",
      signUser(chat, watcher.socketId, { id: "bob", watchlist: ["ann"] }),
    );
    await watcher.next("pusher:signin_success");
    await watcher.next("pusher_internal:watchlist_events");

    inShop.say("pusher:signin", signUser(shop, inShop.socketId, { id: "ann" }));
    await inShop.next("pusher:signin_success");
    await hasReceivedNothing(watcher);
    inChat.say("pusher:signin", signUser(chat, inChat.socketId, { id: "ann" }));
    await inChat.next("pusher:signin_success");
    const online = await watcher.next("pusher_internal:watchlist_events");
    assert.match(online.text, /online/);

    await api(shop).sendToUser("ann", "order", "x");
    await inShop.next("order");
    await hasReceivedNothing(inChat);

    await api(shop).terminateUserConnections("ann");
    await inShop.next("pusher:error");
    assert.equal(await inShop.closed(), 4009);
    await hasReceivedNothing(inChat);
    await hasReceivedNothing(watcher);
  });

  it("C17: what happens is counted under the app's own id", async (test) => {
    const node = await startNode(test);
    const { api, metrics } = node;
    const { inShop, inChat } = await connectBoth(node);
    await node.connect(shop);
    await inShop.join("news");
    await inShop.join("orders");
    await inChat.join("news");
    inChat.say("pusher:subscribe", { channel: "private-x" });
    await inChat.next("pusher:error");
    await inChat.next("pusher:subscription_error");
    assert.equal(await refusal(api({ ...chat, secret: "x" }).trigger("news", "e", "x")), 401);

    const text = await metrics();
    const expected = {
      'connections_active{app_id="501"}': 2,
      'connections_active{app_id="502"}': 1,
      'subscriptions_active{app_id="501"}': 2,
      'subscriptions_active{app_id="502"}': 1,
    };
    for (const [series, value] of Object.entries(expected)) {
      assert.ok(text.includes(`pogo_websocket_${series} ${value}\n`), `${series} in\n${text}`);
    }
    assert.match(text, /pogo_websocket_auth_failures_total\{app_id="502",reason="\w+"\} 1/);
    assert.match(text, /pogo_api_signatures_refused_total\{app_id="502",reason="\w+"\} 1/);
    assert.doesNotMatch(text, /(auth_failures|signatures_refused)_total\{app_id="501",.*\} [1-9]/);
  });

  it("C17, W10: webhooks of an app go to its own endpoints, signed with its own secret", async (test) => {
    const seen: { path: string | undefined; key: unknown; isValid: boolean; body: string }[] = [];
    const upstream = await startApp(test, async (req, res) => {
      const body = await readText(req);
      const app = req.url === "/shop" ? shop : chat;
      const isValid = req.headers["x-pusher-signature"] === hmac(app.secret, body);
      seen.push({ path: req.url, key: req.headers["x-pusher-key"], isValid, body });
      res.end();
    });
    const node = await startNode(test, {
      upstream,
      shop: { webhooks: [{ url: "/shop", events: ["channel_occupied"] }] },
      chat: { webhooks: [{ url: "/chat", events: ["channel_occupied"] }] },
    });
    const { inShop, inChat } = await connectBoth(node);
    await inShop.join("of-shop");
    await inChat.join("of-chat");
    await node.stop();

    seen.sort((a, b) => (String(a.path) < String(b.path) ? -1 : 1));
    assert.deepEqual(
      seen.map(({ path, key, isValid }) => [path, key, isValid]),
      [
        ["/chat", chat.key, true],
        ["/shop", shop.key, true],
      ],
    );
    assert.match(seen[0]?.body ?? "", /of-chat/);
    assert.match(seen[1]?.body ?? "", /of-shop/);
  });

  it("C17: the answer of the upstream they share counts for the app whose secret signed it", async (test) => {
    const asked: string[] = [];
    const upstream = await startApp(test, async (req, res) => {
      const { channel_name, socket_id } = await readQuestion(req);
      asked.push(channel_name);
      res.setHeader("Content-Type", "application/json");
      res.end(JSON.stringify(signChannel(shop, socket_id, channel_name)));
    });
    const { inShop, inChat } = await connectBoth(await startNode(test, { upstream }));
    await inShop.join("private-of-shop");
    inChat.say("pusher:subscribe", { channel: "private-of-chat" });
    await inChat.next("pusher:error");
    await inChat.next("pusher:subscription_error");
    assert.deepEqual(asked, ["private-of-shop", "private-of-chat"]);
  });

  it("C17, row 22: an app whose questions open its circuit breaker does not close the other's", async (test) => {
    // Answers shop's with the gateway's word that there is no PHP.
    const upstream = await startApp(test, async (req, res) => {
      const { channel_name, socket_id } = await readQuestion(req);
      if (channel_name === "private-of-shop") return void res.writeHead(502).end();
      res.end(JSON.stringify(signChannel(chat, socket_id, channel_name)));
    });
    const env = { POGO_TRUSTED_PROXIES: "127.0.0.1", POGO_AUTH_RETRY_FOR: "0" };
    const { port, metrics, connect } = await startNode(test, { upstream, env });
    for (let visitor = 1; visitor <= 6; visitor++) {
      const headers = { "X-Forwarded-For": `203.0.113.${visitor}` };
      const client = await connectClient(test, port, headers, { path: `/app/${shop.key}` });
      assert.notEqual(await client.subscribe("private-of-shop"), 200);
    }
    const states = await metrics();
    assert.match(states, /breaker_state\{app_id="501",state="open"\} 1/);
    assert.match(states, /breaker_state\{app_id="502",state="closed"\} 1/);
    await (await connect(chat)).join("private-of-chat");
  });
});
