import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import { connect as connectTcp, type Socket } from "node:net";
import { afterEach, describe, it } from "node:test";
import { WebSocket } from "ws";
import { AccessLog } from "../http/access-log.ts";
import { recordPeers } from "../http/peer.ts";

import type { App } from "../core/app.ts";
import { errors as catalogue, messageTooLong, shutdownCloses } from "../core/errors.ts";
import { handleMessage } from "../core/handlers.ts";
import { createTestNode, errorMessage } from "../core/testing/doubles.ts";
import type { WebSocketEndpointOptions } from "./endpoint.ts";
import { createWebSocketEndpoint } from "./upgrade.ts";
import { waitFor } from "../testing/eventually.ts";
import { contextOf } from "../testing/request-context.ts";

const cleanups: (() => void)[] = [];
afterEach(() => {
  for (const cleanup of cleanups.splice(0)) cleanup();
});

/** The endpoint on a real port, with one app. */
async function startEndpoint(
  options: Partial<WebSocketEndpointOptions> & { app?: Partial<App> } = {},
) {
  const { app, ...overrides } = options;
  const node = createTestNode(app ? { app } : {});
  const endpoint = createWebSocketEndpoint({
    hubs: new Map([[node.app.key, node.hub]]),
    onMessage: (_hub, connection, text, nowMs) =>
      handleMessage(connection, text, node.dependencies, nowMs),
    report: node.reports.report,
    clientIp: ({ remoteAddress }) => remoteAddress,
    isDraining: () => false,
    now: () => performance.now(),
    maxConnections: 100,
    maxQueuedBytes: 1_000_000,
    maxTotalQueuedBytes: 100_000_000,
    writeWaitMs: 10_000,
    hotPathMetrics: false,
    compression: { enabled: false, thresholdBytes: 512 },
    keepsHandshakes: true,
    setsRecoveryCookie: true,
    knowsBrowsers: false,
    ...overrides,
  });
  const server = createServer();
  recordPeers(server);
  const accessLog = new AccessLog({
    mode: "errors",
    report: node.reports.report,
    clientIp: ({ remoteAddress }) => remoteAddress,
    upstream: null,
  });
  server.on("upgrade", (req, socket, head) => {
    endpoint.handleUpgrade(contextOf(req, accessLog), socket, head, {
      appKey: (req.url ?? "").split(/[/?]/)[2] ?? "",
      recoveryToken: null,
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  const port = typeof address === "object" && address ? address.port : 0;
  cleanups.push(() => {
    endpoint.destroy();
    server.close();
  });
  const refused = () =>
    node.reports.of("handshake_refused").map(({ reason, appId, sent }) => [reason, appId, sent]);
  const dropped = () => node.reports.of("frame_dropped").map(({ appId }) => appId);
  return { node, endpoint, port, refused, dropped };
}

const sockets = new WeakMap<WebSocket, Socket>();

/** So far, of its connection. */
function bytesRead(socket: WebSocket): number {
  return sockets.get(socket)?.bytesRead ?? 0;
}

interface Client {
  readonly socket: WebSocket;
  /** The next message, parsed. */
  next(): Promise<Record<string, unknown>>;
  closed: Promise<{ code: number; reason: string }>;
}

function openClient(
  port: number,
  options: { key?: string; origin?: string; query?: string; perMessageDeflate?: boolean } = {},
): Client {
  const { key = "app-key", query = "", origin, perMessageDeflate = true } = options;
  const socket = new WebSocket(`ws://127.0.0.1:${port}/app/${key}${query}`, {
    perMessageDeflate,
    ...(origin && { origin }),
  });
  socket.on("upgrade", (response) => sockets.set(socket, response.socket));
  cleanups.push(() => socket.terminate());
  const messages: Record<string, unknown>[] = [];
  const waiting: ((message: Record<string, unknown>) => void)[] = [];
  socket.on("message", (data) => {
    const message = JSON.parse(String(data));
    const next = waiting.shift();
    if (next) next(message);
    else messages.push(message);
  });
  const closed = new Promise<{ code: number; reason: string }>((resolve) => {
    socket.on("close", (code, reason) => resolve({ code, reason: String(reason) }));
  });
  return {
    socket,
    closed,
    next() {
      const message = messages.shift();
      return message ? Promise.resolve(message) : new Promise((resolve) => waiting.push(resolve));
    },
  };
}

/** A handshake by hand, for what a WebSocket library would not do; resolves with the response's head. */
async function openRaw(
  port: number,
  options: {
    headers?: Record<string, string>;
    behind?: Buffer;
    path?: string;
    method?: string;
  } = {},
): Promise<{ socket: Socket; head: string; rest: Buffer }> {
  const socket = connectTcp(port, "127.0.0.1");
  cleanups.push(() => socket.destroy());
  const headers = {
    Host: "127.0.0.1",
    Connection: "Upgrade",
    Upgrade: "websocket",
    "Sec-WebSocket-Version": "13",
    "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
    ...options.headers,
  };
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}`);
  const { method = "GET" } = options;
  const request = [`${method} ${options.path ?? "/app/app-key"} HTTP/1.1`, ...lines, "", ""].join(
    "\r\n",
  );
  socket.write(Buffer.concat([Buffer.from(request), options.behind ?? Buffer.alloc(0)]));
  let received = Buffer.alloc(0);
  while (!received.includes("\r\n\r\n")) {
    const [chunk] = await once(socket, "data");
    received = Buffer.concat([received, chunk]);
  }
  const end = received.indexOf("\r\n\r\n") + 4;
  return { socket, head: received.subarray(0, end).toString(), rest: received.subarray(end) };
}

/** A client's frame, masked with zeros. */
function maskedFrame(firstByte: number, payload: Buffer): Buffer {
  assert.ok(payload.length < 126);
  return Buffer.concat([Buffer.from([firstByte, 0x80 | payload.length, 0, 0, 0, 0]), payload]);
}

describe("WebSocket handshake", () => {
  it("C02, C04, C05, C06: is answered with connection_established, without any query", async () => {
    const { port } = await startEndpoint({ app: { activityTimeoutSeconds: 17 } });
    const message = await openClient(port).next();
    assert.equal(message["event"], "pusher:connection_established");
    const data = JSON.parse(String(message["data"]));
    assert.match(data.socket_id, /^\d+\.\d+$/);
    assert.equal(data.activity_timeout, 17);
    const other = JSON.parse(String((await openClient(port).next())["data"]));
    assert.notEqual(other.socket_id, data.socket_id);
  });

  it("what breaks RFC 6455 is answered in HTTP, and logged with the status that it was answered with", async () => {
    const { port, node } = await startEndpoint();
    const rows = [
      [405, { method: "POST" }],
      [400, { headers: { "Sec-WebSocket-Key": "short" } }],
      [400, { headers: { "Sec-WebSocket-Version": "12" } }],
    ] as const;
    for (const [status, options] of rows) {
      const { head } = await openRaw(port, options);
      assert.match(head, new RegExp(`^HTTP/1\\.1 ${status} `));
      assert.equal(node.reports.of("request_finished").at(-1)?.status, status);
    }
  });

  it("C03: any protocol version is welcome", async () => {
    const { port } = await startEndpoint();
    const message = await openClient(port, { query: "?protocol=99&client=x&flash=false" }).next();
    assert.equal(message["event"], "pusher:connection_established");
  });

  it("C01, C08: 101 with the key's answer, and no extension though one was offered", async () => {
    const { port } = await startEndpoint();
    const { head } = await openRaw(port, {
      headers: { "Sec-WebSocket-Extensions": "permessage-deflate" },
    });
    assert.match(head, /^HTTP\/1\.1 101 /);
    assert.match(head, /Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK\+xOo=/);
    assert.doesNotMatch(head, /Sec-WebSocket-Extensions/i);
  });

  it("C08: permessage-deflate is agreed to where it is enabled, without contexts", async () => {
    const { port } = await startEndpoint({ compression: { enabled: true, thresholdBytes: 512 } });
    for (const [offered, answered] of [
      ["permessage-deflate; client_max_window_bits", /: permessage-deflate; server_no_context_ta/],
      ["permessage-deflate; server_max_window_bits=8", null],
      ["permessage-deflate; nonsense", null],
    ] as const) {
      const { head } = await openRaw(port, { headers: { "Sec-WebSocket-Extensions": offered } });
      assert.match(head, /^HTTP\/1\.1 101 /);
      if (answered) assert.match(head, answered);
      else assert.doesNotMatch(head, /Sec-WebSocket-Extensions/);
    }
  });

  it("C07: an unknown key is an error, and closed with 4001", async () => {
    const { port, refused } = await startEndpoint();
    const client = openClient(port, { key: "nope" });
    assert.deepEqual(await client.next(), errorMessage(4001, "Application does not exist"));
    assert.deepEqual(await client.closed, { code: 4001, reason: "Application does not exist" });
    assert.deepEqual(refused(), [["unknown_key", null, "nope"]]);
  });

  it("C21: clients whose decoder reads an object alone get one, before and after the handshake", async () => {
    const { port } = await startEndpoint();
    const query = "?client=pusher-websocket-swift&version=10.1.5&protocol=7";
    const unknown = openClient(port, { key: "nope", query });
    const data = { code: 4001, message: "Application does not exist" };
    assert.deepEqual(await unknown.next(), { event: "pusher:error", data });
    const client = openClient(port, { query });
    assert.equal(typeof (await client.next())["data"], "string");
    client.socket.send("x");
    assert.deepEqual(await client.next(), {
      event: "pusher:error",
      data: { code: 4200, message: "Invalid message format" },
    });
  });

  it("C09, C10: a foreign origin gets the error first, is closed, and can do nothing", async () => {
    const { port, node, refused } = await startEndpoint({
      app: { allowedOrigins: ["laravel.com"] },
    });
    const client = openClient(port, { origin: "http://evil.example" });
    client.socket.on("open", () => {
      client.socket.send('{"event":"pusher:subscribe","data":{"channel":"a"}}');
    });
    assert.deepEqual(await client.next(), errorMessage(4009, "Origin not allowed"));
    assert.equal((await client.closed).code, 4009);
    assert.deepEqual(refused(), [["origin", "app-id", "http://evil.example"]]);
    assert.equal(node.hub.channel("a"), undefined);
    const allowed = await openClient(port, { origin: "https://laravel.com:8443" }).next();
    assert.equal(allowed["event"], "pusher:connection_established");
  });

  it("C15, C16: over the app's quota, open connections counted: 4004", async () => {
    const { port } = await startEndpoint({ app: { maxConnections: 1 } });
    const first = openClient(port);
    await first.next();
    const second = openClient(port);
    const error = errorMessage(4004, "Application is over connection quota");
    assert.deepEqual(await second.next(), error);
    assert.equal((await second.closed).code, 4004);
    first.socket.close();
    await first.closed;
    assert.equal((await openClient(port).next())["event"], "pusher:connection_established");
  });

  it("C15: over the node's capacity: 4100, so that clients come back later", async () => {
    const { port } = await startEndpoint({ maxConnections: 1 });
    await openClient(port).next();
    const client = openClient(port);
    assert.deepEqual(await client.next(), errorMessage(4100, "Server is over capacity"));
    assert.equal((await client.closed).code, 4100);
  });

  it("C20: a draining node answers 503", async () => {
    const { port } = await startEndpoint({ isDraining: () => true });
    const { head } = await openRaw(port);
    assert.match(head, /^HTTP\/1\.1 503 /);
  });

  it("C01: a broken handshake is answered in HTTP and leaves nothing", async () => {
    const { port, endpoint } = await startEndpoint();
    const badKey = await openRaw(port, { headers: { "Sec-WebSocket-Key": "x" } });
    assert.match(badKey.head, /^HTTP\/1\.1 400 /);
    const badVersion = await openRaw(port, { headers: { "Sec-WebSocket-Version": "1" } });
    assert.match(badVersion.head, /^HTTP\/1\.1 400 [^]*Sec-WebSocket-Version: 13/);
    assert.equal(endpoint.connectionCount, 0);
  });

  it("O06: frames in the handshake's own segment are handled", async () => {
    const { port, node } = await startEndpoint();
    const message = Buffer.from('{"event":"pusher:subscribe","data":{"channel":"early"}}');
    const { socket, rest } = await openRaw(port, { behind: maskedFrame(0x81, message) });
    let received = rest.toString();
    while (!received.includes("subscription_succeeded")) {
      received += String((await once(socket, "data"))[0]);
    }
    assert.ok(received.indexOf("connection_established") < received.indexOf("subscription_succ"));
    assert.ok(node.hub.channel("early"));
  });
});

describe("WebSocket connection", () => {
  it("X02: a ping is answered with a pong of the same payload", async () => {
    const { port } = await startEndpoint();
    const client = openClient(port);
    await client.next();
    client.socket.ping("hello");
    const [payload] = await once(client.socket, "pong");
    assert.equal(String(payload), "hello");
  });

  it("X04: a message of max_message_size is handled, a longer one refused, twice as long and more closed with 1009", async () => {
    const { port } = await startEndpoint({ app: { maxMessageBytes: 100 } });
    const client = openClient(port);
    await client.next();
    const ping = '{"event":"pusher:ping"}';
    client.socket.send(ping.padEnd(100));
    assert.deepEqual(await client.next(), { event: "pusher:pong" });
    for (const length of [101, 200]) {
      client.socket.send(ping.padEnd(length));
      assert.deepEqual(await client.next(), errorMessage(4306, "Message is too long"));
    }
    client.socket.send(ping.padEnd(201));
    const reason = "Maximum message size exceeded";
    assert.deepEqual(await client.closed, { code: 1009, reason });
  });

  it("X04: a megabyte of garbage closes with 1009 too", async () => {
    const { port, endpoint, node } = await startEndpoint();
    const client = openClient(port);
    await client.next();
    client.socket.on("error", () => {});
    client.socket.send(Buffer.alloc(1_048_576, 0xff));
    assert.equal((await client.closed).code, 1009);
    assert.equal(endpoint.connectionCount, 0);
    const errors = node.reports.of("error_sent");
    const socketId = node.reports.of("connection_opened")[0]?.socketId ?? "";
    const about = { appId: "app-id", socketId, channel: null };
    assert.deepEqual(errors, [{ kind: "error_sent", ...about, ...messageTooLong }]);
  });

  it("X05: invalid UTF-8 closes with 1007, an unmasked frame with 1002", async () => {
    const { port } = await startEndpoint();
    for (const [frame, code] of [
      [maskedFrame(0x81, Buffer.from([0xff, 0xfe])), 1007],
      [Buffer.from([0x81, 2, 0x7b, 0x7d]), 1002],
    ] as const) {
      const { socket, rest } = await openRaw(port);
      socket.write(frame);
      let received = rest;
      socket.on("data", (chunk) => (received = Buffer.concat([received, chunk])));
      await once(socket, "end");
      const close = received.lastIndexOf(0x88);
      assert.equal(received.readUInt16BE(close + 2), code);
    }
  });

  it("X06: a client's close is echoed with its code and reason", async () => {
    const { port, node } = await startEndpoint();
    const client = openClient(port);
    await client.next();
    client.socket.close(4123, "bye");
    assert.deepEqual(await client.closed, { code: 4123, reason: "bye" });
    assert.equal(node.hub.connectionCount, 0);
  });

  it("X07, X08: binary and fragmented messages are handled as text", async () => {
    const { port } = await startEndpoint();
    const client = openClient(port);
    await client.next();
    client.socket.send(Buffer.from('{"event":"pusher:ping"}'));
    assert.deepEqual(await client.next(), { event: "pusher:pong" });
    client.socket.send('{"event":"pus', { fin: false });
    client.socket.send('her:ping"}', { fin: true });
    assert.deepEqual(await client.next(), { event: "pusher:pong" });
  });

  it("X11, X12: with compression an event is one frame for all who agreed, messages are inflated", async () => {
    const { port, node } = await startEndpoint({
      compression: { enabled: true, thresholdBytes: 512 },
    });
    const data = JSON.stringify({ text: "x".repeat(1_000) });
    const agreed = [openClient(port), openClient(port)];
    const plain = openClient(port, { perMessageDeflate: false });
    for (const client of [...agreed, plain]) {
      await client.next();
      // ws compresses what has 1 KB: spaces are none of the message.
      const subscribe = '{"event":"pusher:subscribe","data":{"channel":"a"}}';
      client.socket.send(subscribe.padEnd(2_000));
      assert.equal((await client.next())["event"], "pusher_internal:subscription_succeeded");
    }
    const bytesBefore = agreed.map(({ socket }) => bytesRead(socket));
    const event = { appId: "app-id", channel: "a", event: "e", dataJson: JSON.stringify(data) };
    node.hub.broadcast(event);
    for (const client of [...agreed, plain]) {
      assert.deepEqual(await client.next(), { event: "e", channel: "a", data });
    }
    for (const [index, { socket }] of agreed.entries()) {
      assert.ok(bytesRead(socket) - (bytesBefore[index] ?? 0) < 200);
    }
  });

  it("X06: what is queued goes out before the answer to a client's close", async () => {
    const { port, node } = await startEndpoint();
    const client = openClient(port);
    await client.next();
    client.socket.send('{"event":"pusher:subscribe","data":{"channel":"a"}}');
    client.socket.send('{"event":"pusher:ping"}');
    client.socket.close(1000);
    assert.equal((await client.next())["event"], "pusher_internal:subscription_succeeded");
    assert.deepEqual(await client.next(), { event: "pusher:pong" });
    await client.closed;
    assert.equal(node.hub.channel("a"), undefined);
  });

  it("L03: a hundred fast pings get a hundred pongs", async () => {
    const { port } = await startEndpoint();
    const client = openClient(port);
    await client.next();
    for (let i = 0; i < 100; i++) client.socket.send('{"event":"pusher:ping"}');
    for (let i = 0; i < 100; i++) assert.deepEqual(await client.next(), { event: "pusher:pong" });
  });

  it("H01, H02: a silent client is pinged, then closed with 4201, and its channels are left", async () => {
    let nowMs = 0;
    const { port, node, endpoint } = await startEndpoint({ now: () => nowMs });
    const client = openClient(port);
    await client.next();
    client.socket.send('{"event":"pusher:subscribe","data":{"channel":"a"}}');
    await client.next();
    endpoint.tick((nowMs += node.app.pingPeriodMs));
    assert.deepEqual(await client.next(), { event: "pusher:ping" });
    endpoint.tick((nowMs += node.app.pongWaitMs));
    assert.deepEqual(await client.next(), errorMessage(4201, "Pong reply not received in time"));
    assert.equal((await client.closed).code, 4201);
    assert.equal(node.hub.channel("a"), undefined);
  });

  it("H03: a client that uses control frames is pinged with one", async () => {
    let nowMs = 0;
    const { port, node, endpoint } = await startEndpoint({ now: () => nowMs });
    const client = openClient(port);
    await client.next();
    client.socket.ping();
    await once(client.socket, "pong");
    const pinged = once(client.socket, "ping");
    endpoint.tick((nowMs += node.app.pingPeriodMs));
    await pinged;
  });

  it("L07, L08: closes a client that never reads with 4100, after write_wait", async () => {
    const { port, node, endpoint, dropped } = await startEndpoint({
      maxQueuedBytes: 200_000,
      writeWaitMs: 1,
    });
    const { socket } = await openRaw(port, {
      behind: maskedFrame(0x81, Buffer.from('{"event":"pusher:subscribe","data":{"channel":"a"}}')),
    });
    socket.pause();
    const dataJson = JSON.stringify("x".repeat(100_000));
    const event = { appId: "app-id", channel: "a", event: "e", dataJson };
    const deadline = performance.now() + 20_000;
    while (node.hub.connectionCount > 0 && performance.now() < deadline) {
      node.hub.broadcast(event);
      endpoint.tick(performance.now());
      await new Promise((resolve) => setTimeout(resolve, 2));
    }
    assert.equal(node.hub.connectionCount, 0);
    assert.ok(dropped().length > 0);
    assert.ok(dropped().every((appId) => appId === "app-id"));
    assert.equal(node.reports.of("connection_closed").length, 1);
    const { code, reason } = catalogue.slowConsumer;
    const errors = node.reports.of("error_sent");
    const socketId = node.reports.of("connection_opened")[0]?.socketId ?? "";
    const about = { appId: "app-id", socketId, channel: null };
    assert.deepEqual(errors, [{ kind: "error_sent", ...about, code, reason }]);
  });

  it("says with which code each connection was closed, whoever did it, once", async () => {
    const { port, node, endpoint } = await startEndpoint();
    const codes = () => node.reports.of("connection_closed").map(({ code }) => code);
    const ways: readonly [code: number, close: (client: Client) => void][] = [
      [1000, ({ socket }) => socket.close(1000)],
      [3123, ({ socket }) => socket.close(3123, "mine")],
      [1005, ({ socket }) => socket.close()],
      [1006, ({ socket }) => socket.terminate()],
      [4200, () => void endpoint.closeAll(shutdownCloses.inCluster, 0)],
    ];
    for (const [index, [code, close]] of ways.entries()) {
      const client = openClient(port);
      await client.next();
      close(client);
      await client.closed;
      await waitFor(
        () => codes().length === index + 1,
        () => `the close with ${code}`,
      );
    }
    assert.deepEqual(
      codes(),
      ways.map(([code]) => code),
    );
  });

  it("closeAll closes everybody with the given code", async () => {
    const { port, endpoint } = await startEndpoint();
    const clients = [openClient(port), openClient(port)];
    for (const client of clients) await client.next();
    await endpoint.closeAll(shutdownCloses.inCluster, 2_000);
    for (const client of clients) {
      assert.deepEqual(await client.closed, { code: 4200, reason: "Server is shutting down" });
    }
    assert.equal(endpoint.connectionCount, 0);
  });

  it("O04: closeAll closes one after the other; destroy calls off the rest", async () => {
    let nowMs = 1_000;
    const { port, endpoint } = await startEndpoint({ now: () => nowMs });
    const clients = [openClient(port), openClient(port), openClient(port)];
    for (const client of clients) await client.next();
    const sent = endpoint.closeAll(shutdownCloses.inCluster, 2_000);
    const first = await Promise.race(clients.map(({ closed }) => closed));
    assert.equal(first.code, 4200);
    assert.equal(endpoint.connectionCount, 2);
    nowMs += 1;
    await waitFor(() => endpoint.connectionCount === 1);
    endpoint.destroy();
    await sent;
    const codes = await Promise.all(clients.map(async ({ closed }) => (await closed).code));
    assert.deepEqual(
      codes.toSorted((a, b) => a - b),
      [1006, 4200, 4200],
    );
  });
});
