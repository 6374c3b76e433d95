/** Signing in with pusher-js where the app's answer is not what its documentation shows, or does not come. */

import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import PusherServer from "pusher";
import { WebSocket } from "ws";
import { sign } from "../../sidecar/core/signature.ts";
import { inbox } from "./support/inbox.ts";
import { Pusher } from "./support/pusher-js.ts";
import { startSidecar, type Sidecar } from "../kit/process.ts";
import { freePort } from "../../sidecar/testing/ports.ts";

const app = { id: "1", key: "app-key", secret: "app-secret" };

describe("pusher-js signs in", () => {
  let sidecar: Sidecar;
  const pages: Pusher[] = [];

  before(async () => {
    const nowhere = await freePort();
    sidecar = await startSidecar({
      env: {
        REVERB_APP_ID: app.id,
        REVERB_APP_KEY: app.key,
        REVERB_APP_SECRET: app.secret,
        POGO_UPSTREAM: `http://127.0.0.1:${nowhere}`,
        POGO_AUTH_RETRY_FOR: "0",
      },
    });
  });
  // As a browser does; without an Origin the app is not asked.
  const { Runtime } = Pusher;
  Runtime.createWebSocket = (url) => {
    const origin = sidecar.url;
    return new WebSocket(url, { origin }) as unknown as ReturnType<typeof Runtime.createWebSocket>;
  };

  after(async () => {
    for (const page of pages) page.disconnect();
    await sidecar?.stop();
  });

  /** A page whose app signs this text for it; with null it leaves that to the sidecar. */
  function open(userData: string | null): Pusher {
    const page = new Pusher(app.key, {
      cluster: "",
      wsHost: "127.0.0.1",
      wsPort: sidecar.port,
      forceTLS: false,
      enabledTransports: ["ws"],
      userAuthentication: {
        endpoint: "",
        transport: "ajax",
        customHandler: ({ socketId }, callback) => {
          if (userData === null) return callback(null, { auth: "", user_data: "" });
          const auth = `${app.key}:${sign(app.secret, `${socketId}::user::${userData}`)}`;
          callback(null, { auth, user_data: userData });
        },
      },
    });
    pages.push(page);
    return page;
  }

  test("U08: as a user whose id is a number, and receives the events for it", async () => {
    const page = open('{"id":9007199254740993,"user_info":{"name":"Ada"}}');
    const events = inbox<unknown>("an event for the user");
    page.user.bind("greeting", events.take);
    page.signin();
    await page.user.signinDonePromise;
    assert.deepEqual(page.user.user_data, {
      id: "9007199254740993",
      user_info: { name: "Ada" },
    });
    const server = new PusherServer({
      appId: app.id,
      key: app.key,
      secret: app.secret,
      host: "127.0.0.1",
      port: String(sidecar.port),
    });
    await server.sendToUser("9007199254740993", "greeting", { text: "hello" });
    assert.deepEqual(await events.next(), { text: "hello" });
  });

  test("U09: in vain while the app can't be reached, and goes on with what needs no user", async () => {
    const page = open(null);
    const errors = inbox<{ data: unknown }>("an error");
    const events = inbox<unknown>("an event of a public channel");
    page.connection.bind("error", errors.take);
    page.signin();
    assert.deepEqual((await errors.next()).data, {
      code: 4202,
      message: "Authentication is unavailable",
    });
    const news = page.subscribe("news");
    news.bind("pusher:subscription_succeeded", events.take);
    await events.next();
    assert.equal(page.connection.state, "connected");
  });
});
