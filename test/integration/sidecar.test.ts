import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, type IncomingHttpHeaders, type RequestListener } from "node:http";
import { connect as connectTcp } from "node:net";
import { afterEach, describe, it } from "node:test";
import { pino } from "pino";
import Pusher from "pusher";
import { WebSocket, WebSocketServer } from "ws";
import { loadConfig } from "../../sidecar/config.ts";
import { sign } from "../../sidecar/core/signature.ts";
import { createSidecar, type Overrides } from "../../sidecar/sidecar.ts";
import { connectRaw, exchangeRaw } from "../../sidecar/testing/raw-http.ts";
import { parseQuestion } from "../../sidecar/testing/running.ts";

const credentials = { key: "app-key", secret: "app-secret" };
const cleanups: (() => Promise<void> | void)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).toReversed()) await cleanup();
});

/** An app behind the sidecar: a real HTTP server. */
async function startUpstream(listener: RequestListener): Promise<number> {
  const server = createServer(listener);
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  cleanups.push(() => {
    server.closeAllConnections();
    server.close();
  });
  const address = server.address();
  return typeof address === "object" && address ? address.port : 0;
}

async function startSidecar(env: Record<string, string>, overrides: Overrides = {}) {
  const loaded = loadConfig({
    argv: [],
    env: {
      REVERB_APP_ID: "app-id",
      REVERB_APP_KEY: credentials.key,
      REVERB_APP_SECRET: credentials.secret,
      POGO_HOST: "127.0.0.1",
      POGO_PORT: "0",
      POGO_ADMIN_PORT: "0",
      ...env,
    },
    readFile: () => assert.fail("no file was named"),
  });
  assert.ok(loaded.ok, JSON.stringify(loaded));
  const lines: Record<string, unknown>[] = [];
  const log = pino({ level: "debug" }, { write: (line) => void lines.push(JSON.parse(line)) });
  const sidecar = createSidecar(loaded.config, { version: "0.0.0-test", log, ...overrides });
  const { port, adminPort } = await sidecar.start();
  cleanups.push(() => sidecar.stop());
  return {
    sidecar,
    port,
    lines,
    url: `http://127.0.0.1:${port}`,
    admin: `http://127.0.0.1:${adminPort}`,
  };
}

function connect(port: number, headers: Record<string, string> = {}) {
  const socket = new WebSocket(`ws://127.0.0.1:${port}/app/${credentials.key}`, { headers });
  cleanups.push(() => socket.terminate());
  const messages: Record<string, unknown>[] = [];
  let wake = (): void => {};
  socket.on("message", (data) => {
    messages.push(JSON.parse(String(data)));
    wake();
  });
  return {
    socket,
    async next(event: string): Promise<Record<string, unknown>> {
      for (;;) {
        const message = messages.shift();
        if (message?.["event"] === event) return message;
        if (message) assert.fail(`waited for ${event}, got ${JSON.stringify(message)}`);
        await new Promise<void>((resolve) => (wake = resolve));
      }
    },
    say: (message: unknown) => socket.send(JSON.stringify(message)),
  };
}

/** What Laravel's `/broadcasting/auth` does, for whoever has the right cookie. */
const authEndpoint: RequestListener = (req, res) => {
  if (req.url !== "/broadcasting/auth") {
    res.setHeader("X-Seen-Host", req.headers.host ?? "");
    return void res.end(`page ${req.url}`);
  }
  const chunks: Buffer[] = [];
  req.on("data", (chunk) => chunks.push(chunk));
  req.on("end", () => {
    const { channel_name, socket_id } = parseQuestion(Buffer.concat(chunks).toString());
    if (req.headers.cookie !== "session=ann") return void res.writeHead(403).end('{"message":""}');
    const auth = `${credentials.key}:${sign(credentials.secret, `${socket_id}:${channel_name}`)}`;
    res.setHeader("Content-Type", "application/json");
    res.end(JSON.stringify({ auth }));
  });
};

describe("sidecar", () => {
  it("serves WebSockets, API and pages of the app on one port", async () => {
    const upstreamPort = await startUpstream(authEndpoint);
    const { port, url } = await startSidecar({
      POGO_UPSTREAM: `http://127.0.0.1:${upstreamPort}`,
    });

    const page = await fetch(`${url}/page?x=1`);
    assert.equal(await page.text(), "page /page?x=1");
    assert.equal(page.headers.get("x-seen-host"), `127.0.0.1:${port}`);
    assert.equal(await (await fetch(`${url}/up`)).text(), "page /up");

    const client = connect(port);
    await client.next("pusher:connection_established");
    client.say({ event: "pusher:subscribe", data: { channel: "news" } });
    await client.next("pusher_internal:subscription_succeeded");
    const sdk = new Pusher({
      appId: "app-id",
      ...credentials,
      host: "127.0.0.1",
      port: String(port),
    });
    assert.equal((await sdk.trigger("news", "e", { a: 1 })).status, 200);
    assert.deepEqual(await client.next("e"), { event: "e", channel: "news", data: '{"a":1}' });
  });

  it("Q01, Q02, Q03, Q08: authorizes a subscription without a signature by asking the app, with the page's own cookie", async () => {
    const upstreamPort = await startUpstream(authEndpoint);
    const { port, admin } = await startSidecar({
      POGO_UPSTREAM: `http://127.0.0.1:${upstreamPort}`,
    });
    const origin = `http://127.0.0.1:${port}`;
    const ann = connect(port, { Cookie: "session=ann", Origin: origin });
    await ann.next("pusher:connection_established");
    ann.say({ event: "pusher:subscribe", data: { channel: "private-x" } });
    await ann.next("pusher_internal:subscription_succeeded");

    const bob = connect(port, { Cookie: "session=bob", Origin: origin });
    await bob.next("pusher:connection_established");
    bob.say({ event: "pusher:subscribe", data: { channel: "private-x" } });
    await bob.next("pusher:error");
    const refused = await bob.next("pusher:subscription_error");
    assert.equal(JSON.parse(String(refused["data"])).status, 403);

    const evil = connect(port, { Cookie: "session=ann", Origin: "http://evil.example" });
    await evil.next("pusher:connection_established");
    evil.say({ event: "pusher:subscribe", data: { channel: "private-x" } });
    await evil.next("pusher:error");
    await evil.next("pusher:subscription_error");

    const metrics = await (await fetch(`${admin}/metrics`)).text();
    assert.match(
      metrics,
      /pogo_websocket_auth_failures_total\{app_id="app-id",reason="forbidden"\} 1/,
    );
    assert.match(
      metrics,
      /pogo_websocket_auth_failures_total\{app_id="app-id",reason="origin"\} 1/,
    );
    assert.match(metrics, /pogo_websocket_auth_duration_seconds_count 2/);
    assert.match(
      metrics,
      /pogo_websocket_circuit_breaker_state\{app_id="app-id",state="closed"\} 1/,
    );
    assert.match(metrics, /pogo_websocket_connections_active\{app_id="app-id"\} 3/);
    assert.match(metrics, /pogo_websocket_subscriptions_active\{app_id="app-id"\} 1/);
  });

  it("O01, O03: stand-alone, /up is ours and the rest is 404", async () => {
    const { port, url } = await startSidecar({ POGO_UPSTREAM: "none" });
    const health = await fetch(`${url}/up`);
    assert.equal(health.status, 200);
    assert.equal(await health.text(), '{"health":"OK"}');
    const posted = await fetch(`${url}/up`, { method: "POST", body: "x" });
    assert.deepEqual([posted.status, posted.headers.get("allow")], [405, "GET"]);
    const page = await fetch(`${url}/page`);
    assert.deepEqual([page.status, await page.text()], [404, "Not found."]);
    const stranger = new WebSocket(`ws://127.0.0.1:${port}/hmr`);
    const [error] = await once(stranger, "error");
    assert.match(String(error), /404/);
    const client = connect(port, { Origin: url });
    await client.next("pusher:connection_established");
    client.say({ event: "pusher:subscribe", data: { channel: "private-x" } });
    await client.next("pusher:error");
  });

  it("an app that is not there: 502 for its pages, 503 for authorizations, while WebSockets work", async () => {
    const { port, url, lines } = await startSidecar({
      POGO_UPSTREAM: "http://127.0.0.1:9",
      POGO_AUTH_RETRY_FOR: "0",
    });
    const page = await fetch(`${url}/page`);
    assert.equal(page.status, 502);
    assert.doesNotMatch(await page.text(), /127\.0\.0\.1|ECONN/);
    const client = connect(port, { Origin: url });
    await client.next("pusher:connection_established");
    client.say({ event: "pusher:subscribe", data: { channel: "private-x" } });
    await client.next("pusher:error");
    const refused = await client.next("pusher:subscription_error");
    assert.equal(JSON.parse(String(refused["data"])).status, 503);
    const warning = lines.find(({ level }) => level === 40);
    assert.equal(warning?.["fault"], "connect_failed");
  });

  it("an unknown app id in a signed request is answered here, not by the app", async () => {
    const upstreamPort = await startUpstream(authEndpoint);
    const { url } = await startSidecar({ POGO_UPSTREAM: `http://127.0.0.1:${upstreamPort}` });
    const signed = await fetch(`${url}/apps/nope/channels?auth_key=k&auth_signature=s`);
    assert.equal(await signed.text(), "No matching application for ID [nope].");
    const page = await fetch(`${url}/apps/nope/channels`);
    assert.equal(await page.text(), "page /apps/nope/channels");
  });

  it("says what to look at when the app does not sign at all", async () => {
    const upstreamPort = await startUpstream((_req, res) => void res.end());
    const { port, url, lines } = await startSidecar({
      POGO_UPSTREAM: `http://127.0.0.1:${upstreamPort}`,
    });
    const client = connect(port, { Origin: url });
    await client.next("pusher:connection_established");
    client.say({ event: "pusher:subscribe", data: { channel: "private-x" } });
    await client.next("pusher:error");
    await client.next("pusher:subscription_error");
    const warning = lines.find(({ level }) => level === 40);
    assert.equal(warning?.["reason"], "invalid_response_json");
    assert.match(String(warning["hint"]), /BROADCAST_CONNECTION/);
  });

  it("answers what no parser should have to read twice with 400, and lives on", async () => {
    const { url, port } = await startSidecar({ POGO_UPSTREAM: "none" });
    const socket = new WebSocket(`ws://127.0.0.1:${port}/app/${credentials.key}`, {
      headers: { Host: "a,b" },
    });
    const [error] = await once(socket, "error");
    assert.match(String(error), /400/);
    assert.equal((await fetch(`${url}/up`)).status, 200);
  });

  it("a client that breaks off its request during the answer gets no second one inside it", async (test) => {
    const upstreamPort = await startUpstream((_req, res) => void res.write("half"));
    const { port } = await startSidecar({ POGO_UPSTREAM: `http://127.0.0.1:${upstreamPort}` });
    const client = await connectRaw(test, port);
    client.write("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n");
    await client.until("half");
    client.write("no chunk\r\n");
    assert.doesNotMatch(await client.untilEnd(), /half[^]*HTTP\/1\.1/);
  });

  it("what Node's parser refuses is answered in HTTP", async (test) => {
    const { port } = await startSidecar({ POGO_UPSTREAM: "none" });
    assert.match(await exchangeRaw(test, port, "nonsense\r\n\r\n"), /^HTTP\/1\.1 400 /);
    const long = `GET / HTTP/1.1\r\nHost: a\r\nX: ${"x".repeat(33_000)}\r\n\r\n`;
    assert.match(await exchangeRaw(test, port, long), /^HTTP\/1\.1 431 /);
    const trace = await exchangeRaw(test, port, "TRACE / HTTP/1.1\r\nHost: a\r\n\r\n");
    assert.match(trace, /^HTTP\/1\.1 405 [^]*\r\nAllow: GET/);
  });

  it("has probes and metrics on a port of their own", async () => {
    const { url, admin } = await startSidecar({ POGO_UPSTREAM: "none" });
    assert.equal((await fetch(`${admin}/livez`)).status, 200);
    assert.equal((await fetch(`${admin}/readyz`)).status, 200);
    const metrics = await (await fetch(`${admin}/metrics`)).text();
    for (const name of ["connections_active", "subscriptions_active", "messages_total"]) {
      assert.match(metrics, new RegExp(`^pogo_websocket_${name}\\{app_id="app-id"\\} 0$`, "m"));
    }
    const health = Object(await (await fetch(`${admin}/pogo/health`)).json());
    assert.deepEqual(Object.keys(health), [
      "status",
      "version",
      "uptime_seconds",
      "connections",
      "circuit_breaker",
    ]);
    assert.equal((await fetch(`${admin}/nope`)).status, 404);
    assert.equal((await fetch(`${admin}/livez`, { method: "POST" })).status, 405);
    for (const path of ["/livez", "/readyz", "/metrics", "/pogo/health"]) {
      assert.equal((await fetch(url + path)).status, 404, path);
    }
  });

  it("W01, W09, W11: tells the app what happened, at a path of its own, and what waits when it stops", async () => {
    const received: { headers: IncomingHttpHeaders; body: string }[] = [];
    const upstreamPort = await startUpstream((req, res) => {
      let body = "";
      req.on("data", (chunk) => (body += String(chunk)));
      req.on("end", () => {
        received.push({ headers: req.headers, body });
        res.end();
      });
    });
    const { sidecar, port } = await startSidecar({
      POGO_UPSTREAM: `http://127.0.0.1:${upstreamPort}`,
      POGO_WEBHOOK_URL: "/pusher/webhook",
      POGO_WEBHOOK_EVENTS: "channel_occupied,channel_vacated,client_event",
    });
    const client = connect(port);
    await client.next("pusher:connection_established");
    client.say({ event: "pusher:subscribe", data: { channel: "room" } });
    await client.next("pusher_internal:subscription_succeeded");
    client.say({ event: "client-x", channel: "room", data: { a: 1 } });
    client.say({ event: "pusher:ping" });
    await client.next("pusher:pong");
    await sidecar.stop();

    const sdk = new Pusher({ appId: "app-id", ...credentials, cluster: "" });
    const names = received.flatMap(({ headers, body }) => {
      const webhook = sdk.webhook({ headers, rawBody: body });
      assert.ok(webhook.isValid());
      return webhook.getEvents().map(({ name }) => name);
    });
    assert.deepEqual(names, ["channel_occupied", "client_event", "channel_vacated"]);
  });

  it("O04: stops: no new connections, WebSockets closed with 4100, requests in flight finished", async () => {
    const arrived = Promise.withResolvers<void>();
    const release = Promise.withResolvers<void>();
    const upstreamPort = await startUpstream((_req, res) => {
      arrived.resolve();
      void release.promise.then(() => res.end("late"));
    });
    const { sidecar, port, url, admin, lines } = await startSidecar({
      POGO_UPSTREAM: `http://127.0.0.1:${upstreamPort}`,
    });
    const client = connect(port);
    await client.next("pusher:connection_established");
    const closed = once(client.socket, "close");
    const slow = fetch(`${url}/slow`);
    await arrived.promise;

    const stopped = sidecar.stop();
    assert.equal(sidecar.stop(), stopped);
    const [code] = await closed;
    assert.equal(code, 4100);
    const notReady = await fetch(`${admin}/readyz`);
    assert.deepEqual([notReady.status, await notReady.text()], [503, "not ready: draining\n"]);
    assert.equal((await fetch(`${admin}/livez`)).status, 200);
    await assert.rejects(fetch(`${url}/new`));

    release.resolve();
    assert.equal(await (await slow).text(), "late");
    await stopped;
    assert.equal(lines.at(-1)?.["msg"], "stopped");
    assert.ok(!lines.some(({ msg }) => /timeout/.test(String(msg))));
  });

  it("O04: the closes are spread over POGO_DRAIN_WINDOW, or not at all where it is 0", async () => {
    for (const [window, expected] of [
      ["200ms", [1006, 4100]],
      ["0", [4100, 4100]],
    ] as const) {
      const env = { POGO_UPSTREAM: "none", POGO_DRAIN_WINDOW: window };
      // A clock that stands still: a second close is never due, and cut when the time is over.
      const { sidecar, port } = await startSidecar(
        { ...env, POGO_SHUTDOWN_TIMEOUT: "300ms" },
        { now: () => 1_000 },
      );
      const clients = [connect(port), connect(port)];
      for (const client of clients) await client.next("pusher:connection_established");
      const codes = clients.map(async ({ socket }) => Number((await once(socket, "close"))[0]));
      await sidecar.stop();
      assert.deepEqual(
        (await Promise.all(codes)).toSorted((a, b) => a - b),
        expected,
      );
    }
  });

  it("D4: a connection on which nothing was asked yet, as browsers open them in advance, does not delay the stop", async () => {
    const { sidecar, port, lines } = await startSidecar({ POGO_UPSTREAM: "none" });
    const spare = connectTcp(port, "127.0.0.1");
    await once(spare, "connect");
    // Connections are accepted in order: once a later one has had its answer, the spare one is known.
    const client = connect(port);
    await client.next("pusher:connection_established");

    const closed = once(spare, "close");
    spare.resume();
    await sidecar.stop();
    await closed;
    assert.ok(!lines.some(({ msg }) => /timeout/.test(String(msg))));
  });

  it("O04: WebSockets of the app itself don't hold up the stop; their clients reconnect elsewhere", async () => {
    const app = new WebSocketServer({ port: 0, host: "127.0.0.1" });
    cleanups.push(() => app.close());
    await once(app, "listening");
    const address = app.address();
    const upstreamPort = typeof address === "object" ? address?.port : undefined;
    const { sidecar, port, lines } = await startSidecar({
      POGO_UPSTREAM: `http://127.0.0.1:${upstreamPort}`,
    });
    const hmr = new WebSocket(`ws://127.0.0.1:${port}/hmr`);
    await once(hmr, "open");
    const closed = once(hmr, "close");
    await sidecar.stop();
    await closed;
    assert.ok(!lines.some(({ msg }) => /timeout/.test(String(msg))));
  });

  it("cuts what is still open after shutdown_timeout", async () => {
    const arrived = Promise.withResolvers<void>();
    const upstreamPort = await startUpstream(() => arrived.resolve());
    const { sidecar, url, lines } = await startSidecar({
      POGO_UPSTREAM: `http://127.0.0.1:${upstreamPort}`,
      POGO_SHUTDOWN_TIMEOUT: "100ms",
    });
    const hanging = fetch(`${url}/hang`).then(
      () => "answered",
      () => "cut",
    );
    await arrived.promise;
    await sidecar.stop();
    assert.equal(await hanging, "cut");
    assert.ok(lines.some(({ msg }) => /shutdown timeout/.test(String(msg))));
  });

  it("rejects when a port can't be had", async () => {
    const { port } = await startSidecar({ POGO_UPSTREAM: "none" });
    await assert.rejects(startSidecar({ POGO_UPSTREAM: "none", POGO_PORT: String(port) }), {
      code: "EADDRINUSE",
    });
  });

  it("logs no secret, cookie or signature", async () => {
    const upstreamPort = await startUpstream(authEndpoint);
    const { port, url, lines } = await startSidecar({
      POGO_UPSTREAM: `http://127.0.0.1:${upstreamPort}`,
    });
    const client = connect(port, { Cookie: "session=ann", Origin: url });
    await client.next("pusher:connection_established");
    client.say({
      event: "pusher:subscribe",
      data: { channel: "private-x", auth: "foreign:s3cr3t" },
    });
    await client.next("pusher:error");
    await client.next("pusher:subscription_error");
    await fetch(`${url}/apps/app-id/channels?auth_key=app-key&auth_signature=s3cr3t`);
    await fetch(`${url}/page?token=s3cr3t`);
    const text = JSON.stringify(lines);
    assert.match(text, /its signature does not verify[^\n]*/);
    for (const secret of ["s3cr3t", "app-secret", "session=ann"]) {
      assert.ok(!text.includes(secret), `${secret} in ${text}`);
    }
  });
});
