/** What happens when there is no app to connect to, or none is to be connected to for now. */

import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, type Server } from "node:http";
import { test, type TestContext } from "node:test";
import { WebSocket, WebSocketServer } from "ws";
import {
  connectRaw,
  exchangeRaw,
  hasMessage,
  listenRaw,
  parseMessage,
  type RawSocket,
} from "../testing/raw-http.ts";
import { startFront } from "../testing/proxy-front.ts";
import { requestOf, startUpstream } from "../testing/raw-upstream.ts";
import { waitFor } from "../testing/eventually.ts";
import { freePort } from "../testing/ports.ts";

/** An app that answers with the method, the target and the length of the body of each request, and what it was asked. */
async function startApp(t: TestContext, port: number) {
  const asked: string[] = [];
  const server = createServer((req, res) => {
    asked.push(`${req.method} ${req.url}`);
    let bytes = 0;
    req.on("data", (chunk: Buffer) => (bytes += chunk.length));
    req.once("end", () => res.end(`${req.method} ${req.url} ${bytes}`));
  });
  server.listen(port, "127.0.0.1");
  await once(server, "listening");
  t.after(() => stop(server));
  return { server, asked, stop: () => stop(server) };
}

async function stop(server: Server): Promise<void> {
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
}

const closing = "Connection: close";

test("proxy E12: a request that can't be connected waits, whatever its method, and is answered once the app is there", async (t) => {
  const port = await freePort();
  const front = await startFront(t, port, { awayWaitMs: 10_000 });
  const answers = [
    exchangeRaw(t, front.port, requestOf("GET", "/1", [closing])),
    exchangeRaw(t, front.port, requestOf("POST", "/2", [closing, "Content-Length: 3"], "abc")),
    exchangeRaw(t, front.port, requestOf("DELETE", "/3", [closing])),
    exchangeRaw(
      t,
      front.port,
      requestOf("PUT", "/4", [closing, "Transfer-Encoding: chunked"], "2\r\nab\r\n0\r\n\r\n"),
    ),
  ];
  await waitFor(() => front.proxy.waitingRoom.waiting >= 3);
  assert.equal(front.proxy.waitingRoom.appState, "away");
  assert.equal(front.proxy.openRequests <= 1, true, "who waits has no turn");
  const { asked } = await startApp(t, port);
  const replies = (await Promise.all(answers)).map((text) => parseMessage(text));
  assert.deepEqual(
    replies.map(({ status, body }) => `${status} ${body}`),
    ["200 GET /1 0", "200 POST /2 3", "200 DELETE /3 0", "200 PUT /4 2"],
  );
  assert.equal(asked.length, 4, "each once");
  assert.equal(front.proxy.waitingRoom.appState, "up");
  await waitFor(() => front.outcomes.length === 4);
  assert.ok(front.outcomes.every(({ status, fault }) => status === 200 && fault === undefined));
});

test("proxy E12: a long body stays with its client meanwhile", async (t) => {
  const port = await freePort();
  const front = await startFront(t, port, { awayWaitMs: 10_000 });
  const client = await connectRaw(t, front.port);
  const bytes = 64 * 1_048_576;
  client.write(requestOf("POST", "/", [`Content-Length: ${bytes}`]));
  client.write(Buffer.alloc(bytes));
  const { waitingRoom } = front.proxy;
  await waitFor(() => waitingRoom.waiting === 1 || waitingRoom.appState === "away");
  let before = -1;
  // Until nothing moves any more.
  await waitFor(() => {
    const isStill = client.socket.bytesWritten - client.socket.writableLength === before;
    before = client.socket.bytesWritten - client.socket.writableLength;
    return isStill;
  });
  assert.ok(client.socket.writableLength > bytes / 2, String(client.socket.writableLength));
  await startApp(t, port);
  await client.until(`POST / ${bytes}`);
});

test("proxy E12: a client that gives up while it waits is found before its body is whole at the app, however long it is", async (t) => {
  for (const bytes of [100_000, 150_000, 250_000, 500_000]) {
    for (const framing of ["length", "chunked"]) {
      const port = await freePort();
      const front = await startFront(t, port, { awayWaitMs: 30_000 });
      front.proxy.waitingRoom.pause(30_000);
      const client = await connectRaw(t, front.port);
      const body = "x".repeat(bytes);
      const isChunked = framing === "chunked";
      const field = isChunked ? "Transfer-Encoding: chunked" : `Content-Length: ${bytes}`;
      const sent = isChunked ? `${bytes.toString(16)}\r\n${body}\r\n0\r\n\r\n` : body;
      client.write(requestOf("POST", "/", [field], sent));
      await waitFor(() => front.proxy.waitingRoom.waiting === 1);
      client.socket.end();
      await waitFor(() => client.socket.writableFinished);
      const received: RawSocket[] = [];
      const app = await listenRaw(t, (connection) => void received.push(connection), { port });
      front.proxy.waitingRoom.resume();
      await waitFor(() => front.outcomes.length === 1);
      assert.equal(front.outcomes[0]?.status, 499, `${bytes} ${framing}`);
      await waitFor(() => received.every(({ hasEnded }) => hasEnded));
      assert.ok(
        received.every(({ text }) => !hasMessage(text)),
        `${bytes} ${framing}`,
      );
      await app.stop();
    }
  }
});

test("proxy E12: a body may take longer than POGO_REQUEST_TIMEOUT while it waits", async (t) => {
  const port = await freePort();
  const door = { requestTimeoutMs: 50 };
  const front = await startFront(t, port, { awayWaitMs: 30_000, door });
  await startApp(t, port);
  front.proxy.waitingRoom.pause(400);
  const bytes = 1_000_000;
  const waiting = await connectRaw(t, front.port);
  waiting.write(requestOf("POST", "/", [`Content-Length: ${bytes}`], "x".repeat(bytes)));
  const slow = await connectRaw(t, front.port);
  slow.write(requestOf("POST", "/", ["Content-Length: 2"]));
  assert.match(await slow.untilEnd(), /^HTTP\/1\.1 408 /);
  await waiting.until(`POST / ${bytes}`);
  assert.deepEqual(
    front.refused.map(({ reason }) => reason),
    ["timeout"],
  );
});

test("proxy E13: who waits in vain is answered 503 with Retry-After, as a page, JSON or text; nothing was sent", async (t) => {
  const front = await startFront(t, await freePort(), { awayWaitMs: 300 });
  const rows = [
    ["text/html", /<h1>The application can't be reached/],
    ["application/json", /^\{"message":"The application can't be reached at the moment\. /],
    ["*/*", /^Service Unavailable: the application can't be reached at the moment\.\n/],
  ] as const;
  await Promise.all(
    rows.map(async ([accept, body]) => {
      const sent = requestOf("GET", "/", [`Accept: ${accept}`, closing]);
      const reply = parseMessage(await exchangeRaw(t, front.port, sent));
      assert.equal(reply.status, 503);
      assert.deepEqual(reply.values("retry-after"), ["5"]);
      assert.match(reply.body, body);
    }),
  );
  assert.deepEqual(front.busy, ["away_timeout", "away_timeout", "away_timeout"]);
  assert.equal(front.proxy.openRequests + front.proxy.waitingRoom.waiting, 0);
});

test("proxy E13: beyond POGO_MAX_UPSTREAM_WAITING the answer is 503 at once, and who left is forgotten", async (t) => {
  const port = await freePort();
  const front = await startFront(t, port, { awayWaitMs: 30_000, maxAwayWaiting: 3 });
  front.proxy.waitingRoom.pause(30_000);
  const clients = await Promise.all([1, 2, 3].map(() => connectRaw(t, front.port)));
  for (const client of clients) client.write(requestOf("GET", "/"));
  await waitFor(() => front.proxy.waitingRoom.waiting === 3);
  const reply = parseMessage(await exchangeRaw(t, front.port, requestOf("GET", "/", [closing])));
  assert.equal(reply.status, 503);
  assert.deepEqual(front.busy, ["away_queue_full"]);
  for (const client of clients) client.reset();
  await waitFor(() => front.proxy.waitingRoom.waiting === 0);
  assert.deepEqual(new Set(front.outcomes.map(({ status }) => status)), new Set([503, 499]));
});

test("proxy E14: a GET whose connection the app ends before an answer is asked again twice, since it may be restarting; a POST is not", async (t) => {
  const app = await listenRaw(t, (connection) => {
    connection.socket.once("data", () => connection.reset());
  });
  const front = await startFront(t, app.port, { awayWaitMs: 10_000 });
  const ask = async (method: string) =>
    parseMessage(await exchangeRaw(t, front.port, requestOf(method, "/", [closing]))).status;
  assert.equal(await ask("GET"), 502);
  assert.equal(app.connections.length, 3);
  assert.equal(await ask("POST"), 502);
  assert.equal(app.connections.length, 4);

  // With connections kept from before it is not more often.
  let asked = 0;
  const keeping = await listenRaw(t, (connection) => {
    connection.socket.on("data", (bytes) => {
      const isPage = String(bytes).startsWith("GET /page");
      asked += Number(isPage);
      if (isPage) connection.reset();
      else connection.socket.write("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    });
  });
  const kept = await startFront(t, keeping.port, { awayWaitMs: 10_000 });
  const others = Array.from({ length: 4 }, () =>
    exchangeRaw(t, kept.port, requestOf("GET", "/", [closing])),
  );
  await Promise.all(others);
  const page = await exchangeRaw(t, kept.port, requestOf("GET", "/page", [closing]));
  assert.equal(parseMessage(page).status, 502);
  assert.equal(asked, 3);

  // Nor may the body of an answer be there, of which the client has nothing yet.
  let begun = 0;
  const beginning = await listenRaw(t, (connection) => {
    connection.socket.once("data", () => {
      begun += 1;
      connection.socket.write("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n");
      if (begun === 1) connection.socket.end();
      else if (begun === 2) setImmediate(() => connection.reset());
      else setImmediate(() => connection.socket.write("ok"));
    });
  });
  const whole = await startFront(t, beginning.port, { awayWaitMs: 10_000 });
  const text = await exchangeRaw(t, whole.port, requestOf("GET", "/", [closing]));
  assert.equal(parseMessage(text).body, "ok");
  assert.deepEqual(
    whole.outcomes.map(({ status, fault }) => [status, fault]),
    [[200, undefined]],
  );

  // The app ends while it works on a GET, and is started anew.
  const port = await freePort();
  const first = await startApp(t, port);
  first.server.removeAllListeners("request");
  const isAsked = once(first.server, "request");
  const behind = await startFront(t, port, { awayWaitMs: 10_000 });
  const answer = exchangeRaw(t, behind.port, requestOf("GET", "/page", [closing]));
  await isAsked;
  await first.stop();
  await waitFor(() => behind.proxy.waitingRoom.appState === "away");
  await startApp(t, port);
  assert.equal(parseMessage(await answer).body, "GET /page 0");
});

test("proxy E15: while they are paused new requests wait, and what is under way goes on", async (t) => {
  const app = await startUpstream(t);
  const front = await startFront(t, app.port, { awayWaitMs: 10_000 });
  const kept = await connectRaw(t, front.port);
  await kept.write(requestOf("GET", "/")).until("ok");
  front.proxy.waitingRoom.pause(60_000);
  const answer = exchangeRaw(t, front.port, requestOf("GET", "/held", [closing]));
  await waitFor(() => front.proxy.waitingRoom.waiting === 1);
  assert.equal(app.connections.length, 1);
  front.proxy.waitingRoom.resume();
  assert.equal(parseMessage(await answer).status, 200);
});

test("proxy W10: a handshake of the app's own waits too", async (t) => {
  const port = await freePort();
  const front = await startFront(t, port, { awayWaitMs: 10_000 });
  const client = new WebSocket(`ws://127.0.0.1:${front.port}/hmr`);
  t.after(() => client.terminate());
  await waitFor(() => front.proxy.waitingRoom.appState === "away");
  const { server } = await startApp(t, port);
  const sockets = new WebSocketServer({ server });
  sockets.on("connection", (socket) => socket.send("welcome"));
  t.after(() => sockets.close());
  const [message] = await once(client, "message");
  assert.equal(String(message), "welcome");
  assert.equal(front.proxy.waitingRoom.appState, "up");

  front.proxy.waitingRoom.pause(60_000);
  const gone = new WebSocket(`ws://127.0.0.1:${front.port}/hmr`);
  gone.on("error", () => undefined);
  await waitFor(() => front.proxy.waitingRoom.waiting === 1);
  gone.terminate();
  await waitFor(() => front.proxy.waitingRoom.waiting === 0);
});

test("proxy W10: one that waits in vain is answered 503", async (t) => {
  const front = await startFront(t, await freePort(), { awayWaitMs: 100 });
  const client = new WebSocket(`ws://127.0.0.1:${front.port}/hmr`);
  const [error] = await once(client, "error");
  assert.match(String(error), /503/);
  await waitFor(() => front.outcomes.length === 1);
  assert.equal(front.outcomes[0]?.status, 503);
});
