/** Of an app, and of what its clients may send. */

import assert from "node:assert/strict";
import type { app as appTable, clientMessages } from "../../../sidecar/config/table/app.ts";
import type { Client } from "../../kit/client.ts";
import { signChannel } from "../../kit/sign.ts";
import { app } from "../../kit/start.ts";
import { refusal, type Rows } from "./stage.ts";

export const appRows: Rows<typeof appTable | typeof clientMessages> = {
  async POGO_APP_ID({ start }) {
    const sidecar = await start("7");
    assert.equal((await sidecar.call("channels", { path: "/apps/7/channels" })).status, 200);
  },
  async POGO_APP_KEY({ start, connect }) {
    await connect(await start("another-key"), "/app/another-key");
  },
  async POGO_APP_SECRET({ start }) {
    const sidecar = await start("another-secret");
    const { status } = await sidecar.call("channels", {
      secret: "another-secret",
    });
    assert.equal(status, 200);
  },
  async POGO_ALLOWED_ORIGINS({ test, start, connect }) {
    const sidecar = await start("127.0.0.1");
    await connect(sidecar);
    assert.equal(await refusal(test, sidecar, { Origin: "http://evil.example" }), 4009);
  },
  async POGO_ACTIVITY_TIMEOUT({ start, connect }) {
    const { established } = await connect(await start("7s"));
    assert.equal(established.activity_timeout, 7);
  },
  async POGO_PING_PERIOD({ start, connect, clock }) {
    const client = await connect(await start("20s"));
    clock.nowMs += 20_001;
    await client.next("pusher:ping");
  },
  async POGO_PONG_WAIT({ start, connect, clock }) {
    const client = await connect(await start("54500ms"));
    clock.nowMs += 54_001;
    await client.next("pusher:ping");
    // By default it would have 6 s.
    clock.nowMs += 1_001;
    assert.equal(await client.closed(), 4201);
  },
  async POGO_APP_MAX_CONNECTIONS({ test, start, connect }) {
    const sidecar = await start("1");
    await connect(sidecar);
    assert.equal(await refusal(test, sidecar), 4004);
  },
  async POGO_MAX_MESSAGE_SIZE({ start, connect }) {
    const client = await connect(await start("100"));
    client.say("pusher:ping", { padding: "x".repeat(100) });
    assert.equal(await client.error(), 4306);
    client.say("pusher:ping", { padding: "x".repeat(200) });
    assert.equal(await client.closed(), 1009);
  },
  async POGO_MAX_CHANNELS_PER_CONNECTION({ start, connect }) {
    const client = await connect(await start("1"));
    assert.equal(await client.subscribe("one"), 200);
    assert.equal(await client.subscribe("two"), 403);
    assert.equal(await client.error(), 4302);
  },
  async POGO_MAX_PRESENCE_MEMBERS({ start, connect }) {
    const sidecar = await start("1");
    assert.equal(await joinAs(await connect(sidecar), "ada"), 200);
    const second = await connect(sidecar);
    assert.equal(await joinAs(second, "grace"), 403);
    assert.equal(await second.error(), 4303);
  },
  async POGO_MAX_PRESENCE_MEMBER_SIZE({ start, connect }) {
    const client = await connect(await start("30"));
    assert.equal(await joinAs(client, "ada"), 200);
    const second = await connect(await start("30"));
    assert.equal(await joinAs(second, "a".repeat(30)), 403);
    assert.equal(await second.error(), 4304);
  },
  async POGO_PRESENCE_GRACE({ start, connect, clock }) {
    const sidecar = await start("20s");
    const [ada, grace] = [await connect(sidecar), await connect(sidecar)];
    await joinAs(ada, "ada");
    await joinAs(grace, "grace");
    grace.socket.terminate();
    await sidecar.seriesBecome("pogo_websocket_connections_active", { 'app_id="app-id"': 1 });
    ada.say("pusher:ping");
    await ada.next("pusher:pong");
    assert.ok(!ada.messages.some(({ event }) => event === "pusher_internal:member_removed"));
    clock.nowMs += 20_001;
    await ada.next("pusher_internal:member_removed");
  },
  async POGO_SUBSCRIPTION_COUNT({ start, connect }) {
    const client = await connect(await start("true"));
    await client.subscribe("news");
    await client.next("pusher_internal:subscription_count");
  },
  async POGO_ACCEPT_CLIENT_EVENTS_FROM({ start, connect }) {
    const client = await connect(await start("none"));
    await client.subscribe("news");
    client.say("client-x", {}, "news");
    assert.equal(await client.error(), 4301);
  },
  async POGO_CLIENT_MSG_RATE_LIMIT({ start, connect, clock }) {
    const client = await connect(await start("1", { POGO_CLIENT_MSG_RATE_BURST: "1" }));
    await client.subscribe("news");
    client.say("client-x", {}, "news");
    client.say("client-x", {}, "news");
    assert.equal(await client.error(), 4301);
    // By default there would be 25 by now.
    clock.nowMs += 100;
    client.say("client-x", {}, "news");
    assert.equal(await client.error(), 4301);
  },
  async POGO_CLIENT_MSG_RATE_BURST({ start, connect }) {
    const client = await connect(await start("1"));
    await client.subscribe("news");
    client.say("client-x", {}, "news");
    client.say("client-x", {}, "news");
    assert.equal(await client.error(), 4301);
  },
  async POGO_RATE_LIMITING_ENABLED({ start, connect }) {
    const client = await connect(await start("true"));
    for (let n = 0; n <= 60; n += 1) client.say("pusher:subscribe", { channel: `news-${n}` });
    assert.equal(await client.error(), 4301);
  },
  async POGO_RATE_LIMIT_MAX_ATTEMPTS({ start, connect }) {
    const client = await connect(await start("1", { POGO_RATE_LIMITING_ENABLED: "true" }));
    await client.subscribe("one");
    client.say("pusher:subscribe", { channel: "two" });
    assert.equal(await client.error(), 4301);
  },
  async POGO_RATE_LIMIT_DECAY_SECONDS({ start, connect, clock }) {
    const env = { POGO_RATE_LIMITING_ENABLED: "true", POGO_RATE_LIMIT_MAX_ATTEMPTS: "1" };
    const client = await connect(await start("10", env));
    await client.subscribe("one");
    clock.nowMs += 10_001;
    assert.equal(await client.subscribe("two"), 200);
  },
  async POGO_RATE_LIMIT_TERMINATE({ start, connect }) {
    const env = { POGO_RATE_LIMITING_ENABLED: "true", POGO_RATE_LIMIT_MAX_ATTEMPTS: "1" };
    const client = await connect(await start("true", env));
    await client.subscribe("one");
    client.say("pusher:subscribe", { channel: "two" });
    assert.equal(await client.closed(), 4100);
  },
};

/** Subscribes to `presence-room` as this user; 200, or the refusal's status. */
function joinAs(client: Client, userId: string): Promise<number> {
  const proof = signChannel(app, client.socketId, "presence-room", { user_id: userId });
  return client.subscribe("presence-room", proof);
}
