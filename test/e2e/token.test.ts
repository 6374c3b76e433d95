/** pusher-js whose handler answers a token instead of a signature, before an app that knows nobody but by token. */

import assert from "node:assert/strict";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { after, before, describe, test } from "node:test";
import PusherServer from "pusher";
import { WebSocket } from "ws";
import { readQuestion } from "../kit/start.ts";
import { inbox } from "./support/inbox.ts";
import { Pusher } from "./support/pusher-js.ts";
import { startSidecar, type Sidecar } from "../kit/process.ts";

const app = { id: "1", key: "app-key", secret: "app-secret" };
const server = new PusherServer({
  appId: app.id,
  key: app.key,
  secret: app.secret,
  host: "unused",
});
const users: Readonly<Record<string, { id: string; name: string }>> = {
  "1|of-ada": { id: "1", name: "Ada" },
};

/** What Laravel answers behind `auth:sanctum`. */
const tokenApp = createServer((req, res) => void answer(req, res));

async function answer(req: IncomingMessage, res: ServerResponse): Promise<void> {
  const { socket_id: socketId, channel_name: channel } = await readQuestion(req);
  const [, token = ""] = /^Bearer (.+)$/.exec(req.headers.authorization ?? "") ?? [];
  const user = users[token];
  if (!user) return void res.writeHead(401).end('{"message":"Unauthenticated."}');
  const proof = channel.startsWith("presence-")
    ? server.authorizeChannel(socketId, channel, { user_id: user.id, user_info: user })
    : server.authorizeChannel(socketId, channel);
  res.end(JSON.stringify(proof));
}

describe("pusher-js with a token", () => {
  let sidecar: Sidecar;
  const pages: Pusher[] = [];

  before(async () => {
    await new Promise<void>((resolve) => tokenApp.listen(0, "127.0.0.1", resolve));
    const address = tokenApp.address();
    assert.ok(typeof address === "object" && address);
    sidecar = await startSidecar({
      env: {
        REVERB_APP_ID: app.id,
        REVERB_APP_KEY: app.key,
        REVERB_APP_SECRET: app.secret,
        POGO_UPSTREAM: `http://127.0.0.1:${address.port}`,
        POGO_LOG_LEVEL: "trace",
      },
    });
  });
  after(async () => {
    for (const page of pages) page.disconnect();
    await sidecar?.stop();
    tokenApp.closeAllConnections();
    tokenApp.close();
  });

  /** A single-page app on another site; `session.token` is what it has by now. */
  function open(session: { token: string }): Pusher {
    const { Runtime } = Pusher;
    Runtime.createWebSocket = (url) =>
      new WebSocket(url, { origin: "https://spa.example" }) as unknown as ReturnType<
        typeof Runtime.createWebSocket
      >;
    const page = new Pusher(app.key, {
      cluster: "",
      wsHost: "127.0.0.1",
      wsPort: sidecar.port,
      forceTLS: false,
      enabledTransports: ["ws"],
      channelAuthorization: {
        endpoint: "",
        transport: "ajax",
        customHandler: ({ channelName }, callback) =>
          callback(null, {
            auth: `Bearer ${session.token}`,
            ...(channelName.startsWith("presence-") && {
              channel_data: JSON.stringify({ user_id: "claimed" }),
            }),
          }),
      },
    });
    pages.push(page);
    return page;
  }

  test("Q09: private and presence channels, from another site, as whom the app says", async () => {
    const page = open({ token: "1|of-ada" });
    const done = inbox<unknown>("a subscription");
    page.subscribe("private-orders.7").bind("pusher:subscription_succeeded", done.take);
    await done.next();
    const members = inbox<{ members: object }>("the members");
    page.subscribe("presence-room").bind("pusher:subscription_succeeded", members.take);
    assert.deepEqual((await members.next()).members, { 1: { id: "1", name: "Ada" } });
  });

  test("Q09: who logs in later on the same page and connection", async () => {
    const session = { token: "nobody's" };
    const page = open(session);
    const refused = inbox<{ status: number }>("a refusal");
    page.subscribe("private-too-early").bind("pusher:subscription_error", refused.take);
    assert.equal((await refused.next()).status, 403);
    session.token = "1|of-ada";
    const done = inbox<unknown>("a subscription");
    page.subscribe("private-orders.7").bind("pusher:subscription_succeeded", done.take);
    await done.next();
  });

  test("Q09: no token is in the log", () => {
    assert.doesNotMatch(sidecar.lines.join("\n"), /of-ada|nobody's/);
  });
});
