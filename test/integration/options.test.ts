/** That every option reaches the running sidecar: each is set, and its effect seen from outside. */

import assert from "node:assert/strict";
import { statSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir, userInfo } from "node:os";
import { once } from "node:events";
import { createHmac, randomUUID } from "node:crypto";
import type { IncomingMessage, ServerResponse } from "node:http";
import { join } from "node:path";
import { text as readText } from "node:stream/consumers";
import { setTimeout as sleep } from "node:timers/promises";
import { describe, it, type TestContext } from "node:test";
import { WebSocket, WebSocketServer } from "ws";
import type { redisBroadcasts } from "../../sidecar/config/table/redis-broadcasts.ts";
import type { redis } from "../../sidecar/config/table/redis.ts";
import { allOptions, table } from "../../sidecar/config/table/table.ts";
import type { EnvNames } from "../../sidecar/config/table/values.ts";
import { startChild, waitUntilUp } from "../../sidecar/testing/child.ts";
import { startClogged } from "../../sidecar/testing/clogged-port.ts";
import { freePort, onFreePort } from "../../sidecar/testing/ports.ts";
import { connectRaw, type RawSocket } from "../../sidecar/testing/raw-http.ts";
import { connectClient, openClient, type Client } from "../kit/client.ts";
import { startCollector } from "../kit/collector.ts";
import { openPage, startGrantingApp } from "../kit/returning-page.ts";
import { signChannel } from "../kit/sign.ts";
import {
  app,
  signedAnswer,
  startApp,
  startSidecar,
  type RunningSidecar,
  readQuestion,
} from "../kit/start.ts";
import { serverFrames } from "../hostile/support/frames.ts";
import { openRaw } from "../hostile/support/raw-handshake.ts";
import { until, waitFor } from "../../sidecar/testing/eventually.ts";

/** An app that answers when it is told to, and how often it was asked so far. */
async function startWaiting(test: TestContext) {
  const open: ServerResponse[] = [];
  let count = 0;
  const upstream = await startApp(test, (_req, res) => {
    open.push(res);
    count += 1;
  });
  return {
    upstream,
    answer: () => void open.shift()?.end(),
    asked: (times: number) => waitFor(() => count === times),
  };
}

/** Behind any time limit that a row sets, and before its default is over. */
const lateMs = 1_000;

/** An app that answers late. */
async function startLate(test: TestContext) {
  const { promise: asked, resolve } = Promise.withResolvers<void>();
  const upstream = await startApp(test, (_req, res) => {
    resolve();
    setTimeout(() => void res.end(), lateMs);
  });
  return { upstream, asked };
}

type Env = Readonly<Record<string, string>>;

interface Stage {
  readonly test: TestContext;
  /** The clock of the sidecar that `start` starts; it stands still unless a row puts it forward. */
  readonly clock: { nowMs: number };
  /** A sidecar with this value of the row's own option, and no other option but those of `more`. */
  start(value: string, more?: Env): Promise<RunningSidecar>;
  connect(sidecar: RunningSidecar, path?: string): Promise<Client>;
}

type Row = (stage: Stage) => Promise<void>;

// The option table's own groups and order.
const root = join(import.meta.dirname, "../..");

type RedisNames = EnvNames<typeof redis> | EnvNames<typeof redisBroadcasts> | "POGO_ADMIN_URL";

const rows: Readonly<Record<Exclude<EnvNames<typeof table>, RedisNames>, Row>> = {
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

  async POGO_HOST({ start }) {
    const { port } = await start("127.0.0.2");
    assert.equal((await fetch(`http://127.0.0.2:${port}/up`)).status, 200);
    await assert.rejects(fetch(`http://127.0.0.1:${port}/up`));
  },
  async POGO_PORT({ start }) {
    const port = await onFreePort(async (free) => {
      await start(String(free));
      return free;
    });
    assert.equal((await fetch(`http://127.0.0.1:${port}/up`)).status, 200);
  },
  async POGO_REUSE_PORT({ start }) {
    const { port } = await start("true");
    const successor = await start("true", { POGO_PORT: String(port) });
    assert.equal(successor.port, port);
  },
  async POGO_WORKERS({ start }) {
    // Several need Redis (test/cluster/workers.test.ts); of what they share, this one has its part.
    const redis = { POGO_REDIS_HOST: "127.0.0.1:1", POGO_REDIS_TIMEOUT: "1ms" };
    const port = String(await freePort());
    const sidecar = await start("4", { ...redis, POGO_PORT: port, POGO_MAX_CONNECTIONS: "10" });
    assert.deepEqual(await sidecar.series("pogo_websocket_connections_max"), { "": 3 });
  },
  async POGO_SOCKET_MODE({ test, start }) {
    const path = await socketPath(test);
    await start("600", { POGO_HOST: `unix:${path}` });
    assert.equal(statSync(path).mode & 0o777, 0o600);
  },
  async POGO_SOCKET_OWNER({ test, start }) {
    const path = await socketPath(test);
    const { uid, gid } = userInfo();
    // Only root may give it to somebody else.
    const owner = uid === 0 ? { uid: 65_534, gid: 65_534 } : { uid, gid };
    await start(`${owner.uid}:${owner.gid}`, { POGO_HOST: `unix:${path}` });
    const found = statSync(path);
    assert.deepEqual({ uid: found.uid, gid: found.gid }, owner);
  },
  async POGO_API_SOCKET({ test, start }) {
    const path = await socketPath(test);
    const sidecar = await start(path);
    assert.equal((await sidecar.callOver(path, "channels")).status, 200);
    assert.equal((await sidecar.call("channels")).status, 200);
  },
  async POGO_API_ONLY_ON_SOCKET({ test, start }) {
    const path = await socketPath(test);
    const sidecar = await start("true", { POGO_API_SOCKET: path });
    assert.equal((await sidecar.callOver(path, "channels")).status, 200);
    const { status, text } = await sidecar.call("channels");
    assert.equal(status, 404);
    assert.match(text, /POGO_API_ONLY_ON_SOCKET/);
    assert.ok(sidecar.lines.some(({ msg }) => /Unix socket only/.test(String(msg))));
  },
  async POGO_PATH({ start, connect }) {
    const sidecar = await start("/ws");
    await connect(sidecar, "/ws/app/app-key");
    assert.equal(
      (await sidecar.call("channels", { path: "/ws/apps/app-id/channels" })).status,
      200,
    );
  },
  async POGO_TRUSTED_PROXIES({ test, start }) {
    const seen = await startRecordingApp(test);
    const sidecar = await start("127.0.0.1", { POGO_UPSTREAM: seen.url });
    await fetch(sidecar.url, { headers: { "X-Forwarded-Proto": "https" } });
    assert.equal(seen.requests[0]?.headers["x-forwarded-proto"], "https");
  },
  async POGO_PUBLIC_HEALTH({ start }) {
    const { url } = await start("true");
    for (const path of ["/up", "/pogo/health"]) {
      const answer = await fetch(`${url}${path}`);
      assert.deepEqual([answer.status, await answer.text()], [200, '{"status":"ok"}']);
    }
  },
  async POGO_HEADERS_TIMEOUT({ test, start }) {
    const { port } = await start("50ms");
    const client = await connectRaw(test, port);
    client.write("GET /up HTTP/1.1\r\nHost: a.test\r\n");
    assert.match(await client.untilEnd(), /^HTTP\/1\.1 408 /);
  },
  async POGO_REQUEST_TIMEOUT({ test, start }) {
    // Longer headers than the whole request may take are no reason not to start.
    const { port } = await start("100ms", { POGO_HEADERS_TIMEOUT: "60s" });
    const client = await announceBody(test, port, 100);
    assert.match(await client.write("{").untilEnd(), /^HTTP\/1\.1 408 /);
  },
  async POGO_MAX_TCP_CONNECTIONS_PER_IP({ test, start }) {
    const sidecar = await start("2");
    const [first, second] = [
      await connectRaw(test, sidecar.port),
      await connectRaw(test, sidecar.port),
    ];
    const request = "GET /up HTTP/1.1\r\nHost: a.test\r\n\r\n";
    await first.write(request).until("HTTP/1.1 200");
    await second.write(request).until("HTTP/1.1 200");
    const third = await connectRaw(test, sidecar.port);
    await third.untilEnd();
    assert.equal(third.text, "");
    assert.ok(sidecar.lines.some(({ msg }) => String(msg).startsWith("a client has too many")));
    await sidecar.seriesBecome("pogo_http_connections_refused_total", { "": 1 });
    first.reset();
    await until("a place", async () => (await fetch(`${sidecar.url}/up`)).ok);
    const behind = await start("1", { POGO_TRUSTED_PROXIES: "127.0.0.1" });
    for (const raw of [await connectRaw(test, behind.port), await connectRaw(test, behind.port)]) {
      await raw.write(request).until("HTTP/1.1 200");
    }
  },
  async POGO_MAX_HEADER_SIZE({ test, start }) {
    const { port } = await start("2KiB");
    const headOf = (bytes: number) =>
      `GET /up HTTP/1.1\r\nHost: a.test\r\nX: ${"x".repeat(bytes)}\r\n\r\n`;
    const client = await connectRaw(test, port);
    await client.write(headOf(1_900)).until('"OK"');
    assert.match(await client.write(headOf(2_100)).untilEnd(), /HTTP\/1\.1 431 /);
  },
  async POGO_KEEP_ALIVE_TIMEOUT({ test, start }) {
    const { port } = await start("50ms");
    const client = await connectRaw(test, port);
    client.write("GET /up HTTP/1.1\r\nHost: a.test\r\n\r\n");
    assert.match(await client.untilEnd(), /^HTTP\/1\.1 200 /);
  },
  async POGO_SHUTDOWN_TIMEOUT({ test, start }) {
    const { upstream, asked } = await startLate(test);
    const sidecar = await start("50ms", { POGO_UPSTREAM: upstream });
    const client = await connectRaw(test, sidecar.port);
    client.write("GET / HTTP/1.1\r\nHost: a.test\r\n\r\n");
    await asked;
    await sidecar.stop();
    assert.ok(sidecar.lines.some(({ msg }) => String(msg).startsWith("shutdown timeout")));
  },
  async POGO_DRAIN_DELAY({ start, connect }) {
    const sidecar = await start("1s");
    const stopped = sidecar.stop();
    const readiness = await fetch(`${sidecar.adminUrl}/readyz`);
    assert.deepEqual([readiness.status, await readiness.text()], [503, "not ready: leaving\n"]);
    await connect(sidecar);
    await stopped;
  },
  async POGO_DRAIN_WINDOW({ start, connect }) {
    const sidecar = await start("0");
    const clients = [await connect(sidecar), await connect(sidecar)];
    // The clock stands still: where there is a window, it lasts until the others are cut.
    void sidecar.stop();
    for (const client of clients) assert.equal(await client.closed(), 4100);
  },

  async POGO_UPSTREAM({ test, start }) {
    const { url } = await start(await startApp(test, (_req, res) => void res.end("the app's")));
    assert.equal(await (await fetch(url)).text(), "the app's");
  },
  async POGO_UPSTREAM_CONNECT_TIMEOUT({ test, start }) {
    const clogged = `http://127.0.0.1:${await startClogged(test)}`;
    const sidecar = await start("50ms", { POGO_UPSTREAM: clogged, POGO_UPSTREAM_WAIT: "0" });
    assert.equal((await fetch(sidecar.url)).status, 504);
    await waitFor(() => sidecar.lines.some(({ cause }) => cause === "no connection within 50ms"));
  },
  async POGO_UPSTREAM_RESPONSE_TIMEOUT({ test, start }) {
    const { upstream } = await startLate(test);
    const { url } = await start("50ms", { POGO_UPSTREAM: upstream });
    assert.equal((await fetch(url)).status, 504);
  },
  async POGO_UPSTREAM_MAX_HEADER_SIZE({ test, start }) {
    const upstream = await startApp(test, (req, res) => {
      res.setHeader("X", "x".repeat(Number(req.url?.slice(1)))).end();
    });
    const { url } = await start("2KiB", { POGO_UPSTREAM: upstream });
    assert.equal((await fetch(`${url}/1000`)).status, 200);
    assert.equal((await fetch(`${url}/2000`)).status, 502);
  },
  async POGO_MAX_UPSTREAM_CONNECTIONS({ test, start }) {
    const { upstream, answer, asked } = await startWaiting(test);
    const { url } = await start("1", { POGO_UPSTREAM: upstream });
    const both = [fetch(url), fetch(url)];
    await asked(1);
    answer();
    await asked(2);
    answer();
    for (const { status } of await Promise.all(both)) assert.equal(status, 200);
  },
  async POGO_UPSTREAM_QUEUE_SIZE({ test, start }) {
    const { upstream, answer, asked } = await startWaiting(test);
    const { url } = await start("0", {
      POGO_UPSTREAM: upstream,
      POGO_MAX_UPSTREAM_CONNECTIONS: "1",
    });
    const first = fetch(url);
    await asked(1);
    const second = await fetch(url);
    assert.equal(second.status, 503);
    assert.equal(second.headers.get("retry-after"), "1");
    answer();
    assert.equal((await first).status, 200);
  },
  async POGO_UPSTREAM_QUEUE_WAIT({ test, start }) {
    const { upstream, answer, asked } = await startWaiting(test);
    const { url } = await start("20ms", {
      POGO_UPSTREAM: upstream,
      POGO_MAX_UPSTREAM_CONNECTIONS: "1",
    });
    const first = fetch(url);
    await asked(1);
    assert.equal((await fetch(url)).status, 503);
    answer();
    assert.equal((await first).status, 200);
  },
  async POGO_UPSTREAM_WAIT({ start }) {
    const { url } = await start("0", { POGO_UPSTREAM: nobody });
    assert.equal((await fetch(url)).status, 502, "who waits in vain is answered 503");
  },
  async POGO_MAX_UPSTREAM_WAITING({ start }) {
    const sidecar = await start("0", { POGO_UPSTREAM: nobody });
    assert.equal((await fetch(sidecar.url)).status, 503);
    const refused = await sidecar.counted("pogo_proxy_refused_total");
    assert.deepEqual(refused, { 'reason="away_queue_full"': 1 });
  },
  async POGO_MAX_UPSTREAM_WEBSOCKETS({ test, start }) {
    const server = new WebSocketServer({ port: 0, host: "127.0.0.1" });
    test.after(() => server.close());
    await once(server, "listening");
    const address = server.address();
    assert.ok(typeof address === "object" && address);
    const { port } = await start("1", { POGO_UPSTREAM: `http://127.0.0.1:${address.port}` });
    const first = new WebSocket(`ws://127.0.0.1:${port}/hmr`);
    test.after(() => first.terminate());
    await once(first, "open");
    const second = new WebSocket(`ws://127.0.0.1:${port}/hmr`);
    const [error] = await once(second, "error");
    assert.match(String(error), /503/);
  },
  async POGO_MAX_BODY_SIZE({ test, start }) {
    const upstream = await startApp(test, (_req, res) => void res.end());
    const { url } = await start("10", { POGO_UPSTREAM: upstream });
    assert.equal((await fetch(url, { method: "POST", body: "x".repeat(11) })).status, 413);
  },

  async POGO_AUTH_PATH({ test, start, connect }) {
    const seen = await startRecordingApp(test);
    const client = await connect(await start("/api/auth", { POGO_UPSTREAM: seen.url }));
    await client.subscribe("private-x");
    assert.equal(seen.requests[0]?.url, "/api/auth");
  },
  async POGO_TRUST_UNSIGNED_AUTH({ test, start, connect }) {
    const upstream = await startApp(test, (_req, res) => void res.end("true"));
    const client = await connect(await start("true", { POGO_UPSTREAM: upstream }));
    assert.equal(await client.subscribe("private-x"), 200);
    assert.equal(await client.subscribe("presence-x"), 403);
  },
  async POGO_USER_AUTH_PATH({ test, start, connect }) {
    const seen = await startRecordingApp(test);
    const client = await connect(await start("/api/user", { POGO_UPSTREAM: seen.url }));
    client.say("pusher:signin");
    await client.error();
    assert.equal(seen.requests[0]?.url, "/api/user");
  },
  async POGO_AUTH_TIMEOUT({ test, start, connect }) {
    const asked = await startAuthApp(test, 200, lateMs);
    const client = await connect(await start("50ms", { POGO_UPSTREAM: asked.url, ...impatient }));
    assert.equal(await client.subscribe("private-x"), 503);
  },
  async POGO_AUTH_RETRY_FOR({ test, start, connect }) {
    const asked = await startAuthApp(test, 500);
    const client = await connect(await start("0", { POGO_UPSTREAM: asked.url }));
    assert.equal(await client.subscribe("private-x"), 503);
    assert.equal(asked.count(), 1);
  },
  async POGO_MAX_AUTH_BODY({ test, start, connect }) {
    const asked = await startAuthApp(test, 200);
    const client = await connect(await start("10", { POGO_UPSTREAM: asked.url }));
    assert.equal(await client.subscribe("private-x"), 403);
  },
  async POGO_MAX_CONCURRENT_AUTH({ test, start, connect }) {
    const asked = await startAuthApp(test, "never");
    const sidecar = await start("1", { POGO_UPSTREAM: asked.url, ...impatient });
    (await connect(sidecar)).say("pusher:subscribe", { channel: "private-x" });
    await waitFor(() => asked.count() === 1);
    const second = await connect(sidecar);
    assert.equal(await second.subscribe("private-x"), 503);
    assert.equal(asked.count(), 1);
  },
  async POGO_MAX_CONCURRENT_AUTH_PER_IP({ test, start, connect }) {
    const asked = await startAuthApp(test, "never");
    const sidecar = await start("1", { POGO_UPSTREAM: asked.url, ...impatient });
    (await connect(sidecar)).say("pusher:subscribe", { channel: "private-x" });
    await waitFor(() => asked.count() === 1);
    const second = await connect(sidecar);
    assert.equal(await second.subscribe("private-x"), 503);
    assert.equal(asked.count(), 1);
  },
  async POGO_MAX_AUTH_QUEUE({ test, start, connect }) {
    const asked = await startAuthApp(test, "never");
    const env = { POGO_UPSTREAM: asked.url, POGO_MAX_CONCURRENT_AUTH: "1" };
    const sidecar = await start("1", env);
    const [first, second, third] = [
      await connect(sidecar),
      await connect(sidecar),
      await connect(sidecar),
    ];
    first.say("pusher:subscribe", { channel: "private-x" });
    await waitFor(() => asked.count() === 1);
    const waits = second.subscribe("private-x");
    await sidecar.seriesBecome("pogo_websocket_auth_waiting", { 'app_id="app-id"': 1 });
    third.say("pusher:subscribe", { channel: "private-x" });
    assert.equal(await waits, 503);
    const refused = await sidecar.counted("pogo_websocket_auth_failures_total");
    assert.deepEqual(Object.keys(refused), ['app_id="app-id",reason="queue_full"']);
  },
  async POGO_AUTH_BREAKER_FAILURES({ start, connect }) {
    const sidecar = await start("2", { POGO_UPSTREAM: nobody, ...impatient });
    for (let n = 0; n < 3; n += 1) await (await connect(sidecar)).subscribe("private-x");
    assert.equal(await refusedByBreaker(sidecar), 1);
  },
  async POGO_AUTH_BREAKER_TIMEOUT({ start, connect, clock }) {
    const sidecar = await start("500ms", { POGO_UPSTREAM: nobody, ...impatient });
    for (let n = 0; n < 6; n += 1) await (await connect(sidecar)).subscribe("private-x");
    assert.equal(await refusedByBreaker(sidecar), 1);
    // By default it would stay open for a second at first.
    clock.nowMs += 501;
    await (await connect(sidecar)).subscribe("private-x");
    assert.equal(await refusedByBreaker(sidecar), 1);
  },
  async POGO_MAX_AUTH_FAILURES({ test, start, connect }) {
    const asked = await startAuthApp(test, 500);
    const client = await connect(await start("1", { POGO_UPSTREAM: asked.url, ...impatient }));
    for (let n = 0; n < 2; n += 1) await client.subscribe("private-x");
    assert.equal(asked.count(), 1);
  },
  async POGO_MAX_AUTH_DENIALS({ test, start, connect }) {
    const asked = await startAuthApp(test, 403);
    const client = await connect(await start("1", { POGO_UPSTREAM: asked.url, ...impatient }));
    for (let n = 0; n < 2; n += 1) await client.subscribe("private-x");
    assert.equal(asked.count(), 1);
  },
  async POGO_AUTH_FAILURE_WINDOW({ test, start, connect, clock }) {
    const asked = await startAuthApp(test, 403);
    const env = { POGO_UPSTREAM: asked.url, POGO_MAX_AUTH_DENIALS: "1", ...impatient };
    const client = await connect(await start("1s", env));
    await client.subscribe("private-x");
    clock.nowMs += 1_001;
    await client.subscribe("private-x");
    assert.equal(asked.count(), 2);
  },

  async POGO_MAX_CONNECTIONS({ test, start, connect }) {
    const sidecar = await start("1");
    await connect(sidecar);
    assert.equal(await refusal(test, sidecar), 4100);
  },
  async POGO_MAX_SUBSCRIPTIONS({ start, connect }) {
    const sidecar = await start("1");
    assert.equal(await (await connect(sidecar)).subscribe("one"), 200);
    const second = await connect(sidecar);
    assert.equal(await second.subscribe("one"), 503);
    assert.equal(await second.error(), 4100);
  },
  async POGO_HANDSHAKE_RATE({ test, start, connect }) {
    const sidecar = await start("0.1", { POGO_HANDSHAKE_BURST: "1" });
    await connect(sidecar);
    // It would have to wait for 10 s.
    assert.equal(await refusal(test, sidecar), 429);
  },
  async POGO_HANDSHAKE_BURST({ test, start, connect }) {
    const sidecar = await start("1", { POGO_HANDSHAKE_RATE: "0.1" });
    await connect(sidecar);
    assert.equal(await refusal(test, sidecar), 429);
  },
  async POGO_MAX_CONNECTIONS_PER_IP({ test, start, connect }) {
    const sidecar = await start("1");
    await connect(sidecar);
    assert.equal(await refusal(test, sidecar), 429);
  },
  async POGO_ENABLE_COMPRESSION({ test, start }) {
    assert.equal(await isEventCompressed(test, await start("true")), true);
  },
  async POGO_COMPRESSION_THRESHOLD({ test, start }) {
    const sidecar = await start("2000", { POGO_ENABLE_COMPRESSION: "true" });
    assert.equal(await isEventCompressed(test, sidecar), false);
  },
  async POGO_OUTBOUND_QUEUE_BYTES({ start, connect }) {
    const sidecar = await start("1024");
    await (await connect(sidecar)).subscribe("news");
    // All in one turn of the event loop, so that they wait for one write.
    await publish(sidecar, 5, 400);
    await sidecar.seriesBecome("pogo_websocket_client_dropped_messages_total", {
      'app_id="app-id",reason="queue_full",kind="prepared"': 3,
    });
  },
  async POGO_OUTBOUND_TOTAL_BYTES({ start, connect }) {
    const sidecar = await start("1MiB", { POGO_OUTBOUND_QUEUE_BYTES: "100MiB" });
    const client = await connect(sidecar);
    await client.subscribe("news");
    client.socket.pause();
    const cut = "pogo_websocket_connections_cut_total";
    for (let isCut = false; !isCut;) {
      await publish(sidecar, 10, 250_000, 1);
      isCut = Object.values(await sidecar.series(cut)).some((connections) => connections > 0);
    }
    await sidecar.seriesBecome("pogo_websocket_connections_active", { 'app_id="app-id"': 0 });
  },
  async POGO_WRITE_WAIT({ start, connect, clock }) {
    const sidecar = await start("1s", { POGO_OUTBOUND_QUEUE_BYTES: "1024" });
    const client = await connect(sidecar);
    await client.subscribe("news");
    client.socket.pause();
    const dropped = "pogo_websocket_client_dropped_messages_total";
    for (let full = false; !full;) {
      await publish(sidecar, 10, 250_000, 1);
      full = Object.values(await sidecar.series(dropped)).some((frames) => frames > 0);
    }
    // One look each second: the first finds it full, a later one that it still is. By default it would have 10 s.
    for (let seconds = 0; seconds < 3; seconds += 1) {
      await new Promise((resolve) => setTimeout(resolve, 700));
      clock.nowMs += 1_001;
    }
    await sidecar.seriesBecome("pogo_websocket_connections_active", { 'app_id="app-id"': 0 });
  },

  async POGO_RECOVERY(stage) {
    assert.deepEqual(await missed(stage, await stage.start("all"), 2), ["x", "x"]);
    assert.deepEqual(await missed(stage, await stage.start("orderly"), 2), []);
  },
  async POGO_RECOVERY_WINDOW(stage) {
    const sidecar = await stage.start("20s", { POGO_RECOVERY: "all" });
    assert.deepEqual(await missed(stage, sidecar, 1, 19_000), ["x"]);
    assert.deepEqual(await missed(stage, sidecar, 1, 21_000), []);
  },
  async POGO_RECOVERY_COOKIE({ test, start }) {
    const { port } = await start("false", { POGO_RECOVERY: "all" });
    const { raw } = await openRaw(test, port, ["Origin: http://127.0.0.1"]);
    assert.doesNotMatch(raw.text, /Set-Cookie/);
  },
  async POGO_RECOVERY_AUTH({ test, start }) {
    const granting = await startGrantingApp(test);
    const env = { POGO_RECOVERY: "all", POGO_UPSTREAM: granting.url };
    const { port, seriesBecome } = await start("true", env);
    const page = { port, browser: { recovery: null }, token: randomUUID() };
    const before = await openPage(test, page);
    await before.enter("private-orders");
    before.terminate();
    await seriesBecome("pogo_websocket_connections_active", {});
    assert.equal(await (await openPage(test, page)).enter("private-orders"), true);
    assert.deepEqual(granting.asked(), ["private-orders"]);
  },
  async POGO_RECOVERY_MAX_EVENTS(stage) {
    const sidecar = await stage.start("2", { POGO_RECOVERY: "all" });
    assert.deepEqual(await missed(stage, sidecar, 2), ["x", "x"]);
    assert.deepEqual(await missed(stage, sidecar, 3), ["pogo:gap"]);
  },
  async POGO_RECOVERY_MAX_BYTES(stage) {
    const sidecar = await stage.start("1024", { POGO_RECOVERY: "all" });
    assert.deepEqual(await missed(stage, sidecar, 1), ["x"]);
    assert.deepEqual(await missed(stage, sidecar, 4), ["pogo:gap"]);
  },
  async POGO_RECOVERY_TOTAL_EVENTS(stage) {
    const sidecar = await stage.start("2", { POGO_RECOVERY: "all" });
    assert.deepEqual(await missed(stage, sidecar, 3), ["pogo:gap"]);
  },
  async POGO_RECOVERY_TOTAL_BYTES(stage) {
    const sidecar = await stage.start("1024", { POGO_RECOVERY: "all" });
    assert.deepEqual(await missed(stage, sidecar, 4), ["pogo:gap"]);
  },
  async POGO_RECOVERY_STATE_DIR({ test, start }) {
    const directory = await mkdtemp(join(tmpdir(), "pogo-recovery-"));
    test.after(() => rm(directory, { recursive: true }));
    const sidecar = await start(directory);
    await sidecar.stop();
    assert.equal(statSync(join(directory, "pogo-recovery.json")).mode & 0o777, 0o600);
  },

  async POGO_MAX_REQUEST_SIZE({ start }) {
    assert.equal(await publish(await start("100"), 1, 100), 413);
  },
  async POGO_MAX_EVENT_NAME_LENGTH({ start }) {
    const sidecar = await start("5");
    const body = { name: "longer", channel: "news", data: "{}" };
    assert.notEqual((await sidecar.call("events", { body })).status, 200);
  },
  async POGO_MAX_EVENT_DATA({ start }) {
    const body = { name: "x", channel: "news", data: "x".repeat(11) };
    const { status } = await (await start("10")).call("events", { body });
    assert.equal(status, 413);
  },
  async POGO_MAX_CHANNELS_PER_EVENT({ start }) {
    const body = { name: "x", channels: ["one", "two"], data: "{}" };
    const { status } = await (await start("1")).call("events", { body });
    assert.notEqual(status, 200);
  },
  async POGO_API_PUBLISH_RATE({ start }) {
    const sidecar = await start("1", { POGO_API_PUBLISH_BURST: "1" });
    assert.deepEqual([await publish(sidecar, 1, 1), await publish(sidecar, 1, 1)], [200, 429]);
  },
  async POGO_API_PUBLISH_BURST({ start }) {
    const sidecar = await start("1", { POGO_API_PUBLISH_RATE: "1" });
    assert.deepEqual([await publish(sidecar, 1, 1), await publish(sidecar, 1, 1)], [200, 429]);
  },
  async POGO_API_BODY_TIMEOUT({ test, start }) {
    const { port } = await start("20ms");
    const client = await announceBody(test, port, 100);
    assert.match(await client.write("{").untilEnd(), /^HTTP\/1.1 408 /);
  },
  async POGO_MAX_UNVERIFIED_BODY_BYTES({ test, start }) {
    const { port } = await start("64KiB");
    const client = await announceBody(test, port, 100_000);
    assert.match(await client.write("x".repeat(20_000)).until("\r\n\r\n"), /^HTTP\/1.1 429 /);
  },
  async POGO_API_TIMESTAMP_TOLERANCE({ start }) {
    const sidecar = await start("10s");
    assert.equal((await sidecar.call("channels", { ageSeconds: 5 })).status, 200);
    assert.equal((await sidecar.call("channels", { ageSeconds: 20 })).status, 401);
  },

  async POGO_WEBHOOK_URL({ test, start, connect }) {
    const hook = await startHook(test);
    await (await connect(await start(hook.url))).subscribe("news");
    await waitFor(() => hook.events().length === 1);
    assert.deepEqual(hook.events(), ["channel_occupied news"]);
  },
  async POGO_WEBHOOK_SECRET({ test, start, connect }) {
    const hook = await startHook(test);
    await (await connect(await start("another", { POGO_WEBHOOK_URL: hook.url }))).subscribe("news");
    await waitFor(() => hook.received.length === 1);
    const [{ body, signature } = { body: "", signature: "" }] = hook.received;
    assert.equal(signature, createHmac("sha256", "another").update(body).digest("hex"));
  },
  async POGO_WEBHOOK_EVENTS({ test, start, connect }) {
    const hook = await startHook(test);
    const env = { POGO_WEBHOOK_URL: hook.url, POGO_WEBHOOK_GRACE: "0" };
    const client = await connect(await start("channel_vacated", env));
    await client.subscribe("news");
    client.say("pusher:unsubscribe", { channel: "news" });
    await waitFor(() => hook.events().length === 1);
    assert.deepEqual(hook.events(), ["channel_vacated news"]);
  },
  async POGO_WEBHOOK_CHANNEL_PREFIX({ test, start, connect }) {
    const hook = await startHook(test);
    const client = await connect(await start("b", { POGO_WEBHOOK_URL: hook.url }));
    await client.subscribe("a");
    await client.subscribe("b");
    await waitFor(() => hook.events().length > 0);
    assert.deepEqual(hook.events(), ["channel_occupied b"]);
  },
  async POGO_WEBHOOK_BATCH_WINDOW({ test, start, connect }) {
    const hook = await startHook(test);
    const client = await connect(await start("500ms", { POGO_WEBHOOK_URL: hook.url }));
    await client.subscribe("a");
    // Longer than the default.
    await new Promise((resolve) => setTimeout(resolve, 150));
    await client.subscribe("b");
    await waitFor(() => hook.events().length === 2);
    assert.equal(hook.received.length, 1);
  },
  async POGO_WEBHOOK_GRACE({ test, start, connect }) {
    const hook = await startHook(test);
    const client = await connect(await start("0", { POGO_WEBHOOK_URL: hook.url }));
    await client.subscribe("news");
    client.say("pusher:unsubscribe", { channel: "news" });
    await client.subscribe("news");
    await waitFor(() => hook.events().length === 3);
    const [occupied, vacated] = ["channel_occupied news", "channel_vacated news"];
    assert.deepEqual(hook.events(), [occupied, vacated, occupied]);
  },
  async POGO_WEBHOOK_QUEUE_SIZE({ test, start, connect }) {
    const hook = await startHook(test, "never");
    const env = { POGO_WEBHOOK_URL: hook.url, POGO_WEBHOOK_BATCH_WINDOW: "0" };
    const sidecar = await start("1", env);
    const client = await connect(sidecar);
    for (const channel of ["a", "b", "c"]) await client.subscribe(channel);
    const dropped = await sidecar.counted("pogo_websocket_webhook_dropped_total");
    assert.ok(Object.keys(dropped).length === 1, JSON.stringify(dropped));
  },
  async POGO_WEBHOOK_TIMEOUT({ test, start, connect }) {
    const hook = await startHook(test, "never");
    const sidecar = await start("50ms", { POGO_WEBHOOK_URL: hook.url });
    await (await connect(sidecar)).subscribe("news");
    await waitFor(() =>
      sidecar.lines.some(({ msg }) => String(msg).startsWith("a webhook endpoint")),
    );
  },
  async POGO_WEBHOOK_RETRY_FOR({ test, start, connect }) {
    const hook = await startHook(test, 500);
    const sidecar = await start("0", { POGO_WEBHOOK_URL: hook.url });
    await (await connect(sidecar)).subscribe("news");
    await waitFor(() => sidecar.lines.some(({ msg }) => msg === "webhook events dropped"));
  },

  async POGO_ADMIN_HOST({ start }) {
    const { adminUrl } = await start("127.0.0.2");
    const { port } = new URL(adminUrl);
    assert.equal((await fetch(`http://127.0.0.2:${port}/livez`)).status, 200);
    await assert.rejects(fetch(`http://127.0.0.1:${port}/livez`));
  },
  async POGO_ADMIN_PORT({ start }) {
    const port = await onFreePort(async (free) => {
      await start(String(free));
      return free;
    });
    assert.equal((await fetch(`http://127.0.0.1:${port}/livez`)).status, 200);
  },
  async POGO_ADMIN_ALLOWED_HOSTS({ test, start }) {
    const { adminUrl } = await start("metrics.internal");
    const statuses: string[] = [];
    for (const host of ["metrics.internal", "evil.test"]) {
      const client = await connectRaw(test, Number(new URL(adminUrl).port));
      client.write(`GET /livez HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`);
      statuses.push((await client.untilEnd()).slice(9, 12));
    }
    assert.deepEqual(statuses, ["200", "421"]);
  },
  async POGO_ADMIN_TOKEN({ start }) {
    const { adminUrl } = await start("0123456789abcdef");
    const body = new URLSearchParams({ token: "0123456789abcdef" });
    const url = `${adminUrl}/console/login`;
    const answer = await fetch(url, { method: "POST", body, redirect: "manual" });
    assert.match(answer.headers.get("set-cookie") ?? "", /^pogo_console_/);
    assert.equal((await fetch(`${adminUrl}/console/connections`)).status, 401);
  },
  async POGO_CONSOLE_PAYLOADS({ test, start }) {
    const { adminUrl } = await start("true");
    const ended = new AbortController();
    test.after(() => ended.abort());
    const { signal } = ended;
    const { status } = await fetch(`${adminUrl}/console/stream?contents`, { signal });
    assert.equal(status, 200);
  },
  /** The process makes its log itself. */
  async POGO_HOT_PATH_METRICS({ start, connect }) {
    const sidecar = await start("true");
    await connect(sidecar);
    const name = "pogo_websocket_client_queue_depth_count";
    await sidecar.seriesBecome(name, { "": 1 });
  },
  async POGO_LOG_FORMAT({ test }) {
    const child = startChild(process.execPath, [join(root, "sidecar/main.ts")], {
      cwd: root,
      env: {
        ...credentials,
        POGO_UPSTREAM: "none",
        POGO_PORT: "0",
        POGO_ADMIN_PORT: "0",
        [table.log.format.env]: "text",
      },
    });
    test.after(() => child.stop());
    const isText = (line: string) => /^\d\d:\d\d:\d\d INFO {2}listening +address=/.test(line);
    await waitUntilUp(child, async () => child.lines.some(isText));
  },
  async POGO_ACCESS_LOG({ start }) {
    const sidecar = await start("all");
    const { status } = await sidecar.call("channels");
    assert.equal(status, 200);
    await waitFor(() => sidecar.lines.some(({ msg }) => msg === "request"));
    const { method, path, level } = sidecar.lines.find(({ msg }) => msg === "request") ?? {};
    assert.deepEqual(
      { method, path, level },
      { method: "GET", path: "/apps/app-id/channels", level: 30 },
    );
  },
  async POGO_TRACE_ENDPOINT({ test, start }) {
    const collector = await startCollector(test);
    await (await start(collector.url)).call("channels");
    await collector.span("GET /apps/{id}/channels");
  },
  async POGO_TRACE_HEADERS({ test, start }) {
    const collector = await startCollector(test);
    const sidecar = await start("x-token=a%20b", { POGO_TRACE_ENDPOINT: collector.url });
    await sidecar.call("channels");
    await waitFor(() => collector.requests[0]?.headers["x-token"] === "a b");
  },
  async POGO_TRACE_SERVICE_NAME({ test, start }) {
    const collector = await startCollector(test);
    await (await start("shop", { POGO_TRACE_ENDPOINT: collector.url })).call("channels");
    assert.equal((await collector.span("GET /apps/{id}/channels")).service, "shop");
  },
  async POGO_TRACE_SAMPLER({ test, start }) {
    const collector = await startCollector(test);
    const sidecar = await start("always_off", { POGO_TRACE_ENDPOINT: collector.url });
    await sidecar.call("channels");
    await sidecar.stop();
    assert.deepEqual(collector.requests, []);
  },
  async POGO_TRACE_SAMPLER_ARG({ test, start }) {
    const collector = await startCollector(test);
    const sidecar = await start("0", {
      POGO_TRACE_ENDPOINT: collector.url,
      POGO_TRACE_SAMPLER: "traceidratio",
    });
    await sidecar.call("channels");
    await sidecar.stop();
    assert.deepEqual(collector.requests, []);
  },
  async POGO_LOG_LEVEL({ test }) {
    const [port, adminPort] = [await freePort(), await freePort()];
    const child = startChild(process.execPath, [join(root, "sidecar/main.ts")], {
      cwd: root,
      env: {
        ...credentials,
        POGO_UPSTREAM: "none",
        POGO_PORT: String(port),
        POGO_ADMIN_PORT: String(adminPort),
        [table.log.level.env]: "warn",
      },
    });
    test.after(() => child.stop());
    await waitUntilUp(
      child,
      async () => (await fetch(`http://127.0.0.1:${adminPort}/readyz`)).status === 200,
    );
    await child.stop();
    assert.deepEqual(child.lines, []);
  },
};

/** These need a Redis, and go to the broker as one: proven by `redis-options.test.ts` and the tests of `sidecar/broker`. */
const withRedis: Readonly<Record<RedisNames, true>> = {
  POGO_REDIS_BROADCASTS: true,
  POGO_REDIS_BROADCASTS_PREFIX: true,
  POGO_SCALING_ENABLED: true,
  POGO_REDIS_URL: true,
  POGO_REDIS_HOST: true,
  POGO_REDIS_PORT: true,
  POGO_REDIS_USERNAME: true,
  POGO_REDIS_PASSWORD: true,
  POGO_REDIS_DB: true,
  POGO_REDIS_TLS: true,
  POGO_REDIS_TLS_CA: true,
  POGO_REDIS_TLS_VERIFY: true,
  POGO_REDIS_SENTINELS: true,
  POGO_REDIS_SENTINEL_MASTER: true,
  POGO_REDIS_SENTINEL_USERNAME: true,
  POGO_REDIS_SENTINEL_PASSWORD: true,
  POGO_REDIS_CLUSTER_NODES: true,
  POGO_REDIS_PREFIX: true,
  POGO_REDIS_TIMEOUT: true,
  POGO_BROKER_QUEUE_SIZE: true,
  POGO_NODE_LEASE: true,
  POGO_READY_WITHOUT_REDIS: true,
  POGO_ADMIN_URL: true,
};

describe("options reach the running sidecar", { concurrency: 4 }, () => {
  for (const [env, row] of Object.entries(rows)) {
    it(env, async (test) => {
      const clock = { nowMs: 1_000 };
      await row({
        test,
        clock,
        start: (value, more = {}) =>
          startSidecar(
            test,
            { POGO_SHUTDOWN_TIMEOUT: "500ms", ...more, [env]: value },
            { now: () => clock.nowMs },
          ),
        connect: ({ port }, path) =>
          connectClient(test, port, {}, path === undefined ? {} : { path }),
      });
    });
  }

  it("all of them", () => {
    const proven = [...Object.keys(rows), ...Object.keys(withRedis)];
    assert.deepEqual(proven.toSorted(), allOptions.map(({ env }) => env).toSorted());
  });
});

const credentials = {
  POGO_APP_ID: app.id,
  POGO_APP_KEY: app.key,
  POGO_APP_SECRET: app.secret,
};

/** What a client is sent that was cut off, and for which so many events were published until it came back. */
async function missed(
  { connect, clock }: Stage,
  sidecar: RunningSidecar,
  events: number,
  awayMs = 0,
): Promise<string[]> {
  const path = `/r/${randomUUID()}/app/${app.key}`;
  const before = await connect(sidecar, path);
  await before.subscribe("news");
  before.terminate();
  await sidecar.seriesBecome("pogo_websocket_connections_active", { 'app_id="app-id"': 0 });
  await publish(sidecar, events, 2);
  clock.nowMs += awayMs;
  // The tick that ends what is over.
  if (awayMs > 0) await new Promise((resolve) => setTimeout(resolve, 1_100));
  const after = await connect(sidecar, path);
  await after.subscribe("news");
  await after.roundTrip();
  after.terminate();
  await sidecar.seriesBecome("pogo_websocket_connections_active", { 'app_id="app-id"': 0 });
  return after.messages.map(({ event }) => event);
}

/** How a connection is refused: the close code, or the status of the handshake's answer. */
async function refusal(test: TestContext, { port }: RunningSidecar, headers: Env = {}) {
  const client = openClient(test, port, { headers });
  const { status } = await Promise.race([
    client.answered,
    client.close.then(({ code }) => ({ status: code })),
  ]);
  assert.ok(!client.frames.some(({ event }) => event === "pusher:connection_established"));
  return status;
}

/** Nothing is tried again, and nothing waits. */
const impatient = { POGO_AUTH_RETRY_FOR: "0" };
/** Nobody listens there. */
const nobody = "http://127.0.0.1:1";

async function refusedByBreaker(sidecar: RunningSidecar): Promise<number> {
  return (await sidecar.series("pogo_websocket_circuit_breaker_open_total"))[""] ?? 0;
}

/** Subscribes to `presence-room` as this user; 200, or the refusal's status. */
function joinAs(client: Client, userId: string): Promise<number> {
  const proof = signChannel(app, client.socketId, "presence-room", { user_id: userId });
  return client.subscribe("presence-room", proof);
}

/** The head of a publish whose signature only its body could prove. */
async function announceBody(test: TestContext, port: number, length: number): Promise<RawSocket> {
  const timestamp = Math.floor(Date.now() / 1000);
  const query = `auth_key=${app.key}&auth_timestamp=${timestamp}&auth_version=1.0&auth_signature=${"0".repeat(64)}`;
  const client = await connectRaw(test, port);
  return client.write(
    `POST /apps/${app.id}/events?${query} HTTP/1.1\r\nHost: a\r\nContent-Length: ${length}\r\n\r\n`,
  );
}

/** Whether an event of 1,000 bytes is, for a client that offers it. */
async function isEventCompressed(test: TestContext, sidecar: RunningSidecar): Promise<boolean> {
  const offer = "Sec-WebSocket-Extensions: permessage-deflate";
  const { raw, subscribe } = await openRaw(test, sidecar.port, [offer]);
  await subscribe("news");
  await publish(sidecar, 1, 1_000);
  await waitFor(() => serverFrames(raw.bytes).length === 3);
  raw.reset();
  return serverFrames(raw.bytes)[2]?.isCompressed ?? false;
}

/** So many events on `news`, in requests of ten at most; resolves with the last one's status. */
async function publish(
  sidecar: RunningSidecar,
  events: number,
  dataBytes: number,
  perRequest = 10,
): Promise<number> {
  let status = 0;
  for (let left = events; left > 0; left -= perRequest) {
    const event = { name: "x", channel: "news", data: "x".repeat(dataBytes) };
    const batch = Array.from({ length: Math.min(left, perRequest) }, () => event);
    ({ status } = await sidecar.call("batch_events", { body: { batch } }));
  }
  return status;
}

/** An app that keeps what it was asked, and answers `{}`. */
async function startRecordingApp(test: TestContext) {
  const requests: IncomingMessage[] = [];
  const url = await startApp(test, (req, res) => {
    requests.push(req);
    res.end("{}");
  });
  return { url, requests };
}

/** An app that answers every question so: with a signature, a refusal, or never. */
async function startAuthApp(test: TestContext, answer: number | "never", afterMs = 0) {
  let asked = 0;
  async function listener(req: IncomingMessage, res: ServerResponse): Promise<void> {
    asked += 1;
    if (answer === "never") return;
    const { socket_id: socketId, channel_name: channel } = await readQuestion(req);
    const body = answer === 200 ? signedAnswer(socketId, channel) : {};
    if (afterMs > 0) await sleep(afterMs);
    res.writeHead(answer).end(JSON.stringify(body));
  }
  return { url: await startApp(test, (req, res) => void listener(req, res)), count: () => asked };
}

/** An endpoint for webhooks that keeps what it was told. */
async function startHook(test: TestContext, answer: number | "never" = 200) {
  const received: { body: string; signature: string }[] = [];
  async function take(req: IncomingMessage, res: ServerResponse): Promise<void> {
    const signature = String(req.headers["x-pusher-signature"]);
    received.push({ body: await readText(req), signature });
    if (answer !== "never") res.writeHead(answer).end();
  }
  const url = await startApp(test, (req, res) => void take(req, res));
  const events = (): string[] =>
    received.flatMap(({ body }) =>
      Object(JSON.parse(body)).events.map(
        ({ name, channel }: { name: string; channel: string }) => `${name} ${channel}`,
      ),
    );
  return { url: `${url}/hook`, received, events };
}

/** Of a Unix socket that is not there yet. */
async function socketPath(test: TestContext): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "pogo-socket-"));
  test.after(() => rm(folder, { recursive: true }));
  return join(folder, "pogo.sock");
}
