/** What happens when the app has enough to do: its connections are bounded, and shared fairly. */

import assert from "node:assert/strict";
import { test, type TestContext } from "node:test";
import {
  connectRaw,
  exchangeRaw,
  listenRaw,
  parseMessage,
  type RawSocket,
} from "../testing/raw-http.ts";
import { startFront, type FrontOptions } from "../testing/proxy-front.ts";
import { ok, requestOf, requestsOf } from "../testing/raw-upstream.ts";
import { waitFor } from "../testing/eventually.ts";

/** A front behind a trusted proxy, so that a client can be any visitor, and an app that answers when it is told to. */
async function startBusy(t: TestContext, options: FrontOptions) {
  const app = await listenRaw(t);
  const answered = new Map<RawSocket, number>();
  const front = await startFront(t, app.port, { trustedProxies: ["127.0.0.1"], ...options });
  const unanswered = (): RawSocket[] =>
    app.connections.filter(
      (connection) =>
        !connection.hasEnded && requestsOf(connection).length > (answered.get(connection) ?? 0),
    );
  return {
    app,
    front,
    unanswered,
    /** Targets of the requests that the app works on. */
    underWay: () =>
      unanswered().map((connection) => requestsOf(connection).at(-1)?.startLine.split(" ")[1]),
    answer(target: string): void {
      const connection = unanswered().find(
        (open) => requestsOf(open).at(-1)?.startLine.split(" ")[1] === target,
      );
      assert.ok(connection, target);
      answered.set(connection, requestsOf(connection).length);
      connection.write(ok);
    },
    async send(visitor: string, target: string): Promise<RawSocket> {
      const client = await connectRaw(t, front.port);
      return client.write(requestOf("GET", target, [`X-Forwarded-For: ${visitor}`]));
    },
  };
}

test("no more requests are with the app than it has connections, and all are answered in the end", async (t) => {
  const { app, front, send, unanswered, underWay, answer } = await startBusy(t, {
    maxConnections: 4,
  });
  const clients = await Promise.all(
    Array.from({ length: 60 }, (_, index) => send(`10.0.${index}.1`, `/${index}`)),
  );
  for (let done = 0; done < clients.length; done += 1) {
    await waitFor(() => unanswered().length > 0);
    assert.ok(unanswered().length <= 4);
    assert.ok(front.proxy.openRequests <= 4);
    answer(underWay()[0] ?? "");
  }
  for (const client of clients) await client.until("ok");
  assert.ok(app.connections.filter(({ hasEnded }) => !hasEnded).length <= 4);
  await waitFor(() => front.proxy.openRequests === 0);
  assert.equal(front.proxy.waitingRequests, 0);
});

test("a visitor with many requests does not keep another one's from the app", async (t) => {
  const { front, send, underWay, answer } = await startBusy(t, { maxConnections: 4 });
  for (let index = 0; index < 20; index += 1) await send("10.0.0.1", `/a${index}`);
  await waitFor(() => front.proxy.waitingRequests === 17);
  const other = await send("10.0.0.2", "/b");
  await waitFor(() => underWay().includes("/b"));
  answer("/b");
  await other.until("ok");
  // And of one /64 of IPv6 all addresses are one visitor.
  for (const address of ["2001:db8::1", "2001:db8::2", "2001:db8::3"]) await send(address, "/v6");
  await waitFor(() => front.proxy.waitingRequests === 19);
});

test("a request that waits too long, or finds no place, is answered 503 with Retry-After", async (t) => {
  const { front, send, answer, underWay } = await startBusy(t, {
    maxConnections: 1,
    maxWaiting: 1,
    maxWaitMs: 50,
  });
  const first = await send("10.0.0.1", "/first");
  await waitFor(() => underWay().length === 1);
  const second = await send("10.0.0.1", "/second");
  await waitFor(() => front.proxy.waitingRequests === 1);
  const third = await send("10.0.0.1", "/third");
  for (const client of [third, second]) {
    const { status, values, body } = parseMessage(await client.until("log.\n"));
    assert.equal(status, 503);
    assert.deepEqual(values("retry-after"), ["1"]);
    assert.match(body, /^Service Unavailable: the application is busy\./);
  }
  assert.deepEqual(front.busy, ["queue_full", "queue_timeout"]);
  answer("/first");
  await first.until("ok");
  assert.deepEqual(
    front.outcomes.map(({ status, fault }) => [status, fault]),
    [
      [503, undefined],
      [503, undefined],
      [200, undefined],
    ],
  );
});

test("a request whose client leaves while it waits never reaches the app", async (t) => {
  const { app, front, send, underWay, answer } = await startBusy(t, { maxConnections: 1 });
  await send("10.0.0.1", "/first");
  await waitFor(() => underWay().length === 1);
  const leaving = await send("10.0.0.2", "/leaving");
  await waitFor(() => front.proxy.waitingRequests === 1);
  leaving.reset();
  await waitFor(() => front.proxy.waitingRequests === 0);
  const last = await send("10.0.0.3", "/last");
  answer("/first");
  await waitFor(() => underWay().includes("/last"));
  answer("/last");
  await last.until("ok");
  const targets = app.connections.flatMap(requestsOf).map(({ startLine }) => startLine);
  assert.deepEqual(targets, ["GET /first HTTP/1.1", "GET /last HTTP/1.1"]);
  const statuses = front.outcomes.map(({ status }) => status);
  assert.deepEqual(statuses, [499, 200, 200]);
});

test("a body waits with its request, unread", async (t) => {
  const { front, send, underWay, answer, app } = await startBusy(t, { maxConnections: 1 });
  await send("10.0.0.1", "/first");
  await waitFor(() => underWay().length === 1);
  const upload = await connectRaw(t, front.port);
  const body = "x".repeat(300_000);
  upload.write(requestOf("POST", "/upload", [`Content-Length: ${body.length}`], body));
  await waitFor(() => front.proxy.waitingRequests === 1);
  answer("/first");
  await waitFor(() => app.connections.flatMap(requestsOf).at(-1)?.body === body);
  answer("/upload");
  await upload.until("ok");
});

test("a client that stops reading holds its own place and nobody else's", async (t) => {
  const big = `HTTP/1.1 200 OK\r\nContent-Length: 20000000\r\n\r\n${"x".repeat(20_000_000)}`;
  const app = await listenRaw(t, (connection) => {
    connection.socket.on("data", (head: Buffer) =>
      connection.write(head.includes("/big") ? big : ok),
    );
  });
  const front = await startFront(t, app.port, { maxConnections: 2 });
  const slow = await connectRaw(t, front.port);
  slow.socket.pause();
  slow.write(requestOf("GET", "/big"));
  await waitFor(() => app.connections.length === 1);
  const sent = requestOf("GET", "/", ["Connection: close"]);
  for (let count = 0; count < 5; count += 1) {
    assert.match(await exchangeRaw(t, front.port, sent), /ok$/);
  }
  assert.equal(front.proxy.openRequests, 1);
  slow.reset();
  await waitFor(() => front.proxy.openRequests === 0);
});

test("proxy W9: WebSockets of the app have a bound of their own, pending handshakes included", async (t) => {
  const handshake = requestOf("GET", "/hmr", [
    "Connection: Upgrade",
    "Upgrade: websocket",
    "Sec-WebSocket-Version: 13",
    "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==",
  ]);
  const app = await listenRaw(t);
  const front = await startFront(t, app.port, { maxWebSockets: 1, maxConnections: 1 });
  const pending = await connectRaw(t, front.port);
  pending.write(handshake);
  const connection = await app.connection(0);
  await connection.until("\r\n\r\n");
  const refused = parseMessage(await exchangeRaw(t, front.port, handshake));
  assert.equal(refused.status, 503);
  assert.deepEqual(refused.values("retry-after"), ["1"]);
  assert.deepEqual(front.busy, ["too_many_websockets"]);
  // It takes no place of a request.
  const request = await connectRaw(t, front.port);
  request.write(requestOf("GET", "/"));
  (await app.connection(1)).write(ok);
  await request.until("ok");
  pending.reset();
  await connection.untilEnd();
  const next = await connectRaw(t, front.port);
  next.write(handshake);
  await app.connection(2);
});
