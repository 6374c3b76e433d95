/** Proves the test app by itself, without the sidecar: what the other suites hold the sidecar against. */

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { createServer } from "node:http";
import type { IncomingMessage, Server, ServerResponse } from "node:http";
import { text } from "node:stream/consumers";
import { after, before, describe, test } from "node:test";
import { checkChannelSignature, checkUserSignature } from "../../sidecar/core/signature.ts";
import { httpClient, json } from "./support/http-client.ts";
import { laravelEnv, startLaravel } from "./support/laravel.ts";
import type { Laravel, SeenByPhp } from "./support/laravel.ts";
import { needsLaravel } from "./support/needs.ts";

const { REVERB_APP_KEY: key = "", REVERB_APP_SECRET: secret = "" } = laravelEnv();
const credentials = { key, secret };

describe("the Laravel test app", { skip: needsLaravel() }, () => {
  let laravel: Laravel;
  let publishing: Server;
  const published: {
    url: string;
    body: { name: string; channels?: string[]; channel?: string; data: string; socket_id?: string };
  }[] = [];

  before(async () => {
    // In the sidecar's place, to see what the stock driver sends.
    const take = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
      published.push({ url: request.url ?? "", body: JSON.parse(await text(request)) });
      response.setHeader("content-type", "application/json").end("{}");
    };
    publishing = createServer((request, response) => void take(request, response));
    publishing.listen(0, "127.0.0.1");
    await once(publishing, "listening");
    const address = publishing.address();
    assert(address !== null && typeof address === "object");
    laravel = await startLaravel({ sidecarPort: address.port });
  });

  after(async () => {
    await laravel?.stop();
    publishing?.close();
  });

  const lastPublished = () => {
    const last = published.at(-1);
    assert(last !== undefined, "nothing was published");
    return last;
  };

  const authorize = async (channel: string, user?: number) => {
    const client = httpClient(laravel.url);
    if (user !== undefined) await client.login(user);
    const response = await client.post("/broadcasting/auth", {
      channel_name: channel,
      socket_id: "12.34",
    });
    return {
      status: response.status,
      body: await json<{ auth: string; channel_data: string }>(response),
    };
  };

  test("is up", async () => {
    assert.equal((await fetch(`${laravel.url}/up`)).status, 200);
  });

  test("knows who is logged in by the session cookie", async () => {
    const client = httpClient(laravel.url);
    assert.equal((await client.get("/user")).status, 401);
    await client.login(2);
    const { id, name } = await json<{ id: number; name: string }>(await client.get("/user"));
    assert.deepEqual({ id, name }, { id: 2, name: "Grace" });
    assert.equal((await client.get("/logout")).status, 204);
    assert.equal((await client.get("/user")).status, 401);
  });

  test("does not log in somebody who is not there", async () => {
    await assert.rejects(httpClient(laravel.url).login(99), /404/);
  });

  test("signs a private channel for who may have it, with no CSRF token", async () => {
    const { status, body } = await authorize("private-user.1", 1);
    assert.equal(status, 200);
    assert.deepEqual(Object.keys(body), ["auth"]);
    const subject = { socketId: "12.34", channel: "private-user.1" };
    assert.deepEqual(checkChannelSignature(credentials, subject, body.auth), { ok: true });
  });

  test("adds channel_data, a JSON string, for a presence channel", async () => {
    const { status, body } = await authorize("presence-room.1", 2);
    assert.equal(status, 200);
    assert.deepEqual(Object.keys(body).toSorted(), ["auth", "channel_data"]);
    assert.deepEqual(JSON.parse(body.channel_data), {
      user_id: "2",
      user_info: { id: 2, name: "Grace" },
    });
    const subject = {
      socketId: "12.34",
      channel: "presence-room.1",
      channelData: body.channel_data,
    };
    assert.deepEqual(checkChannelSignature(credentials, subject, body.auth), { ok: true });
  });

  const answers: readonly [channel: string, user: number | undefined, status: number][] = [
    ["private-orders.5", 1, 200],
    ["private-orders.abc", 1, 500],
    ["private-user.2", 1, 403],
    ["private-denied", 1, 403],
    ["private-unknown", 1, 403],
    ["private-user.1", undefined, 403],
    ["presence-room.1", undefined, 403],
  ];
  for (const [channel, user, status] of answers) {
    test(`proxy A25: ${user === undefined ? "a guest" : `user ${user}`} is answered ${status} for ${channel}`, async () => {
      assert.equal((await authorize(channel, user)).status, status);
    });
  }

  test("signs a user in at /broadcasting/user-auth", async () => {
    const client = httpClient(laravel.url);
    await client.login(3);
    const response = await client.post("/broadcasting/user-auth", { socket_id: "12.34" });
    assert.equal(response.status, 200);
    // Laravel sends this JSON as text/html.
    const { auth, user_data: userData } = JSON.parse(await response.text());
    assert.deepEqual(JSON.parse(userData), { id: "3", user_info: { name: "Linus" } });
    assert.deepEqual(checkUserSignature(credentials, { socketId: "12.34", userData }, auth), {
      ok: true,
    });
  });

  test("publishes an event with the stock reverb driver", async () => {
    const client = httpClient(laravel.url);
    await client.login(1);
    for (const [kind, channel] of [
      ["public", "news"],
      ["private", "private-news"],
      ["presence", "presence-news"],
    ] as const) {
      const response = await client.post("/broadcast", { kind, channel: "news", text: "hello" });
      assert.equal(response.status, 200, await response.text());
      const { url, body } = lastPublished();
      assert.match(url, /^\/apps\/123456\/events\?.*auth_signature=[0-9a-f]{64}$/);
      assert.equal(body.name, "App\\Events\\MessageSent");
      assert.equal(body.channel, channel);
      assert.deepEqual(JSON.parse(body.data), { text: "hello" });
      assert.equal(body.socket_id, undefined);
    }
  });

  test("names the own connection in toOthers()", async () => {
    const client = httpClient(laravel.url);
    await client.login(1);
    const event = { kind: "public", channel: "news", text: "hello", others: true };
    const response = await client.post("/broadcast", event, { "x-socket-id": "12.34" });
    assert.equal(response.status, 200, await response.text());
    assert.equal(lastPublished().body.socket_id, "12.34");
  });

  test("asks for the CSRF token everywhere but at the broadcasting endpoints", async () => {
    const event = { kind: "public", channel: "news", text: "hello" };
    assert.equal((await httpClient(laravel.url).post("/broadcast", event)).status, 419);
  });

  test("says what PHP saw of a request", async () => {
    const response = await fetch(`${laravel.url}/headers?x=%2F`, {
      method: "PUT",
      body: "abc",
      headers: {
        "x-forwarded-proto": "https",
        "x-forwarded-for": "1.2.3.4",
        "x-forwarded-host": "shop.test",
      },
    });
    const seen = await json<SeenByPhp>(response);
    assert.equal(seen.method, "PUT");
    assert.equal(seen.target, "/headers?x=%2F");
    assert.equal(seen.url, "https://shop.test/headers?x=%2F");
    assert.equal(seen.secure, true);
    assert.equal(seen.ip, "1.2.3.4");
    assert.deepEqual(seen.body, {
      bytes: 3,
      sha256: createHash("sha256").update("abc").digest("hex"),
    });
  });

  test("takes an upload and gives a download", async () => {
    const form = new FormData();
    form.set("file", new Blob(["0123456789".repeat(10_000)]), "digits.txt");
    const upload = await json<{ bytes: number; sha256: string }>(
      await fetch(`${laravel.url}/upload`, { method: "POST", body: form }),
    );
    assert.equal(upload.bytes, 100_000);
    const download = await (await fetch(`${laravel.url}/download?bytes=100000`)).bytes();
    assert.equal(createHash("sha256").update(download).digest("hex"), upload.sha256);
  });

  test("sets cookies, redirects, streams events", async () => {
    const cookies = (await fetch(`${laravel.url}/cookies`)).headers.getSetCookie();
    assert.deepEqual(
      cookies.map((cookie) => cookie.split(";")[0]),
      ["first=one", "second=two%3B%20three%3D3"],
    );
    const redirect = await fetch(`${laravel.url}/redirect`, { redirect: "manual" });
    assert.equal(redirect.status, 302);
    assert.match(redirect.headers.get("location") ?? "", /\/headers\?redirected=1$/);
    const events = await (await fetch(`${laravel.url}/events?count=3&ms=1`)).text();
    assert.equal(events, "data: 1\n\ndata: 2\n\ndata: 3\n\n");
  });

  test("serves the page with Echo and pusher-js", async () => {
    const client = httpClient(laravel.url);
    await client.login(1);
    assert.match(await (await client.get("/")).text(), /<b id="user">Ada<\/b>/);
    assert.match(await (await client.get("/js/echo.js")).text(), /^var Echo=/);
    assert.match(await (await client.get("/js/pusher.js")).text(), /exports\.Pusher=/);
  });
});
