// Signing in with pusher-js where the app's answer is not what its documentation shows.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import PusherServer from "pusher";
import { sign } from "../../sidecar/core/signature.ts";
import { inbox } from "./support/inbox.ts";
import { Pusher } from "./support/pusher-js.ts";
import { startSidecar, type Sidecar } from "./support/sidecar.ts";

const app = { id: "1", key: "app-key", secret: "app-secret" };

describe("pusher-js signs in", () => {
  let sidecar: Sidecar;
  const pages: Pusher[] = [];

  before(async () => {
    sidecar = await startSidecar({
      env: {
        REVERB_APP_ID: app.id,
        REVERB_APP_KEY: app.key,
        REVERB_APP_SECRET: app.secret,
        POGO_UPSTREAM: "none",
      },
    });
  });
  after(async () => {
    for (const page of pages) page.disconnect();
    await sidecar?.stop();
  });

  /** A page whose app signs this text for it. */
  function open(userData: string): Pusher {
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
          const auth = `${app.key}:${sign(app.secret, `${socketId}::user::${userData}`)}`;
          callback(null, { auth, user_data: userData });
        },
      },
    });
    pages.push(page);
    return page;
  }

  test("U08: as a user whose id is a number, and hears the events for it", async () => {
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
});
