import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import { once } from "node:events";
import { createServer } from "node:http";
import { test, type TestContext } from "node:test";
import { WebSocket, WebSocketServer } from "ws";
import {
  connectRaw,
  exchangeRaw,
  hasMessage,
  listen,
  listenRaw,
  parseMessage,
  type RawServer,
  type RawSocket,
} from "../testing/raw-http.ts";
import { startFront, type Front } from "../testing/proxy-front.ts";
import { requestOf } from "../testing/raw-upstream.ts";
import { waitFor } from "../testing/eventually.ts";

const upgrade = [
  "Connection: keep-alive, Upgrade",
  "Upgrade: WebSocket",
  "Sec-WebSocket-Version: 13",
  "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==",
];

const switching =
  "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n";

/** An upstream that answers the head of a handshake by hand; `rest` is what came with it. */
function startScripted(
  t: TestContext,
  answer: (connection: RawSocket) => void,
): Promise<RawServer> {
  return listenRaw(t, (connection) => {
    connection.socket.once("data", () => answer(connection));
  });
}

interface Tunnel {
  readonly front: Front;
  readonly client: RawSocket;
  readonly upstream: RawSocket;
}

async function openTunnel(
  t: TestContext,
  options: Parameters<typeof startFront>[2] = {},
): Promise<Tunnel> {
  const server = await startScripted(t, (connection) => connection.write(`${switching}\r\n`));
  const front = await startFront(t, server.port, options);
  const client = await connectRaw(t, front.port);
  await client.write(requestOf("GET", "/ws", upgrade)).until("\r\n\r\n");
  return { front, client, upstream: await server.connection(0) };
}

test("proxy W1: subprotocol, two Set-Cookie and the first frames pass both ways", async (t) => {
  const server = await startScripted(t, (connection) =>
    connection.write(
      `${switching}Sec-WebSocket-Protocol: vite-hmr\r\nSet-Cookie: a=1\r\nSet-Cookie: b=caf\xe9\r\n\r\nearly \xff down`,
    ),
  );
  const front = await startFront(t, server.port);
  const client = await connectRaw(t, front.port);
  const fields = [...upgrade, "Sec-WebSocket-Protocol: vite-hmr, x", "Cookie: s=1"];
  client.write(`${requestOf("GET", "//hmr?token=a/../b", fields)}early \xff up`);
  const reply = parseMessage(await client.until("early \xff down"));
  assert.equal(reply.startLine, "HTTP/1.1 101 Switching Protocols");
  assert.deepEqual(reply.values("sec-websocket-protocol"), ["vite-hmr"]);
  assert.deepEqual(reply.values("set-cookie"), ["a=1", "b=caf\xe9"]);
  assert.equal(reply.body, "early \xff down");

  const upstream = await server.connection(0);
  const seen = parseMessage(await upstream.until("early \xff up"));
  assert.equal(seen.startLine, "GET //hmr?token=a/../b HTTP/1.1");
  assert.deepEqual(seen.values("sec-websocket-protocol"), ["vite-hmr, x"]);
  assert.deepEqual(seen.values("cookie"), ["s=1"]);
  assert.equal(seen.rest, "early \xff up");

  await client.write("later up").until(() => upstream.text.endsWith("later up"));
  await upstream.write("later down").until(() => client.text.endsWith("later down"));
  await waitFor(() => front.outcomes.length === 1);
  assert.equal(front.outcomes[0]?.status, 101);
});

test("proxy W1, F1, F4, F6: the handshake goes upstream with the fields of any proxied request", async (t) => {
  const server = await startScripted(t, (connection) => connection.write(`${switching}\r\n`));
  const front = await startFront(t, server.port);
  const client = await connectRaw(t, front.port);
  const fields = [
    ...upgrade,
    "X-Forwarded-For: 6.6.6.6",
    "X_Real: 1",
    "Proxy: x",
    "X-Kept: caf\xe9",
    "Content-Length: 0",
  ];
  await client.write(requestOf("GET", "/?", fields)).until("\r\n\r\n");
  const { startLine, fields: seen } = parseMessage((await server.connection(0)).text);
  assert.equal(startLine, "GET /? HTTP/1.1");
  assert.deepEqual(seen.map(([name, value]) => `${name.toLowerCase()}: ${value}`).toSorted(), [
    "connection: Upgrade",
    "content-length: 0",
    "host: app.test",
    "sec-websocket-key: AAAAAAAAAAAAAAAAAAAAAA==",
    "sec-websocket-version: 13",
    "upgrade: websocket",
    "x-forwarded-for: 127.0.0.1",
    "x-forwarded-host: app.test",
    "x-forwarded-proto: http",
    "x-kept: caf\xe9",
    "x-request-id: request-id",
  ]);
});

test("proxy W2: 1 MB binary, fragments, compression, ping and close code pass unchanged", async (t) => {
  const server = createServer();
  const sockets = new WebSocketServer({ server, perMessageDeflate: { threshold: 0 } });
  sockets.on("connection", (socket) => {
    socket.on("message", (data, isBinary) => socket.send(data, { binary: isBinary }));
    socket.on("close", (code, reason) => closes.push(`${code} ${reason.toString()}`));
  });
  const closes: string[] = [];
  const front = await startFront(t, await listen(t, server));
  const client = new WebSocket(`ws://127.0.0.1:${front.port}/echo`, {
    perMessageDeflate: { threshold: 0 },
  });
  t.after(() => client.terminate());
  await once(client, "open");
  assert.match(client.extensions, /permessage-deflate/);

  const digest = (data: Buffer): string => createHash("sha256").update(data).digest("hex");
  const echo = async (): Promise<Buffer> => Buffer.from((await once(client, "message"))[0]);
  const megabyte = randomBytes(1024 * 1024);
  client.send(megabyte);
  assert.equal(digest(await echo()), digest(megabyte));

  const answer = echo();
  client.send("frag", { fin: false });
  client.send("men", { fin: false });
  client.send("ted ✓", { fin: true });
  assert.equal((await answer).toString(), "fragmented ✓");

  client.ping("are you there");
  assert.equal(String((await once(client, "pong"))[0]), "are you there");
  client.close(4321, "enough");
  await once(client, "close");
  await waitFor(() => closes.length === 1);
  assert.deepEqual(closes, ["4321 enough"]);
  await waitFor(() => front.proxy.openTunnels === 0);
});

test("proxy W3: a refusal of the upstream comes back with its fields and its body, and closes", async (t) => {
  const rows = [
    "HTTP/1.1 404 Not Found\r\nX-Name: caf\xe9\r\nContent-Length: 4\r\nConnection: keep-alive\r\n\r\ngone",
    "HTTP/1.1 401 Unauthorized\r\nSet-Cookie: a=1\r\nSet-Cookie: b=2\r\nTransfer-Encoding: chunked\r\n\r\n4\r\ngone\r\n0\r\n\r\n",
    "HTTP/1.1 200 OK\r\nX-Secret: 1\r\nConnection: X-Secret\r\nContent-Length: 4\r\n\r\ngone",
    "HTTP/1.1 302 Found\r\nLocation: /login\r\nContent-Length: 4\r\n\r\ngone",
  ];
  for (const answer of rows) {
    const server = await startScripted(t, (connection) => connection.write(answer));
    const front = await startFront(t, server.port);
    const reply = parseMessage(await exchangeRaw(t, front.port, requestOf("GET", "/", upgrade)));
    const expected = parseMessage(answer);
    assert.equal(reply.startLine, expected.startLine);
    assert.equal(reply.body, "gone");
    for (const name of ["x-name", "set-cookie", "location"]) {
      assert.deepEqual(reply.values(name), expected.values(name));
    }
    assert.deepEqual(reply.values("x-secret"), []);
    assert.deepEqual(reply.values("connection"), ["close"]);
    assert.equal(front.outcomes[0]?.status, expected.status);
    assert.equal(front.outcomes[0]?.fault, undefined);
    await (await server.connection(0)).untilEnd();
  }
});

test("proxy W3: a refusal longer than every buffer arrives whole", async (t) => {
  const size = 16 * 1024 * 1024;
  const server = createServer((_req, res) => void res.writeHead(403).end(Buffer.alloc(size, "x")));
  server.on("upgrade", (_req, socket) => {
    socket.write(`HTTP/1.1 403 Forbidden\r\nContent-Length: ${size}\r\n\r\n`);
    socket.end(Buffer.alloc(size, "x"));
  });
  const front = await startFront(t, await listen(t, server));
  const text = await exchangeRaw(t, front.port, requestOf("GET", "/", upgrade));
  assert.equal(parseMessage(text).body.length, size);
});

test("proxy W3: a refusal that breaks off breaks off at the client", async (t) => {
  for (const framing of ["Content-Length: 100", "Transfer-Encoding: chunked"]) {
    const server = await startScripted(t, (connection) => {
      connection.write(`HTTP/1.1 403 Forbidden\r\n${framing}\r\n\r\n4\r\nhalf\r\n`);
      setTimeout(() => connection.socket.end(), 20);
    });
    const front = await startFront(t, server.port);
    const text = await exchangeRaw(t, front.port, requestOf("GET", "/", upgrade));
    assert.match(text, /half/);
    assert.equal(hasMessage(text), false);
    await waitFor(() => front.outcomes.length === 1);
    assert.equal(front.outcomes[0]?.fault, "response_cut");
  }
});

test("proxy W4: refused is 502, no answer in time 504, and an answer that is none 502", async (t) => {
  const handshake = requestOf("GET", "/", upgrade);
  const gone = await listenRaw(t);
  await gone.stop();
  const silent = await listenRaw(t);
  const garbled = await startScripted(t, (connection) => connection.write("what?\r\n\r\n"));
  const resetting = await startScripted(t, (connection) => connection.reset());
  const odd = await startScripted(t, (connection) => connection.write("HTTP/1.1 099 X\r\n\r\n"));
  const rows = [
    [gone, 502, "connect_failed"],
    [silent, 504, "response_timeout"],
    [garbled, 502, "bad_response"],
    [resetting, 502, "no_response"],
    [odd, 502, "bad_response"],
  ] as const;
  for (const [server, status, fault] of rows) {
    const responseTimeoutMs = server === silent ? 80 : 30_000;
    const front = await startFront(t, server.port, { responseTimeoutMs });
    const reply = parseMessage(await exchangeRaw(t, front.port, handshake));
    assert.equal(reply.status, status);
    assert.deepEqual(reply.values("connection"), ["close"]);
    assert.doesNotMatch(reply.body, /127\.0\.0\.1|ECONN|HPE/);
    assert.equal(front.outcomes.length, 1);
    assert.equal(front.outcomes[0]?.fault, fault);
    assert.equal(front.proxy.openTunnels, 0);
    if (server !== gone) await (await server.connection(0)).untilEnd();
  }
});

test("proxy W4: a client that leaves while its handshake is pending ends it upstream at once", async (t) => {
  for (const leave of ["reset", "end"] as const) {
    const server = await listenRaw(t);
    const front = await startFront(t, server.port);
    const client = await connectRaw(t, front.port);
    client.write(requestOf("GET", "/", upgrade));
    const connection = await server.connection(0);
    await connection.until("\r\n\r\n");
    if (leave === "reset") client.reset();
    else client.socket.end();
    await connection.untilEnd();
    await waitFor(() => front.outcomes.length === 1);
    assert.equal(front.outcomes[0]?.status, 499);
  }
});

test("proxy W4: frames sent before the answer wait in bounded memory, and arrive", async (t) => {
  let answer = (): void => {};
  const server = await startScripted(t, (connection) => {
    answer = () => void connection.write(`${switching}\r\n`);
  });
  const front = await startFront(t, server.port);
  const client = await connectRaw(t, front.port);
  client.write(requestOf("GET", "/", upgrade));
  const connection = await server.connection(0);
  // Only then is there an answer to send.
  await connection.until("\r\n\r\n");
  const block = "0123456789abcdef".repeat(4096);
  const blocks = 256;
  for (let index = 0; index < blocks; index += 1) client.write(block);
  await new Promise((resolve) => setTimeout(resolve, 100));
  assert.ok(client.socket.writableLength > 0, "the client is held back");
  assert.equal(client.hasEnded, false);

  answer();
  await waitFor(() => connection.socket.bytesRead > block.length * blocks);
  const { rest } = parseMessage(connection.text);
  assert.equal(rest.length, block.length * blocks);
  assert.equal(rest, block.repeat(blocks));
});

test("proxy W5: when one side leaves, by FIN or RST, the other one is let go", async (t) => {
  for (const side of ["client", "upstream"] as const) {
    for (const leave of ["end", "reset"] as const) {
      const { front, client, upstream } = await openTunnel(t);
      assert.equal(front.proxy.openTunnels, 1);
      const [leaver, other] = side === "client" ? [client, upstream] : [upstream, client];
      if (leave === "reset") leaver.reset();
      else leaver.write("last words").socket.end();
      await other.untilEnd();
      if (leave === "end") assert.ok(other.text.endsWith("last words"));
      // The other end keeps its own half open, and still nothing stays behind.
      await waitFor(() => front.proxy.openTunnels === 0);
    }
  }
});

test("proxy W5: a slow reader holds the other side back, and gets all of it", async (t) => {
  const { client, upstream } = await openTunnel(t);
  client.socket.pause();
  const block = Buffer.alloc(1024 * 1024, "x");
  for (let index = 0; index < 32; index += 1) upstream.write(block);
  await new Promise((resolve) => setTimeout(resolve, 150));
  assert.ok(upstream.socket.writableLength > 8 * block.length, "the upstream is held back");
  upstream.socket.end();
  client.socket.resume();
  await client.untilEnd();
  assert.equal(parseMessage(client.text).body.length, 32 * block.length);
});

test("proxy W6: silence does not end a WebSocket", async (t) => {
  const { client, upstream } = await openTunnel(t, {
    responseTimeoutMs: 250,
    connectTimeoutMs: 250,
  });
  await new Promise((resolve) => setTimeout(resolve, 600));
  await client.write("still here").until(() => upstream.text.endsWith("still here"));
  upstream.write("so am I");
  await client.until("so am I");
});

test("proxy W7: a handshake with a body, or that is no GET, is answered 400 and goes nowhere", async (t) => {
  const server = await listenRaw(t);
  const front = await startFront(t, server.port);
  for (const sent of [
    requestOf("GET", "/", [...upgrade, "Content-Length: 5"], "hello"),
    requestOf("GET", "/", [...upgrade, "Transfer-Encoding: chunked"], "0\r\n\r\n"),
    requestOf("POST", "/", upgrade),
    requestOf("GET", "/", [...upgrade, "Host: evil.test"]),
  ]) {
    assert.equal(parseMessage(await exchangeRaw(t, front.port, sent)).status, 400);
  }
  assert.equal(server.connections.length, 0);
});

test("proxy P6: Upgrade: websocket without Connection: upgrade is an ordinary request", async (t) => {
  const server = await startScripted(t, (connection) =>
    connection.write("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"),
  );
  const front = await startFront(t, server.port);
  const client = await connectRaw(t, front.port);
  await client.write(requestOf("GET", "/", ["Upgrade: websocket"])).until("ok");
  assert.doesNotMatch((await server.connection(0)).text, /upgrade/i);
});

test("proxy W9: WebSockets passing through are counted, and closed with the proxy", async (t) => {
  const { front, client, upstream } = await openTunnel(t);
  assert.equal(front.proxy.openTunnels, 1);
  front.proxy.close();
  await client.untilEnd();
  await upstream.untilEnd();
  await waitFor(() => front.proxy.openTunnels === 0);
});

test("proxy W9: a handshake that is pending when the proxy closes is ended too", async (t) => {
  const server = await listenRaw(t);
  const front = await startFront(t, server.port);
  const client = await connectRaw(t, front.port);
  client.write(requestOf("GET", "/", upgrade));
  const connection = await server.connection(0);
  await connection.until("\r\n\r\n");
  front.proxy.close();
  await client.untilEnd();
  await connection.untilEnd();
});

test("proxy W9: at a drain each WebSocket is closed with 1001 between two frames of the app, and the app gets the client's answer", async (t) => {
  const { front, client, upstream } = await openTunnel(t);
  const before = client.bytes.length;
  // A frame of 5 bytes, the last two still to come.
  upstream.write(Buffer.from([0x82, 5, 1, 2, 3]));
  await waitFor(() => client.bytes.length === before + 5);
  front.proxy.closeTunnels(0);
  await new Promise((resolve) => setTimeout(resolve, 20));
  assert.equal(client.bytes.length, before + 5, "not in the middle of a frame");
  upstream.write(Buffer.from([4, 5]));
  await waitFor(() => client.bytes.length === before + 11);
  assert.deepEqual(client.bytes.subarray(before + 5), Buffer.from([4, 5, 0x88, 2, 3, 0xe9]));
  // What the app sends behind it goes nowhere; the client's answer arrives, and with the app's end all ends.
  upstream.write(Buffer.from([0x81, 1, 0x61]));
  const answer = Buffer.from([0x88, 0x82, 0, 0, 0, 0, 3, 0xe9]);
  client.write(answer);
  await waitFor(() => upstream.bytes.subarray(-answer.length).equals(answer));
  upstream.socket.end();
  await client.untilEnd();
  assert.equal(client.bytes.length, before + 11);
});

test("proxy W9: a client that does not answer the close is cut", async (t) => {
  const { front, client, upstream } = await openTunnel(t);
  front.proxy.closeTunnels(0);
  await client.untilEnd();
  await upstream.untilEnd();
});

test("proxy W9: real clients are closed with 1001, one after the other over the window", async (t) => {
  const server = new WebSocketServer({ port: 0, host: "127.0.0.1" });
  t.after(() => server.close());
  await once(server, "listening");
  const address = server.address();
  assert.ok(address !== null && typeof address === "object");
  const appCodes: number[] = [];
  server.on("connection", (socket) => socket.on("close", (code) => appCodes.push(code)));
  const front = await startFront(t, address.port);
  const clients = Array.from(
    { length: 20 },
    () => new WebSocket(`ws://127.0.0.1:${front.port}/hmr`),
  );
  await Promise.all(clients.map((client) => once(client, "open")));
  const codes = clients.map(async (client) => (await once(client, "close"))[0]);
  front.proxy.closeTunnels(40);
  // Of those that have a while left nobody is closed in the first turn.
  assert.ok(clients.filter(({ readyState }) => readyState === WebSocket.OPEN).length > 10);
  assert.deepEqual(
    await Promise.all(codes),
    Array.from({ length: 20 }, () => 1001),
  );
  await waitFor(() => appCodes.length === 20);
  assert.deepEqual(new Set(appCodes), new Set([1001]));
});
