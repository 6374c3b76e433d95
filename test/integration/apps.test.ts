/** Two apps of one config file on one node: whatever happens in one, the other must not notice. */

import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, type RequestListener } from "node:http";
import { afterEach, describe, it } from "node:test";
import { pino } from "pino";
import Pusher from "pusher";
import { WebSocket } from "ws";
import { formatErrors, loadConfig } from "../../sidecar/config.ts";
import { sign } from "../../sidecar/core/signature.ts";
import { createSidecar } from "../../sidecar/sidecar.ts";
import { parseQuestion } from "../../sidecar/testing/running.ts";

const shop = { app_id: "501", key: "shop-key", secret: "shop-secret" };
const chat = { app_id: "502", key: "chat-key", secret: "chat-secret" };
type Credentials = typeof shop;

const cleanups: (() => Promise<void> | void)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).toReversed()) await cleanup();
});

/** A node that serves both, each with these options beside its credentials. */
async function startNode(
  options: { shop?: object; chat?: object; node?: Readonly<Record<string, unknown>> } = {},
) {
  const file = {
    host: "127.0.0.1",
    port: 0,
    admin_port: 0,
    upstream: "none",
    ...options.node,
    apps: [
      { ...shop, ...options.shop },
      { ...chat, ...options.chat },
    ],
  };
  const loaded = loadConfig({
    argv: ["--config", "/etc/pogo.json"],
    env: {},
    readFile: () => JSON.stringify(file),
  });
  assert.ok(loaded.ok, loaded.ok ? "" : formatErrors(loaded.errors));
  const sidecar = createSidecar(loaded.config, {
    version: "0.0.0-test",
    log: pino({ level: "silent" }),
  });
  const { port, adminPort } = await sidecar.start();
  cleanups.push(() => sidecar.stop());

  /** The API as a Laravel app of these credentials uses it. */
  const api = (app: Credentials, id = app.app_id): Pusher =>
    new Pusher({
      appId: id,
      key: app.key,
      secret: app.secret,
      host: "127.0.0.1",
      port: String(port),
    });
  const get = async (pusher: Pusher, path: string): Promise<unknown> =>
    (await pusher.get({ path })).json();
  const metrics = async (): Promise<string> =>
    (await fetch(`http://127.0.0.1:${adminPort}/metrics`)).text();
  return { port, api, get, metrics, stop: () => sidecar.stop() };
}

function connect(port: number, app: Credentials, headers: Record<string, string> = {}) {
  const socket = new WebSocket(`ws://127.0.0.1:${port}/app/${app.key}`, { headers });
  cleanups.push(() => socket.terminate());
  const closed = once(socket, "close");
  const messages: Record<string, unknown>[] = [];
  let wake = (): void => {};
  socket.on("message", (data) => {
    messages.push(JSON.parse(String(data)));
    wake();
  });
  void closed.then(() => wake());
  const say = (message: unknown): void => socket.send(JSON.stringify(message));

  /** The next message, which must be this one: nothing else came before. */
  async function next(event: string): Promise<Record<string, unknown>> {
    for (;;) {
      const message = messages.shift();
      if (message) {
        assert.equal(message["event"], event, JSON.stringify(message));
        return message;
      }
      assert.notEqual(socket.readyState, WebSocket.CLOSED, `closed instead of ${event}`);
      await new Promise<void>((resolve) => (wake = resolve));
    }
  }

  return {
    say,
    next,
    /** The code of the close. */
    closed: async (): Promise<number> => Number((await closed)[0]),
    async established(): Promise<string> {
      const { data } = await next("pusher:connection_established");
      return JSON.parse(String(data)).socket_id;
    },
    async subscribe(channel: string, proof: object = {}): Promise<Record<string, unknown>> {
      say({ event: "pusher:subscribe", data: { channel, ...proof } });
      return next("pusher_internal:subscription_succeeded");
    },
    /** Nothing is under way to it: what had been sent would come before the pong. */
    async hasHeardNothing(): Promise<void> {
      say({ event: "pusher:ping" });
      await next("pusher:pong");
    },
  };
}

/** A connection of each app. */
async function connectBoth(port: number) {
  const inShop = connect(port, shop);
  const inChat = connect(port, chat);
  const [shopSocketId, chatSocketId] = [await inShop.established(), await inChat.established()];
  return { inShop, inChat, shopSocketId, chatSocketId };
}

function channelProof(app: Credentials, socketId: string, channel: string, member?: object) {
  const data = member && JSON.stringify(member);
  const text = data === undefined ? `${socketId}:${channel}` : `${socketId}:${channel}:${data}`;
  return { auth: `${app.key}:${sign(app.secret, text)}`, ...(data && { channel_data: data }) };
}

function signin(app: Credentials, socketId: string, user: object) {
  const data = JSON.stringify(user);
  const auth = `${app.key}:${sign(app.secret, `${socketId}::user::${data}`)}`;
  return { event: "pusher:signin", data: { auth, user_data: data } };
}

async function refusal(promise: Promise<unknown>): Promise<unknown> {
  const error = await promise.then(() => assert.fail("it was taken"), Object);
  return error.status;
}

describe("two apps on one node", () => {
  it("C17: an event reaches the channel of its own app, and not the one of the same name", async () => {
    const { port, api } = await startNode();
    const { inShop, inChat } = await connectBoth(port);
    await inShop.subscribe("news");
    await inChat.subscribe("news");

    await api(shop).trigger("news", "sale", "shop");
    assert.equal((await inShop.next("sale"))["data"], "shop");
    await inChat.hasHeardNothing();

    await api(chat).triggerBatch([{ channel: "news", name: "hello", data: "chat" }]);
    assert.equal((await inChat.next("hello"))["data"], "chat");
    await inShop.hasHeardNothing();

    const [secondOfShop, secondOfChat] = [connect(port, shop), connect(port, chat)];
    await secondOfShop.established();
    await secondOfChat.established();
    await secondOfShop.subscribe("news");
    await secondOfChat.subscribe("news");
    secondOfShop.say({ event: "client-wave", channel: "news", data: {} });
    await inShop.next("client-wave");
    await inChat.hasHeardNothing();
    await secondOfChat.hasHeardNothing();
  });

  it("C17: a cache channel keeps the last event of its own app", async () => {
    const { port, api } = await startNode();
    await api(shop).trigger("cache-prices", "price", "1");
    const { inShop, inChat } = await connectBoth(port);
    await inShop.subscribe("cache-prices");
    await inShop.next("price");
    await inChat.subscribe("cache-prices");
    await inChat.next("pusher:cache_miss");
  });

  it("C17: members of a presence channel see those of their own app", async () => {
    const { port, api, get } = await startNode();
    const { inShop, inChat, shopSocketId, chatSocketId } = await connectBoth(port);
    const channel = "presence-room";
    const ann = { user_id: "ann", user_info: { name: "Ann" } };
    const bob = { user_id: "bob", user_info: { name: "Bob" } };
    await inShop.subscribe(channel, channelProof(shop, shopSocketId, channel, ann));
    const joined = await inChat.subscribe(channel, channelProof(chat, chatSocketId, channel, bob));
    assert.deepEqual(JSON.parse(String(joined["data"])).presence.ids, ["bob"]);
    await inShop.hasHeardNothing();
    assert.deepEqual(await get(api(shop), `/channels/${channel}/users`), {
      users: [{ id: "ann" }],
    });

    inChat.say({ event: "pusher:unsubscribe", data: { channel } });
    await inChat.hasHeardNothing();
    await inShop.hasHeardNothing();
    assert.equal(await refusal(get(api(chat), `/channels/${channel}/users`)), 404);
  });

  it("C17: the other app's key and secret open nothing here: channel, signin, API", async () => {
    const { port, api } = await startNode();
    const { inShop, shopSocketId } = await connectBoth(port);
    const channel = "private-orders";
    const forged = [
      channelProof(chat, shopSocketId, channel),
      channelProof({ ...chat, key: shop.key }, shopSocketId, channel),
    ];
    for (const proof of forged) {
      inShop.say({ event: "pusher:subscribe", data: { channel, ...proof } });
      await inShop.next("pusher:error");
      await inShop.next("pusher:subscription_error");
    }
    inShop.say(signin(chat, shopSocketId, { id: "ann" }));
    await inShop.next("pusher:error");
    await inShop.next("pusher:signin_error");

    assert.equal(await refusal(api(chat, shop.app_id).trigger("news", "e", "x")), 401);
    assert.equal(
      await refusal(api({ ...chat, key: shop.key }, shop.app_id).get({ path: "/channels" })),
      401,
    );
    await inShop.subscribe(channel, channelProof(shop, shopSocketId, channel));
  });

  it("C17: the API of an app, found by its id, tells of its own channels and connections", async () => {
    const { port, api, get } = await startNode();
    const { inShop, inChat } = await connectBoth(port);
    await inShop.subscribe("orders");
    await inShop.subscribe("news");
    await inChat.subscribe("news");
    assert.deepEqual(await get(api(shop), "/channels"), { channels: { orders: {}, news: {} } });
    assert.deepEqual(await get(api(chat), "/channels"), { channels: { news: {} } });
    assert.deepEqual(await get(api(chat), "/channels/orders"), { occupied: false });
    assert.deepEqual(await get(api(shop), "/connections"), { connections: 1 });
    assert.equal(await refusal(api(shop, "503").get({ path: "/channels" })), 404);
  });

  it("C15, C17: an app that is full leaves the other its connections", async () => {
    const { port } = await startNode({ shop: { max_connections: 1 } });
    for (const _ of [1, 2]) await connect(port, chat).established();
    const first = connect(port, shop);
    await first.established();
    const second = connect(port, shop);
    const error = await second.next("pusher:error");
    assert.match(String(error["data"]), /4004/);
    assert.equal(await second.closed(), 4004);
    await connect(port, chat).established();
    await first.hasHeardNothing();
  });

  it("X04, C17: the size of a message is bounded for each app by itself", async () => {
    const { port } = await startNode({ shop: { max_message_size: 200 } });
    const { inShop, inChat } = await connectBoth(port);
    const long = { event: "pusher:ping", data: "x".repeat(200) };
    inChat.say(long);
    await inChat.next("pusher:pong");
    inShop.say(long);
    assert.equal(await inShop.closed(), 1009);
    await inChat.hasHeardNothing();
  });

  it("C17: one app's messages and publishes use up no allowance of the other", async () => {
    const limits = {
      api_publish_rate: 0.001,
      api_publish_burst: 1,
      rate_limiting: { enabled: true, max_attempts: 1, decay_seconds: 3600 },
    };
    const { port, api } = await startNode({ shop: limits, chat: limits });
    await api(shop).trigger("news", "e", "x");
    assert.equal(await refusal(api(shop).trigger("news", "e", "x")), 429);
    assert.equal((await api(chat).trigger("news", "e", "x")).status, 200);

    const { inShop, inChat } = await connectBoth(port);
    await inShop.subscribe("a");
    inShop.say({ event: "pusher:subscribe", data: { channel: "b" } });
    assert.match(String((await inShop.next("pusher:error"))["data"]), /4301/);
    await inChat.subscribe("a");
  });

  it("C09, C17: a page may connect to the app that allows its origin", async () => {
    const { port } = await startNode({
      shop: { allowed_origins: ["shop.test"] },
      chat: { allowed_origins: ["chat.test"] },
    });
    const origin = { Origin: "https://shop.test" };
    await connect(port, shop, origin).established();
    const refused = connect(port, chat, origin);
    assert.match(String((await refused.next("pusher:error"))["data"]), /Origin not allowed/);
    assert.equal(await refused.closed(), 4009);
  });

  it("C17: users of the same id are two: their events, who watches them, and their end", async () => {
    const { port, api } = await startNode();
    const { inShop, inChat, shopSocketId, chatSocketId } = await connectBoth(port);
    const watcher = connect(port, chat);
    const watcherId = await watcher.established();
    watcher.say(signin(chat, watcherId, { id: "bob", watchlist: ["ann"] }));
    await watcher.next("pusher:signin_success");
    await watcher.next("pusher_internal:watchlist_events");

    inShop.say(signin(shop, shopSocketId, { id: "ann" }));
    await inShop.next("pusher:signin_success");
    await watcher.hasHeardNothing();
    inChat.say(signin(chat, chatSocketId, { id: "ann" }));
    await inChat.next("pusher:signin_success");
    const online = await watcher.next("pusher_internal:watchlist_events");
    assert.match(String(online["data"]), /online/);

    await api(shop).sendToUser("ann", "order", "x");
    await inShop.next("order");
    await inChat.hasHeardNothing();

    await api(shop).terminateUserConnections("ann");
    await inShop.next("pusher:error");
    assert.equal(await inShop.closed(), 4009);
    await inChat.hasHeardNothing();
    await watcher.hasHeardNothing();
  });

  it("C17: what happens is counted under the app's own id", async () => {
    const { port, api, metrics } = await startNode();
    const { inShop, inChat } = await connectBoth(port);
    await connect(port, shop).established();
    await inShop.subscribe("news");
    await inShop.subscribe("orders");
    await inChat.subscribe("news");
    inChat.say({ event: "pusher:subscribe", data: { channel: "private-x" } });
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
    assert.doesNotMatch(text, /(auth_failures|signatures_refused)_total\{app_id="501"/);
  });

  it("C17, W10: webhooks of an app go to its own endpoints, signed with its own secret", async () => {
    const seen: { path: string | undefined; key: unknown; isValid: boolean; body: string }[] = [];
    const upstream = createServer((req, res) => {
      let body = "";
      req.on("data", (chunk) => (body += String(chunk)));
      req.on("end", () => {
        const app = req.url === "/shop" ? shop : chat;
        const isValid = req.headers["x-pusher-signature"] === sign(app.secret, body);
        seen.push({ path: req.url, key: req.headers["x-pusher-key"], isValid, body });
        res.end();
      });
    });
    upstream.listen(0, "127.0.0.1");
    await once(upstream, "listening");
    cleanups.push(() => void upstream.close());
    const address = upstream.address();
    const upstreamPort = typeof address === "object" && address ? address.port : 0;
    const { port, stop } = await startNode({
      node: { upstream: `http://127.0.0.1:${upstreamPort}` },
      shop: { webhooks: [{ url: "/shop", events: ["channel_occupied"] }] },
      chat: { webhooks: [{ url: "/chat", events: ["channel_occupied"] }] },
    });
    const { inShop, inChat } = await connectBoth(port);
    await inShop.subscribe("of-shop");
    await inChat.subscribe("of-chat");
    await stop();
    upstream.closeAllConnections();

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

  it("C17: the answer of the upstream they share counts for the app whose secret signed it", async () => {
    const asked: string[] = [];
    const listener: RequestListener = (req, res) => {
      const chunks: Buffer[] = [];
      req.on("data", (chunk) => chunks.push(chunk));
      req.on("end", () => {
        const { channel_name, socket_id } = parseQuestion(Buffer.concat(chunks).toString());
        asked.push(channel_name);
        res.setHeader("Content-Type", "application/json");
        res.end(JSON.stringify(channelProof(shop, socket_id, channel_name)));
      });
    };
    const server = createServer(listener).listen(0, "127.0.0.1");
    await once(server, "listening");
    cleanups.push(() => {
      server.closeAllConnections();
      server.close();
    });
    const address = server.address();
    assert.ok(typeof address === "object" && address);
    const { port } = await startNode({ node: { upstream: `http://127.0.0.1:${address.port}` } });

    const page = { Origin: `http://127.0.0.1:${port}` };
    const [inShop, inChat] = [connect(port, shop, page), connect(port, chat, page)];
    await inShop.established();
    await inChat.established();
    await inShop.subscribe("private-of-shop");
    inChat.say({ event: "pusher:subscribe", data: { channel: "private-of-chat" } });
    await inChat.next("pusher:error");
    await inChat.next("pusher:subscription_error");
    assert.deepEqual(asked, ["private-of-shop", "private-of-chat"]);
  });

  it("C17, row 22: an app whose questions open its circuit breaker does not close the other's", async () => {
    // Answers shop's with the gateway's word that there is no PHP.
    const server = createServer((req, res) => {
      const chunks: Buffer[] = [];
      req.on("data", (chunk) => chunks.push(chunk));
      req.on("end", () => {
        const { channel_name, socket_id } = parseQuestion(Buffer.concat(chunks).toString());
        if (channel_name === "private-of-shop") return void res.writeHead(502).end();
        res.end(JSON.stringify(channelProof(chat, socket_id, channel_name)));
      });
    }).listen(0, "127.0.0.1");
    await once(server, "listening");
    cleanups.push(() => {
      server.closeAllConnections();
      server.close();
    });
    const address = server.address();
    assert.ok(typeof address === "object" && address);
    const { port, metrics } = await startNode({
      node: {
        upstream: `http://127.0.0.1:${address.port}`,
        trusted_proxies: ["127.0.0.1"],
        auth_retry_for: "0",
      },
    });
    for (let visitor = 1; visitor <= 6; visitor++) {
      const client = connect(port, shop, {
        Origin: `http://127.0.0.1:${port}`,
        "X-Forwarded-For": `203.0.113.${visitor}`,
      });
      await client.established();
      client.say({ event: "pusher:subscribe", data: { channel: "private-of-shop" } });
      await client.next("pusher:error");
      await client.next("pusher:subscription_error");
    }
    const states = await metrics();
    assert.match(states, /breaker_state\{app_id="501",state="open"\} 1/);
    assert.match(states, /breaker_state\{app_id="502",state="closed"\} 1/);
    const inChat = connect(port, chat, { Origin: `http://127.0.0.1:${port}` });
    await inChat.established();
    await inChat.subscribe("private-of-chat");
  });
});
