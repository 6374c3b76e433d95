import assert from "node:assert/strict";
import { createServer } from "node:http";
import { test } from "node:test";
import {
  connectRaw,
  exchangeRaw,
  hasMessage,
  listen,
  listenRaw,
  parseMessage,
} from "../testing/raw-http.ts";
import { startFront } from "../testing/proxy-front.ts";
import {
  chunked,
  ok,
  requestOf,
  requestsOf,
  sendThrough,
  startUpstream,
} from "../testing/raw-upstream.ts";
import { waitFor } from "../testing/eventually.ts";

test("proxy P1, H9: path and query reach the upstream byte by byte", async (t) => {
  const targets = [
    ["/a/../b//c/%2e%2e?x=1?y=2", "//x//y", "/?", "/a?", "/%", "/a/./b/.."],
    ["/c\\d'\"|{}^`?q='\"|{}&&=", "/?a=http://b/c?d", "/;p=1;q"],
  ];
  for (const target of targets.flat()) {
    const { request } = await sendThrough(t, requestOf("GET", target));
    assert.equal(request.startLine, `GET ${target} HTTP/1.1`);
  }
});

test("proxy P1, R8: the absolute form goes upstream in origin-form", async (t) => {
  const { request } = await sendThrough(t, requestOf("GET", "http://app.test/a?b"));
  assert.equal(request.startLine, "GET /a?b HTTP/1.1");
  assert.deepEqual(request.values("host"), ["app.test"]);
});

test("proxy P2: OPTIONS * stays *", async (t) => {
  const { request } = await sendThrough(t, requestOf("OPTIONS", "*"));
  assert.equal(request.startLine, "OPTIONS * HTTP/1.1");
});

test("proxy P3, H2: a target with an impossible authority is answered 400, and the next request works", async (t) => {
  const upstream = await startUpstream(t);
  const front = await startFront(t, upstream.port);
  for (const target of ["http://a:99999/", "http://[/"]) {
    const plain = await exchangeRaw(t, front.port, requestOf("GET", target));
    assert.match(plain, /^HTTP\/1\.1 400 /);
    const upgrade = ["Connection: Upgrade", "Upgrade: websocket"];
    const handshake = await exchangeRaw(t, front.port, requestOf("GET", target, upgrade));
    assert.match(handshake, /^HTTP\/1\.1 400 /);
  }
  const client = await connectRaw(t, front.port);
  assert.match(await client.write(requestOf("GET", "/")).until("ok"), /^HTTP\/1\.1 200 /);
  assert.equal(upstream.connections.length, 1);
});

test("proxy P5, P6, P7, P8, H7: fields of this hop, Expect, Proxy and names with _ don't reach the upstream", async (t) => {
  const { request } = await sendThrough(
    t,
    requestOf("GET", "/", [
      "Connection: keep-alive, X-Nominated , content-length,HOST",
      "Connection: x-second",
      "X-Nominated: 1",
      "X-Second: 1",
      "Keep-Alive: timeout=9",
      "Proxy-Connection: keep-alive",
      "Proxy-Authorization: Basic x",
      "Proxy-Authenticate: x",
      "TE: trailers",
      "Trailer: X-T",
      "Upgrade: h2c",
      "HTTP2-Settings: AAMAAABk",
      "Alt-Svc: clear",
      "Expect: 100-continue",
      "Proxy: http://evil.test",
      "X_Forwarded_For: 6.6.6.6",
      "Content_Length: 5",
      "Transfer_Encoding: chunked",
      "__proto__: x",
      "constructor: 1",
      "X-Kept: 1",
    ]),
  );
  assert.deepEqual(request.fields, [
    ["Host", "app.test"],
    ["constructor", "1"],
    ["X-Kept", "1"],
    ["X-Forwarded-For", "127.0.0.1"],
    ["X-Forwarded-Proto", "http"],
    ["X-Forwarded-Host", "app.test"],
    ["X-Request-Id", "request-id"],
  ]);
});

test("proxy P8: a field that was left out for its _ is reported by its name, once a request", async (t) => {
  const upstream = await startUpstream(t);
  const dropped: string[] = [];
  const front = await startFront(t, upstream.port, {
    report: (event) => void (event.kind === "field_dropped" && dropped.push(event.name)),
  });
  for (const fields of [["X_Tenant: 1", "X_Other: 2"], ["X-Tenant: 1"]]) {
    await exchangeRaw(t, front.port, requestOf("GET", "/", [...fields, "Connection: close"]));
  }
  assert.deepEqual(dropped, ["X_Tenant"]);
});

test("proxy P9, F6: case, order, duplicates and bytes of end-to-end fields are kept", async (t) => {
  const lines = [
    "x-lower: a",
    "X-UPPER: b",
    "X-Twice: 1",
    "Accept: text/html",
    "x-twice: 2",
    "X-Latin: caf\xe9 \xfcber",
    "X-Empty:",
    "X-Space: a  b\tc",
    "Authorization: Bearer x",
  ];
  const { request } = await sendThrough(t, requestOf("GET", "/", lines));
  assert.deepEqual(request.fields.slice(0, 9), [
    ["Host", "app.test"],
    ["x-lower", "a"],
    ["X-UPPER", "b"],
    ["X-Twice", "1"],
    ["Accept", "text/html"],
    ["x-twice", "2"],
    ["X-Latin", "caf\xe9 \xfcber"],
    ["X-Empty", ""],
    ["X-Space", "a  b\tc"],
  ]);
});

test("proxy P9: two Cookie lines become one, and HTTP/1.0 without Host gets one", async (t) => {
  const cookies = await sendThrough(t, requestOf("GET", "/", ["Cookie: a=1", "Cookie: b=2"]));
  assert.deepEqual(cookies.request.values("cookie"), ["a=1; b=2"]);

  const old = await sendThrough(t, "GET /old HTTP/1.0\r\n\r\n");
  assert.deepEqual(old.request.values("host"), [`127.0.0.1:${old.upstream.port}`]);
  assert.deepEqual(old.request.values("x-forwarded-host"), []);
});

for (const method of ["DELETE", "OPTIONS", "GET", "POST", "PATCH"]) {
  test(`proxy P10, P14, H1: a chunked ${method} arrives as one request with its body`, async (t) => {
    const body = "GET /smuggled HTTP/1.1\r\nHost: x\r\n\r\n";
    const sent = requestOf(method, "/x", ["Transfer-Encoding: chunked"], chunked(body));
    const { request, upstream } = await sendThrough(t, sent);
    assert.equal(request.startLine, `${method} /x HTTP/1.1`);
    assert.equal(request.body, body);
    assert.equal(request.rest, "");
    assert.deepEqual(request.values("content-length"), []);
    assert.deepEqual(request.values("transfer-encoding"), ["chunked"]);
    assert.equal(upstream.connections.length, 1);
  });

  test(`proxy P14: a ${method} with Content-Length arrives with its body`, async (t) => {
    const sent = requestOf(method, "/x", ["Content-Length: 5"], "\x00\xff\r\n!");
    const { request } = await sendThrough(t, sent);
    assert.equal(request.body, "\x00\xff\r\n!");
    assert.deepEqual(request.values("content-length"), ["5"]);
    assert.deepEqual(request.values("transfer-encoding"), []);
  });
}

test("proxy P14: a request without a body gets no framing that says otherwise", async (t) => {
  for (const method of ["GET", "DELETE", "OPTIONS", "HEAD"]) {
    const { request } = await sendThrough(t, requestOf(method, "/"));
    assert.deepEqual(request.values("transfer-encoding"), [], method);
    assert.deepEqual(request.values("content-length"), [], method);
  }
  const post = await sendThrough(t, requestOf("POST", "/"));
  assert.deepEqual(post.request.values("content-length"), ["0"]);
  assert.deepEqual(post.request.values("transfer-encoding"), []);
});

test("proxy P13: pipelined requests are answered in order, over one connection", async (t) => {
  const upstream = await listenRaw(t, (connection) => {
    connection.socket.on("data", () => {
      const path = requestsOf(connection).at(-1)?.startLine.split(" ")[1] ?? "";
      connection.write(`HTTP/1.1 200 OK\r\nContent-Length: ${path.length}\r\n\r\n${path}`);
    });
  });
  const front = await startFront(t, upstream.port);
  const client = await connectRaw(t, front.port);
  client.write(
    requestOf("GET", "/1") +
      requestOf("POST", "/2", ["Content-Length: 3"], "abc") +
      requestOf("GET", "/3"),
  );
  let rest = await client.until("/3");
  for (const path of ["/1", "/2", "/3"]) {
    const reply = parseMessage(rest);
    assert.equal(reply.body, path);
    ({ rest } = reply);
  }
  assert.equal(rest, "");
});

test("proxy P13: a request pipelined after one that is refused is not answered with its refusal", async (t) => {
  const upstream = await startUpstream(t);
  const front = await startFront(t, upstream.port);
  const both = requestOf("GET", "/a", ["Host: evil.test"]) + requestOf("GET", "/b");
  const reply = parseMessage(await exchangeRaw(t, front.port, both));
  assert.equal(reply.status, 400);
  assert.deepEqual(reply.values("connection"), ["close"]);
  assert.equal(reply.rest, "");
  assert.equal(upstream.connections.length, 0);
});

test("proxy P15, H12: Expect: 100-continue is answered here, and the body follows upstream without it", async (t) => {
  const upstream = await startUpstream(t);
  const front = await startFront(t, upstream.port);
  const client = await connectRaw(t, front.port);
  const fields = ["Expect: 100-continue", "Content-Length: 5"];
  await client.write(requestOf("POST", "/", fields)).until("HTTP/1.1 100 Continue\r\n\r\n");
  await client.write("hello").until("ok");
  const [request] = requestsOf(await upstream.connection(0));
  assert.equal(request?.body, "hello");
  assert.deepEqual(request?.values("expect"), []);
});

test("proxy P16: a client of HTTP/1.0 gets a reply it can read, and its connection closes", async (t) => {
  const upstream = await startUpstream(
    t,
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
  );
  const front = await startFront(t, upstream.port);
  const text = await exchangeRaw(t, front.port, "GET / HTTP/1.0\r\nHost: app.test\r\n\r\n");
  const reply = parseMessage(text);
  assert.equal(reply.body, "hello");
  assert.deepEqual(reply.values("transfer-encoding"), []);
  assert.deepEqual(reply.values("connection"), ["close"]);
});

test("proxy P18: a body over the limit by Content-Length is answered 413 without a connection", async (t) => {
  const upstream = await startUpstream(t);
  const front = await startFront(t, upstream.port, { maxBodyBytes: 10 });
  const sent = requestOf("POST", "/", ["Content-Length: 11"], "0123456789a");
  const reply = parseMessage(await exchangeRaw(t, front.port, sent));
  assert.equal(reply.status, 413);
  assert.deepEqual(reply.values("connection"), ["close"]);
  assert.equal(upstream.connections.length, 0);
  await waitFor(() => front.outcomes.length === 1);
  assert.deepEqual(
    { ...front.outcomes[0], durationMs: 0 },
    { method: "POST", status: 413, durationMs: 0 },
  );

  const fits = requestOf("POST", "/", ["Content-Length: 10", "Connection: close"], "0123456789");
  assert.match(await exchangeRaw(t, front.port, fits), /^HTTP\/1\.1 200 /);
});

test("proxy P18: a chunked body over the limit is answered 413 and not completed upstream", async (t) => {
  const upstream = await startUpstream(t);
  const front = await startFront(t, upstream.port, { maxBodyBytes: 10 });
  const client = await connectRaw(t, front.port);
  client.write(requestOf("POST", "/", ["Transfer-Encoding: chunked"], "5\r\n01234\r\n"));
  const connection = await upstream.connection(0);
  await connection.until("01234");
  const reply = parseMessage(await client.write("6\r\n56789a\r\n").until("bytes.\n"));
  assert.equal(reply.status, 413);
  await connection.untilEnd();
  assert.doesNotMatch(connection.text, /\r\n0\r\n/);
  // The client may go on sending for a moment; then the connection ends.
  client.write(chunked("more"));
  await client.untilEnd();
});

test("proxy P19: TRACE is 405, CONNECT and an h2 preface get no tunnel", async (t) => {
  const upstream = await startUpstream(t);
  const front = await startFront(t, upstream.port);
  assert.match(await exchangeRaw(t, front.port, requestOf("TRACE", "/")), /^HTTP\/1\.1 405 /);
  const connect = await exchangeRaw(t, front.port, "CONNECT a:80 HTTP/1.1\r\nHost: a:80\r\n\r\n");
  assert.match(connect, /^HTTP\/1\.1 405 [^]*\r\nAllow: GET, HEAD, POST/);
  const preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
  assert.match(await exchangeRaw(t, front.port, preface), /^HTTP\/1\.1 (400|505) /);
  assert.equal(upstream.connections.length, 0);
});

test("proxy P19: an upgrade to h2c is an ordinary request", async (t) => {
  const fields = ["Connection: Upgrade, HTTP2-Settings", "Upgrade: h2c", "HTTP2-Settings: AAMA"];
  const { request, reply } = await sendThrough(t, requestOf("GET", "/", fields));
  assert.equal(reply.status, 200);
  assert.deepEqual(request.values("upgrade"), []);
  assert.deepEqual(request.values("http2-settings"), []);
});

test("proxy P20: an upload of 32 MB streams through, and a slow upstream stalls its client", async (t) => {
  const size = 32 * 1024 * 1024;
  let received = 0;
  let resume = (): void => {};
  const upstream = createServer((req, res) => {
    // Takes nothing until told to.
    resume = () => {
      req.on("data", (chunk: Buffer) => (received += chunk.length));
      req.on("end", () => res.end("ok"));
    };
  });
  const front = await startFront(t, await listen(t, upstream));
  const client = await connectRaw(t, front.port);
  const before = process.memoryUsage().rss;
  client.write(requestOf("POST", "/", [`Content-Length: ${size}`]));

  const block = Buffer.alloc(1024 * 1024, "x");
  let sent = 0;
  const pump = (): void => {
    while (sent < size) {
      sent += block.length;
      if (!client.socket.write(block)) return;
    }
  };
  client.socket.on("drain", pump);
  pump();
  // Once the buffers on the way are full, nothing moves any more.
  let last = -1;
  await waitFor(
    async () => {},
    () => "",
  );
  while (last !== client.socket.bytesWritten - client.socket.writableLength) {
    last = client.socket.bytesWritten - client.socket.writableLength;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  // What is on the way sits in the sockets' buffers, most of it the kernel's.
  assert.ok(sent < size / 2, `${sent} of ${size} bytes left while nobody read`);
  const growth = process.memoryUsage().rss - before;
  assert.ok(growth < 48 * 1024 * 1024, `rss grew by ${growth}`);
  assert.equal(received, 0);

  resume();
  await client.until("ok");
  assert.equal(received, size);
});

test("proxy F1: what a client says about itself is replaced on the way upstream", async (t) => {
  const lies = ["X-Forwarded-For: 6.6.6.6", "X-Forwarded-Proto: https", "Forwarded: for=6.6.6.6"];
  const { request } = await sendThrough(
    t,
    requestOf("GET", "/", [...lies, "X-Real-IP: 6.6.6.6", "Connection: X-Forwarded-For"]),
  );
  assert.deepEqual(request.values("x-forwarded-for"), ["127.0.0.1"]);
  assert.deepEqual(request.values("x-forwarded-proto"), ["http"]);
  assert.deepEqual(request.values("x-forwarded-host"), ["app.test"]);
  assert.deepEqual([...request.values("forwarded"), ...request.values("x-real-ip")], []);
});

test("proxy F2, F6: behind a trusted proxy the chain grows, and Host stays the client's", async (t) => {
  const told = [
    "X-Forwarded-For: 198.51.100.7",
    "X-Forwarded-Proto: https",
    "X-Forwarded-Port: 443",
  ];
  const { request } = await sendThrough(t, requestOf("GET", "/", told), {
    trustedProxies: ["127.0.0.0/8"],
  });
  assert.deepEqual(request.values("x-forwarded-for"), ["198.51.100.7, 127.0.0.1"]);
  assert.deepEqual(request.values("x-forwarded-proto"), ["https"]);
  assert.deepEqual(request.values("x-forwarded-port"), ["443"]);
  assert.deepEqual(request.values("host"), ["app.test"]);
});

test("a draining proxy answers and asks clients to leave", async (t) => {
  const { reply, client } = await sendThrough(t, requestOf("GET", "/"), { isDraining: () => true });
  assert.equal(reply.body, "ok");
  assert.deepEqual(reply.values("connection"), ["close"]);
  await client.untilEnd();
});

test("an upstream on a unix socket is served like any other", async (t) => {
  const path = `/tmp/pogo-proxy-test-${process.pid}.sock`;
  const upstream = await listenRaw(
    t,
    (connection) => void connection.socket.once("data", () => connection.write(ok)),
    { path },
  );
  const front = await startFront(t, { kind: "unix", socketPath: path });
  const client = await connectRaw(t, front.port);
  await client.write(requestOf("GET", "/a?b")).until((text) => hasMessage(text));
  assert.match(
    upstream.connections[0]?.text ?? "",
    /^GET \/a\?b HTTP\/1\.1\r\nHost: app\.test\r\n/,
  );
});

test("proxy F9: a request has an id, at the app and with its answer; a client's own is not taken", async (t) => {
  const upstream = await startUpstream(
    t,
    "HTTP/1.1 200 OK\r\nX-Request-Id: of-the-app\r\nContent-Length: 0\r\n\r\n",
  );
  const front = await startFront(t, upstream.port);
  const sent = requestOf("GET", "/", ["X-Request-Id: of-the-client", "Connection: close"]);
  const reply = parseMessage(await exchangeRaw(t, front.port, sent));
  assert.deepEqual(reply.values("x-request-id"), ["request-id"]);
  const [request] = upstream.connections.flatMap(requestsOf);
  assert.deepEqual(request?.values("x-request-id"), ["request-id"]);
});
