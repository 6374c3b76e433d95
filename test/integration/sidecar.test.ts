import assert from "node:assert/strict";
import { once } from "node:events";
import {
  createServer,
  type IncomingHttpHeaders,
  type IncomingMessage,
  type ServerResponse,
} from "node:http";
import { connect as connectTcp } from "node:net";
import { text as readText } from "node:stream/consumers";
import { describe, it } from "node:test";
import Pusher from "pusher";
import { WebSocketServer } from "ws";
import { connectRaw, exchangeRaw, listen } from "../../sidecar/testing/raw-http.ts";
import { connectClient, openClient } from "../kit/client.ts";
import { app, readQuestion, signedAnswer, startApp, startSidecar } from "../kit/start.ts";

/** What Laravel's `/broadcasting/auth` does, for whoever has the right cookie. */
async function authEndpoint(req: IncomingMessage, res: ServerResponse): Promise<void> {
  if (req.url !== "/broadcasting/auth") {
    res.setHeader("X-Seen-Host", req.headers.host ?? "");
    return void res.end(`page ${req.url}`);
  }
  const { channel_name, socket_id } = await readQuestion(req);
  if (req.headers.cookie !== "session=ann") return void res.writeHead(403).end('{"message":""}');
  res.setHeader("Content-Type", "application/json");
  res.end(JSON.stringify(signedAnswer(socket_id, channel_name)));
}

describe("sidecar", () => {
  it("serves WebSockets, API and pages of the app on one port", async (test) => {
    const upstream = await startApp(test, authEndpoint);
    const { port, url } = await startSidecar(test, {
      POGO_UPSTREAM: upstream,
    });

    const page = await fetch(`${url}/page?x=1`);
    assert.equal(await page.text(), "page /page?x=1");
    assert.equal(page.headers.get("x-seen-host"), `127.0.0.1:${port}`);
    assert.equal(await (await fetch(`${url}/up`)).text(), "page /up");

    const client = await connectClient(test, port);
    assert.equal(await client.subscribe("news"), 200);
    const sdk = new Pusher({
      appId: app.id,
      key: app.key,
      secret: app.secret,
      host: "127.0.0.1",
      port: String(port),
    });
    assert.equal((await sdk.trigger("news", "e", { a: 1 })).status, 200);
    assert.equal(
      (await client.next("e")).text,
      '{"event":"e","channel":"news","data":"{\\"a\\":1}"}',
    );
  });

  it("Q01, Q02, Q03, Q08: authorizes a subscription without a signature by asking the app, with the page's own cookie", async (test) => {
    const upstream = await startApp(test, authEndpoint);
    const { port, metrics } = await startSidecar(test, {
      POGO_UPSTREAM: upstream,
    });
    const ann = await connectClient(test, port, { Cookie: "session=ann" });
    assert.equal(await ann.subscribe("private-x"), 200);

    const bob = await connectClient(test, port, { Cookie: "session=bob" });
    assert.equal(await bob.subscribe("private-x"), 403);

    const evil = await connectClient(test, port, {
      Cookie: "session=ann",
      Origin: "http://evil.example",
    });
    assert.notEqual(await evil.subscribe("private-x"), 200);

    const text = await metrics();
    assert.match(
      text,
      /pogo_websocket_auth_failures_total\{app_id="app-id",reason="forbidden"\} 1/,
    );
    assert.match(text, /pogo_websocket_auth_failures_total\{app_id="app-id",reason="origin"\} 1/);
    assert.match(text, /pogo_websocket_auth_duration_seconds_count 2/);
    assert.match(text, /pogo_websocket_circuit_breaker_state\{app_id="app-id",state="closed"\} 1/);
    assert.match(text, /pogo_websocket_connections_active\{app_id="app-id"\} 3/);
    assert.match(text, /pogo_websocket_subscriptions_active\{app_id="app-id"\} 1/);
  });

  it("O01, O03: stand-alone, /up is answered here and the rest is 404", async (test) => {
    const { port, url } = await startSidecar(test);
    const health = await fetch(`${url}/up`);
    assert.equal(health.status, 200);
    assert.equal(await health.text(), '{"health":"OK"}');
    const posted = await fetch(`${url}/up`, { method: "POST", body: "x" });
    assert.deepEqual([posted.status, posted.headers.get("allow")], [405, "GET"]);
    const page = await fetch(`${url}/page`);
    assert.deepEqual([page.status, await page.text()], [404, "Not found."]);
    assert.equal((await openClient(test, port, { path: "/hmr" }).answered).status, 404);
    const client = await connectClient(test, port);
    client.say("pusher:subscribe", { channel: "private-x" });
    await client.next("pusher:error");
  });

  it("an app that is not there: pages wait, then 503; 503 for authorizations too, while WebSockets work", async (test) => {
    const { port, url, adminUrl, lines } = await startSidecar(test, {
      POGO_UPSTREAM: "http://127.0.0.1:9",
      POGO_AUTH_RETRY_FOR: "0",
      POGO_UPSTREAM_WAIT: "300ms",
    });
    const page = await fetch(`${url}/page`);
    assert.equal(page.status, 503);
    assert.doesNotMatch(await page.text(), /127\.0\.0\.1|ECONN/);
    const client = await connectClient(test, port);
    assert.equal(await client.subscribe("private-x"), 503);
    const warning = lines.find(({ level }) => level === 40);
    assert.equal(warning?.["msg"], "the app does not answer: requests wait for it");
    assert.equal(warning?.["upstream"], "http://127.0.0.1:9");
    assert.match(String(warning?.["cause"]), /^connection refused/);
    const health = await (await fetch(`${adminUrl}/pogo/health`)).json();
    assert.equal(Object(health).upstream, "away");
    const metrics = await (await fetch(`${adminUrl}/metrics`)).text();
    assert.match(metrics, /^pogo_upstream_up 0$/m);
  });

  it("an unknown app id in a signed request is answered here, not by the app", async (test) => {
    const upstream = await startApp(test, authEndpoint);
    const { url } = await startSidecar(test, { POGO_UPSTREAM: upstream });
    const signed = await fetch(`${url}/apps/nope/channels?auth_key=k&auth_signature=s`);
    assert.equal(await signed.text(), "No matching application for ID [nope].");
    const page = await fetch(`${url}/apps/nope/channels`);
    assert.equal(await page.text(), "page /apps/nope/channels");
  });

  it("says what to look at when the app does not sign at all", async (test) => {
    const upstream = await startApp(test, (_req, res) => void res.end());
    const { port, lines } = await startSidecar(test, {
      POGO_UPSTREAM: upstream,
    });
    const client = await connectClient(test, port);
    assert.notEqual(await client.subscribe("private-x"), 200);
    const warning = lines.find(({ level }) => level === 40);
    assert.equal(warning?.["reason"], "invalid_response_json");
    assert.match(String(warning["hint"]), /BROADCAST_CONNECTION/);
  });

  it("answers what no parser should have to read twice with 400, and lives on", async (test) => {
    const { url, port } = await startSidecar(test);
    const { answered } = openClient(test, port, { headers: { Host: "a,b" } });
    assert.equal((await answered).status, 400);
    assert.equal((await fetch(`${url}/up`)).status, 200);
  });

  it("a client that breaks off its request during the answer gets no second one inside it", async (test) => {
    const upstream = await startApp(test, (_req, res) => void res.write("half"));
    const { port } = await startSidecar(test, { POGO_UPSTREAM: upstream });
    const client = await connectRaw(test, port);
    client.write("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n");
    await client.until("half");
    client.write("no chunk\r\n");
    assert.doesNotMatch(await client.untilEnd(), /half[^]*HTTP\/1\.1/);
  });

  it("what Node's parser refuses is answered in HTTP", async (test) => {
    const { port } = await startSidecar(test);
    assert.match(await exchangeRaw(test, port, "nonsense\r\n\r\n"), /^HTTP\/1\.1 400 /);
    const long = `GET / HTTP/1.1\r\nHost: a\r\nX: ${"x".repeat(33_000)}\r\n\r\n`;
    assert.match(await exchangeRaw(test, port, long), /^HTTP\/1\.1 431 /);
    const trace = await exchangeRaw(test, port, "TRACE / HTTP/1.1\r\nHost: a\r\n\r\n");
    assert.match(trace, /^HTTP\/1\.1 405 [^]*\r\nAllow: GET/);
  });

  it("has probes and metrics on a port of their own", async (test) => {
    const { url, adminUrl, metrics } = await startSidecar(test);
    assert.equal((await fetch(`${adminUrl}/livez`)).status, 200);
    assert.equal((await fetch(`${adminUrl}/readyz`)).status, 200);
    const text = await metrics();
    for (const name of ["connections_active", "subscriptions_active", "messages_total"]) {
      assert.match(text, new RegExp(`^pogo_websocket_${name}\\{app_id="app-id"\\} 0$`, "m"));
    }
    const health = Object(await (await fetch(`${adminUrl}/pogo/health`)).json());
    assert.deepEqual(Object.keys(health), [
      "status",
      "version",
      "uptime_seconds",
      "connections",
      "circuit_breaker",
    ]);
    assert.equal((await fetch(`${adminUrl}/nope`)).status, 404);
    assert.equal((await fetch(`${adminUrl}/livez`, { method: "POST" })).status, 405);
    for (const path of ["/livez", "/readyz", "/metrics", "/pogo/health"]) {
      assert.equal((await fetch(url + path)).status, 404, path);
    }
  });

  it("W01, W09, W11: webhooks say what happened, at a path of its own, and what waits when it stops", async (test) => {
    const received: { headers: IncomingHttpHeaders; body: string }[] = [];
    const upstream = await startApp(test, async (req, res) => {
      received.push({ headers: req.headers, body: await readText(req) });
      res.end();
    });
    const { stop, port } = await startSidecar(test, {
      POGO_UPSTREAM: upstream,
      POGO_WEBHOOK_URL: "/pusher/webhook",
      POGO_WEBHOOK_EVENTS: "channel_occupied,channel_vacated,client_event",
    });
    const client = await connectClient(test, port);
    assert.equal(await client.subscribe("room"), 200);
    client.say("client-x", { a: 1 }, "room");
    await client.roundTrip();
    await stop();

    const sdk = new Pusher({ appId: app.id, key: app.key, secret: app.secret, cluster: "" });
    const names = received.flatMap(({ headers, body }) => {
      const webhook = sdk.webhook({ headers, rawBody: body });
      assert.ok(webhook.isValid());
      return webhook.getEvents().map(({ name }) => name);
    });
    assert.deepEqual(names, ["channel_occupied", "client_event", "channel_vacated"]);
  });

  it("O04: stops: no new connections, WebSockets closed with 4100, requests in flight finished", async (test) => {
    const arrived = Promise.withResolvers<void>();
    const release = Promise.withResolvers<void>();
    const upstream = await startApp(test, (_req, res) => {
      arrived.resolve();
      void release.promise.then(() => res.end("late"));
    });
    const { stop, port, url, adminUrl, lines } = await startSidecar(test, {
      POGO_UPSTREAM: upstream,
    });
    const client = await connectClient(test, port);
    const slow = fetch(`${url}/slow`);
    await arrived.promise;

    const stopped = stop();
    assert.equal(stop(), stopped);
    assert.equal(await client.closed(), 4100);
    const notReady = await fetch(`${adminUrl}/readyz`);
    assert.deepEqual([notReady.status, await notReady.text()], [503, "not ready: draining\n"]);
    assert.equal((await fetch(`${adminUrl}/livez`)).status, 200);
    await assert.rejects(fetch(`${url}/new`));

    release.resolve();
    assert.equal(await (await slow).text(), "late");
    await stopped;
    assert.equal(lines.at(-1)?.["msg"], "stopped");
    assert.ok(!lines.some(({ msg }) => /timeout/.test(String(msg))));
  });

  it("O04: the closes are staggered over POGO_DRAIN_WINDOW, or not at all where it is 0", async (test) => {
    for (const [window, expected] of [
      ["200ms", [1006, 4100]],
      ["0", [4100, 4100]],
    ] as const) {
      const env = { POGO_DRAIN_WINDOW: window };
      // A clock that stands still: a second close is never due, and cut when the time is over.
      const { stop, port } = await startSidecar(
        test,
        { ...env, POGO_SHUTDOWN_TIMEOUT: "300ms" },
        { now: () => 1_000 },
      );
      const clients = [await connectClient(test, port), await connectClient(test, port)];
      const codes = clients.map((client) => client.closed());
      await stop();
      assert.deepEqual(
        (await Promise.all(codes)).toSorted((a, b) => a - b),
        expected,
      );
    }
  });

  it("D4: a connection on which nothing was asked yet, as browsers open them in advance, does not delay the stop", async (test) => {
    const { stop, port, lines } = await startSidecar(test);
    const spare = connectTcp(port, "127.0.0.1");
    await once(spare, "connect");
    // Connections are accepted in order: once a later one has had its answer, the spare one is known.
    await connectClient(test, port);

    const closed = once(spare, "close");
    spare.resume();
    await stop();
    await closed;
    assert.ok(!lines.some(({ msg }) => /timeout/.test(String(msg))));
  });

  it("O04: WebSockets of the app itself don't delay the stop; their clients reconnect elsewhere", async (test) => {
    const { options } = new WebSocketServer({ server: createServer() });
    const upstream = `http://127.0.0.1:${await listen(test, options.server ?? assert.fail())}`;
    const { stop, port, lines } = await startSidecar(test, {
      POGO_UPSTREAM: upstream,
    });
    const hmr = openClient(test, port, { path: "/hmr" });
    await once(hmr.socket, "open");
    await stop();
    await hmr.closed();
    assert.ok(!lines.some(({ msg }) => /timeout/.test(String(msg))));
  });

  it("cuts what is still open after shutdown_timeout", async (test) => {
    const arrived = Promise.withResolvers<void>();
    const upstream = await startApp(test, () => arrived.resolve());
    const { stop, url, lines } = await startSidecar(test, {
      POGO_UPSTREAM: upstream,
      POGO_SHUTDOWN_TIMEOUT: "100ms",
    });
    const hanging = fetch(`${url}/hang`).then(
      () => "answered",
      () => "cut",
    );
    await arrived.promise;
    await stop();
    assert.equal(await hanging, "cut");
    assert.ok(lines.some(({ msg }) => /shutdown timeout/.test(String(msg))));
  });

  it("rejects when a port can't be had", async (test) => {
    const { port } = await startSidecar(test);
    await assert.rejects(startSidecar(test, { POGO_PORT: String(port) }), {
      code: "EADDRINUSE",
    });
  });

  it("logs no secret, cookie or signature", async (test) => {
    const upstream = await startApp(test, authEndpoint);
    const { port, url, lines } = await startSidecar(test, {
      POGO_UPSTREAM: upstream,
    });
    const client = await connectClient(test, port, { Cookie: "session=ann" });
    assert.equal(await client.subscribe("private-x", { auth: "foreign:s3cr3t" }), 403);
    await fetch(`${url}/apps/app-id/channels?auth_key=app-key&auth_signature=s3cr3t`);
    await fetch(`${url}/page?token=s3cr3t`);
    const text = JSON.stringify(lines);
    assert.match(text, /its signature does not verify[^\n]*/);
    for (const secret of ["s3cr3t", "app-secret", "session=ann"]) {
      assert.ok(!text.includes(secret), `${secret} in ${text}`);
    }
  });
});
