/** What a real Laravel app sees through the sidecar, and what comes back; and Vite's dev server behind it. */

import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import { once } from "node:events";
import { Agent, request } from "node:http";
import type { IncomingMessage } from "node:http";
import { text } from "node:stream/consumers";
import { after, before, describe, test } from "node:test";
import PusherServer from "pusher";
import { WebSocket } from "ws";
import { exchangeRaw, parseMessage } from "../../sidecar/testing/raw-http.ts";
import { json } from "./support/http-client.ts";
import { inbox } from "./support/inbox.ts";
import { startLaravel } from "./support/laravel.ts";
import type { SeenByPhp } from "./support/laravel.ts";
import { readMetric } from "./support/metrics.ts";
import { needsLaravel } from "./support/needs.ts";
import { connectClient } from "../kit/client.ts";
import { startSidecar } from "../kit/process.ts";
import type { Sidecar } from "../kit/process.ts";
import { startStack } from "./support/stack.ts";
import type { Stack } from "./support/stack.ts";
import { startVite } from "./support/vite.ts";
import type { Vite } from "./support/vite.ts";
import { within } from "../../sidecar/testing/eventually.ts";

const sha256 = (bytes: Uint8Array): string => createHash("sha256").update(bytes).digest("hex");

describe("Laravel behind the sidecar", { skip: needsLaravel() }, () => {
  let stack: Stack;
  before(async () => (stack = await startStack()));
  after(() => stack?.stop());

  test("proxy F1, F3, F6: sees the client's host and address, and nothing that the client made up", async () => {
    const visitor = await stack.visitor();
    const seen = await json<SeenByPhp>(
      await visitor.get("/headers?a=1&b=%2e%2e", {
        "X-Forwarded-For": "6.6.6.6",
        "X-Forwarded-Proto": "https",
        "X-Forwarded-Host": "evil.test",
        "X-Forwarded-Port": "444",
        Forwarded: "for=6.6.6.6",
        "X-Real-IP": "6.6.6.6",
      }),
    );
    assert.equal(seen.ip, "127.0.0.1");
    assert.equal(seen.secure, false);
    assert.equal(seen.host, "127.0.0.1");
    assert.equal(seen.port, stack.sidecar.port);
    assert.equal(seen.target, "/headers?a=1&b=%2e%2e");
    assert.deepEqual(seen.headers["x-forwarded-host"], [`127.0.0.1:${stack.sidecar.port}`]);
    for (const name of ["x-forwarded-port", "forwarded", "x-real-ip"]) {
      assert.equal(seen.headers[name], undefined, name);
    }
  });

  test("proxy F2: believes a trusted proxy in front of it", async () => {
    const trusting = await startSidecar({
      env: {
        REVERB_APP_ID: "1",
        REVERB_APP_KEY: "k",
        REVERB_APP_SECRET: "s",
        POGO_UPSTREAM: stack.laravel.url,
        POGO_TRUSTED_PROXIES: "127.0.0.1",
      },
    });
    const answer = await fetch(`${trusting.url}/headers`, {
      headers: {
        "X-Forwarded-For": "203.0.113.7",
        "X-Forwarded-Proto": "https",
        "X-Forwarded-Host": "app.example",
      },
    });
    const seen = await json<SeenByPhp>(answer);
    await trusting.stop();
    assert.equal(seen.ip, "203.0.113.7");
    assert.equal(seen.url, "https://app.example/headers");
  });

  test("proxy S3, S4: two cookies come one by one, a redirect is relayed", async () => {
    const visitor = await stack.visitor();
    const cookies = (await visitor.get("/cookies")).headers.getSetCookie();
    assert.deepEqual(
      cookies.map((cookie) => cookie.split(";")[0]),
      ["first=one", "second=two%3B%20three%3D3"],
    );
    const redirect = await visitor.get("/redirect");
    assert.equal(redirect.status, 302);
    const location = redirect.headers.get("location");
    assert.equal(location, `${stack.sidecar.url}/headers?redirected=1`);
  });

  test("proxy P20, S10: an upload and a download arrive byte by byte", async () => {
    const visitor = await stack.visitor();
    const file = randomBytes(1_500_000);
    const form = new FormData();
    form.set("file", new Blob([file], { type: "image/png" }), "picture.png");
    const uploaded = await json<{ bytes: number; sha256: string; name: string }>(
      await visitor.post("/upload", form),
    );
    assert.deepEqual(
      [uploaded.name, uploaded.bytes, uploaded.sha256],
      ["picture.png", file.length, sha256(file)],
    );
    const download = await visitor.get("/download?bytes=5000000");
    const bytes = new Uint8Array(await download.arrayBuffer());
    assert.equal(bytes.length, 5_000_000);
    assert.equal(sha256(bytes), sha256(Buffer.from("0123456789".repeat(500_000))));
  });

  const bodies: readonly [method: string, body: string | ReadableStream, framing: string][] = [
    ["POST", "a=1&b=2", "content-length"],
    ["PUT", "a=1&b=2", "content-length"],
    ["PATCH", "a=1&b=2", "content-length"],
    ["DELETE", "a=1&b=2", "content-length"],
    ["POST", new Blob(["a=1&b=2"]).stream(), "chunked"],
    ["DELETE", new Blob(["a=1&b=2"]).stream(), "chunked"],
  ];
  for (const [method, body, framing] of bodies) {
    test(`proxy P10, P14: a body of ${method}, ${framing}, arrives whole`, async () => {
      const answer = await fetch(`${stack.sidecar.url}/headers`, { method, body, duplex: "half" });
      const seen = await json<SeenByPhp>(answer);
      assert.equal(seen.method, method);
      assert.deepEqual(seen.body, { bytes: 7, sha256: sha256(Buffer.from("a=1&b=2")) });
    });
  }

  test("proxy S5: HEAD ends without a body, and the connection serves on", async (t) => {
    const text = await exchangeRaw(
      t,
      stack.sidecar.port,
      "HEAD /status/418 HTTP/1.1\r\nHost: x\r\n\r\n" +
        "GET /status/418 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
    );
    const head = parseMessage(text, { isHead: true });
    assert.deepEqual([head.status, head.body], [418, ""]);
    const get = parseMessage(head.rest);
    assert.deepEqual([get.status, get.body], [418, "status 418"]);
  });

  test("proxy S11: headers of a stream come before its first event, and each event as it is sent", async () => {
    // The app flushes its headers, then waits half a second before each event.
    const answer = await fetch(`${stack.sidecar.url}/events?count=2&ms=500&delay=500`);
    const headersMs = performance.now();
    assert.equal(answer.headers.get("content-type")?.split(";")[0], "text/event-stream");
    const chunks: { text: string; ms: number }[] = [];
    for await (const chunk of answer.body ?? []) {
      chunks.push({ text: String(Buffer.from(chunk)), ms: performance.now() });
    }
    assert.deepEqual(
      chunks.map(({ text }) => text),
      ["data: 1\n\n", "data: 2\n\n"],
    );
    // Held back, they would come at once.
    assert.ok((chunks[0]?.ms ?? 0) - headersMs > 100, "the headers came with the first event");
    assert.ok((chunks[1]?.ms ?? 0) - (chunks[0]?.ms ?? 0) > 100, "the events came together");
  });

  test("proxy S1, S2: a client keeps its connection, though php -S closes its own each time", async () => {
    assert.equal((await fetch(`${stack.laravel.url}/headers`)).headers.get("connection"), "close");
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    const answers = [
      await get(agent, "/headers"),
      await get(agent, "/download?bytes=20000"),
      await get(agent, "/headers"),
    ];
    agent.destroy();
    assert.equal(new Set(answers.map(({ localPort }) => localPort)).size, 1);
    for (const { connection } of answers) assert.notEqual(connection, "close");
  });

  interface Answer {
    readonly connection: string | undefined;
    readonly localPort: number | undefined;
  }

  function get(agent: Agent, path: string): Promise<Answer> {
    const { promise, resolve, reject } = Promise.withResolvers<Answer>();
    const { port } = stack.sidecar;
    const req = request({ agent, host: "127.0.0.1", port, path }, (res) => {
      const { localPort } = res.socket;
      const { connection } = res.headers;
      res.resume();
      res.once("end", () => resolve({ connection, localPort }));
    });
    req.on("error", reject);
    req.end();
    return promise;
  }

  test("proxy R7: /up is Laravel's own", async () => {
    const answer = await fetch(`${stack.sidecar.url}/up`);
    assert.equal(answer.status, 200);
    assert.match(await answer.text(), /Application up/);
  });
});

describe("an app that goes and comes back", { skip: needsLaravel() }, () => {
  let stack: Stack;
  before(async () => (stack = await startStack()));
  after(() => stack?.stop());

  test("proxy E8, E12: while it is away its pages wait, afterwards they are there, and WebSockets all the time", async (test) => {
    const { sidecar, laravel, app } = stack;
    const visitor = await stack.visitor(1);
    const headers = { Cookie: visitor.cookieHeader(), Origin: sidecar.url };
    const client = await connectClient(test, stack.socketUrl, headers);
    await client.join("news");
    const publisher = new PusherServer({
      appId: app.id,
      key: app.key,
      secret: app.secret,
      host: "127.0.0.1",
      port: String(sidecar.port),
    });

    await laravel.stop();
    const waiting = fetch(`${sidecar.url}/headers`);
    await publisher.trigger("news", "greeting", { text: "from elsewhere" });
    assert.deepEqual((await client.next("greeting")).data, { text: "from elsewhere" });
    // Answered once the app is back: a client of this protocol can't ask again.
    client.say("pusher:subscribe", { channel: "private-user.1" });

    const again = await startLaravel({ sidecarPort: sidecar.port, port: laravel.port });
    try {
      assert.equal((await waiting).status, 200);
      // It has new sessions, in which nobody is logged in.
      const refusal = () =>
        client.frames.find(({ event }) => event === "pusher:subscription_error");
      const { data } = await client.first("the answer", refusal, 20_000);
      assert.equal(Object(data).status, 403);
    } finally {
      await again.stop();
    }
  });
});

describe("Vite's dev server behind the sidecar", () => {
  let vite: Vite;
  let sidecar: Sidecar;

  before(async () => {
    vite = await startVite();
    sidecar = await startSidecar({
      env: {
        REVERB_APP_ID: "1",
        REVERB_APP_KEY: "k",
        REVERB_APP_SECRET: "s",
        POGO_UPSTREAM: vite.url,
      },
    });
  });
  after(async () => {
    await sidecar?.stop();
    await vite?.stop();
  });

  test("proxy W8: serves the page, and a saved file reaches its client over the WebSocket", async () => {
    const html = { headers: { accept: "text/html" } };
    assert.match(await (await fetch(`${sidecar.url}/`, html)).text(), /@vite\/client/);
    assert.match(await (await fetch(`${sidecar.url}/main.js`)).text(), /"one"/);

    const socket = new WebSocket(`${sidecar.wsUrl}/?token=${vite.token}`, "vite-hmr");
    const messages = inbox<{ type: string; updates?: { path: string }[] }>("a message of Vite's");
    socket.on("message", (data) => messages.take(JSON.parse(String(data))));
    await within("the handshake", once(socket, "open"));
    assert.equal(socket.protocol, "vite-hmr");
    assert.equal((await messages.next()).type, "connected");
    assert.equal(await readMetric(sidecar.adminUrl, "pogo_proxy_tunnels_active"), 1);

    await vite.save("two");
    const { type, updates } = await messages.next();
    assert.deepEqual([type, updates?.map(({ path }) => path)], ["update", ["/main.js"]]);
    assert.match(await (await fetch(`${sidecar.url}/main.js?t=1`)).text(), /"two"/);
    socket.close();
    await within("the close", once(socket, "close"));
  });

  test("proxy W3: what Vite refuses, another site's page without its token, is refused with Vite's own answer", async () => {
    const origin = "https://evil.example";
    const socket = new WebSocket(`${sidecar.wsUrl}/?token=wrong`, "vite-hmr", { origin });
    socket.on("error", () => undefined); // the answer is looked at below
    const [, answer] = (await within("the refusal", once(socket, "unexpected-response"))) as [
      unknown,
      IncomingMessage,
    ];
    assert.deepEqual([answer.statusCode, await text(answer)], [400, "Bad Request"]);
    socket.terminate();
  });
});
