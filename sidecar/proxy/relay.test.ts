import assert from "node:assert/strict";
import { createServer } from "node:http";
import { test, type TestContext } from "node:test";
import {
  connectRaw,
  exchangeRaw,
  hasMessage,
  listen,
  listenRaw,
  parseMessage,
  type RawMessage,
  type RawSocket,
} from "../testing/raw-http.ts";
import { startFront, type Front } from "../testing/proxy-front.ts";
import { ok, requestOf, startUpstream } from "../testing/raw-upstream.ts";
import { waitFor } from "../testing/eventually.ts";

/** An upstream that answers the head of its first request by hand. */
async function startScripted(
  t: TestContext,
  answer: (connection: RawSocket) => void,
): Promise<Front> {
  const upstream = await listenRaw(t, (connection) => {
    connection.socket.once("data", () => answer(connection));
  });
  return startFront(t, upstream.port);
}

/** What a client on a connection of its own gets when the upstream answers with these bytes and closes or not. */
async function relayed(
  t: TestContext,
  answer: string,
  options: { method?: string; closes?: boolean } = {},
): Promise<{ reply: RawMessage; client: RawSocket; front: Front }> {
  const { method = "GET", closes = false } = options;
  const upstream = await listenRaw(t, (connection) => {
    connection.socket.on("data", () => {
      connection.write(answer);
      if (closes) connection.socket.end();
    });
  });
  const front = await startFront(t, upstream.port);
  const client = await connectRaw(t, front.port);
  const isHead = method === "HEAD";
  const text = await client
    .write(requestOf(method, "/"))
    .until((received) => hasMessage(received, { isHead }));
  return { reply: parseMessage(text, { isHead }), client, front };
}

/** The connection serves a second request, so it was neither closed nor left in the middle of a message. */
async function assertStillServes(client: RawSocket, front: Front, method = "GET"): Promise<void> {
  const before = client.text.length;
  client.write(requestOf(method, "/again"));
  await client.until((text) => /HTTP\/1\.1 \d{3}/.test(text.slice(before)));
  assert.equal(client.hasEnded, false);
  assert.ok(front.outcomes.length >= 1);
}

test("proxy S1, H8: the upstream's Connection: close does not close the client's connection", async (t) => {
  const answer = "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok";
  const { reply, client, front } = await relayed(t, answer, { closes: true });
  assert.deepEqual(reply.values("connection"), ["keep-alive"]);
  assert.equal(reply.body, "ok");
  await assertStillServes(client, front);
});

test("proxy S2: a body that ends with the upstream's connection is chunked, and the client's stays", async (t) => {
  for (const version of ["1.0", "1.1"]) {
    const answer = `HTTP/${version} 200 OK\r\nContent-Type: text/plain\r\n\r\nall of it`;
    const { reply, client, front } = await relayed(t, answer, { closes: true });
    assert.equal(reply.startLine, "HTTP/1.1 200 OK");
    assert.deepEqual(reply.values("transfer-encoding"), ["chunked"]);
    assert.equal(reply.body, "all of it");
    await assertStillServes(client, front);
  }
});

test("proxy S3, S7: fields come back in their order, case, number and bytes", async (t) => {
  const lines = [
    "Set-Cookie: a=1; Path=/",
    "x-lower: 1",
    "Set-Cookie: b=2",
    "X-Latin: caf\xe9",
    "X-Utf8: caf\xc3\xa9",
    'Content-Disposition: attachment; filename="\xe4.pdf"',
    "Date: Thu, 01 Jan 2026 00:00:00 GMT",
    "Content-Length: 0",
  ];
  const { reply } = await relayed(t, `HTTP/1.1 200 OK\r\n${lines.join("\r\n")}\r\n\r\n`);
  assert.deepEqual(
    reply.fields.slice(0, lines.length).map(([name, value]) => `${name}: ${value}`),
    lines,
  );
});

test("proxy S4: a redirect is relayed as it is", async (t) => {
  const answer =
    "HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/login?x#y\r\nContent-Length: 0\r\n\r\n";
  const { reply } = await relayed(t, answer);
  assert.equal(reply.startLine, "HTTP/1.1 302 Found");
  assert.deepEqual(reply.values("location"), ["http://127.0.0.1:1/login?x#y"]);
});

test("proxy S5: HEAD, 204 and 304 end without a body, with the length they speak of", async (t) => {
  const rows = [
    { method: "HEAD", answer: "HTTP/1.1 200 OK\r\nContent-Length: 1234\r\n\r\n", length: ["1234"] },
    {
      method: "GET",
      answer: "HTTP/1.1 304 Not Modified\r\nContent-Length: 99\r\nETag: x\r\n\r\n",
      length: ["99"],
    },
    { method: "GET", answer: "HTTP/1.1 204 No Content\r\n\r\n", length: [] },
    { method: "GET", answer: "HTTP/1.1 204 No Content\r\nContent-Length: 0\r\n\r\n", length: [] },
    { method: "HEAD", answer: "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", length: [] },
  ];
  for (const { method, answer, length } of rows) {
    const { reply, client, front } = await relayed(t, answer, { method });
    assert.deepEqual(reply.values("content-length"), length, answer);
    assert.equal(reply.rest, "");
    await assertStillServes(client, front, method);
  }
});

test("proxy S6: a compressed body and its fields are untouched", async (t) => {
  const gzip =
    "\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03\xcb\xcf\x06\x00\x47\xdd\xdc\x79\x02\x00\x00\x00";
  const answer = `HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: ${gzip.length}\r\n\r\n${gzip}`;
  const { reply } = await relayed(t, answer);
  assert.equal(reply.body, gzip);
  assert.deepEqual(reply.values("content-encoding"), ["gzip"]);
  assert.deepEqual(reply.values("content-length"), [String(gzip.length)]);
});

test("proxy H7: fields of the upstream's connection don't reach the client", async (t) => {
  const answer = [
    "HTTP/1.1 200 OK",
    "Connection: keep-alive, X-Private, Content-Length",
    "X-Private: 1",
    "Keep-Alive: timeout=1",
    "Proxy-Authenticate: Basic",
    "Proxy-Connection: close",
    "Upgrade: h2,h2c",
    'Alt-Svc: h2=":443"',
    "TE: trailers",
    "Date: now",
    "Content-Length: 2",
    "",
    "ok",
  ].join("\r\n");
  const { reply } = await relayed(t, answer);
  assert.deepEqual(
    reply.fields.map(([name]) => name),
    ["Date", "Content-Length", "X-Request-Id", "Connection", "Keep-Alive"],
  );
  assert.deepEqual(reply.values("keep-alive"), ["timeout=75"]);
});

test("proxy S8, H5: a status that is none is answered 502", async (t) => {
  for (const status of ["000", "099"]) {
    const { reply, front } = await relayed(
      t,
      `HTTP/1.1 ${status} X\r\nX-A: 1\r\nContent-Length: 2\r\n\r\nok`,
    );
    assert.equal(reply.status, 502);
    assert.deepEqual(reply.values("x-a"), []);
    await waitFor(() => front.outcomes.length === 1);
    assert.equal(front.outcomes[0]?.fault, "bad_response");
  }
});

test("proxy S8, H6: an answer of 101 to a request without Upgrade is answered 502", async (t) => {
  const answer =
    "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\nx";
  const { reply, front, client } = await relayed(t, answer);
  assert.equal(reply.status, 502);
  await assertStillServes(client, front);
});

test("proxy S8: 103 and 100 are not taken for the response", async (t) => {
  const hints = "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n";
  const { reply } = await relayed(t, `${hints}${ok}`);
  assert.equal(reply.startLine, "HTTP/1.1 200 OK");
  assert.equal(reply.body, "ok");
});

test("proxy S8, H5: a reason no client could read is left out, others are kept", async (t) => {
  const rows = [
    ["HTTP/1.1 200 caf\xe9\r\n", "HTTP/1.1 200 caf\xe9"],
    ["HTTP/1.1 200 \r\n", "HTTP/1.1 200 "],
    ["HTTP/1.1 200\r\n", "HTTP/1.1 200 "],
    ["HTTP/1.1 419 unknown status\r\n", "HTTP/1.1 419 unknown status"],
    ["HTTP/1.1 599 Odd\r\n", "HTTP/1.1 599 Odd"],
    ["HTTP/1.1 200 a\x01b\r\n", "HTTP/1.1 200 "],
  ] as const;
  for (const [line, expected] of rows) {
    const { reply } = await relayed(t, `${line}Content-Length: 2\r\n\r\nok`);
    assert.equal(reply.startLine, expected);
    assert.equal(reply.body, "ok");
  }
});

test("proxy S8, H5: Trailer with Content-Length is relayed without Trailer, and trailers are dropped", async (t) => {
  const withLength = "HTTP/1.1 200 OK\r\nTrailer: X-T\r\nContent-Length: 2\r\n\r\nok";
  const plain = await relayed(t, withLength);
  assert.equal(plain.reply.body, "ok");
  assert.deepEqual(plain.reply.values("trailer"), []);

  const trailing =
    "HTTP/1.1 200 OK\r\nTrailer: X-T\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\nX-T: 1\r\n\r\n";
  const inChunks = await relayed(t, trailing);
  assert.equal(inChunks.reply.body, "ok");
  assert.doesNotMatch(inChunks.client.text, /X-T/);
});

for (const [name, head, part] of [
  ["Content-Length", "Content-Length: 100", "some of it"],
  ["chunks", "Transfer-Encoding: chunked", "a\r\nsome of it\r\n"],
  ["a chunk in the middle", "Transfer-Encoding: chunked", "ff\r\nsome of it"],
] as const) {
  for (const ending of ["end", "reset"] as const) {
    test(`proxy S9, H3: a body with ${name} that the upstream breaks off by ${ending} breaks off at the client`, async (t) => {
      let connection: RawSocket | undefined;
      const front = await startScripted(t, (made) => {
        connection = made;
        made.write(`HTTP/1.1 200 OK\r\n${head}\r\n\r\n${part}`);
      });
      const client = await connectRaw(t, front.port);
      await client.write(requestOf("GET", "/")).until("some of it");
      if (ending === "end") connection?.socket.end();
      else connection?.reset();
      const text = await client.untilEnd();
      assert.equal(hasMessage(text), false, "not a whole message");
      assert.doesNotMatch(text, /502|\r\n0\r\n/);
      await waitFor(() => front.outcomes.length === 1);
      const [outcome] = front.outcomes;
      assert.equal(outcome?.fault, "response_cut");
      assert.equal(outcome?.status, 200);
    });
  }
}

test("proxy S9, H4: a bad chunk in the middle of a body breaks it off, with no second head in it", async (t) => {
  const front = await startScripted(t, (connection) => {
    connection.write("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\ngood\r\n");
    setTimeout(() => connection.write("zz\r\nbad\r\n0\r\n\r\n"), 20);
  });
  const text = await exchangeRaw(t, front.port, requestOf("GET", "/"));
  assert.equal(text.match(/HTTP\/1\.1/g)?.length, 1);
  assert.match(text, /good/);
  assert.equal(hasMessage(text), false);
  await waitFor(() => front.outcomes[0]?.fault === "response_cut");
});

test("proxy S10: a download of 64 MB waits for a client that pauses, in bounded memory", async (t) => {
  const size = 64 * 1024 * 1024;
  const block = Buffer.alloc(256 * 1024, "x");
  let written = 0;
  const upstream = createServer((_req, res) => {
    res.setHeader("Content-Length", size);
    const pump = (): void => {
      while (written < size) {
        written += block.length;
        if (!res.write(block)) return void res.once("drain", pump);
      }
      res.end();
    };
    pump();
  });
  const front = await startFront(t, await listen(t, upstream));
  const before = process.memoryUsage().rss;
  const client = await connectRaw(t, front.port);
  let received = 0;
  client.socket.removeAllListeners("data");
  client.socket.pause();
  client.write(requestOf("GET", "/"));

  let last = -1;
  while (written !== last) {
    last = written;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  // What is on the way sits in the sockets' buffers, most of it the kernel's.
  assert.ok(written < size / 2, `${written} of ${size} bytes left while nobody read`);
  const growth = process.memoryUsage().rss - before;
  assert.ok(growth < 48 * 1024 * 1024, `rss grew by ${growth}`);
  client.socket.on("data", (chunk: Buffer) => (received += chunk.length));
  client.socket.resume();
  await waitFor(() => received > size);
  assert.equal(written, size);
});

test("proxy S11, H13: of an event stream the head comes first, then each event as it is sent", async (t) => {
  let connection: RawSocket | undefined;
  const front = await startScripted(t, (made) => {
    connection = made;
    made.write("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nX-Name: caf\xe9\r\n\r\n");
  });
  const client = await connectRaw(t, front.port);
  const head = await client.write(requestOf("GET", "/events")).until("\r\n\r\n");
  // S7: the early head keeps its bytes.
  assert.match(head, /X-Name: caf\xe9\r\n/);
  for (const event of ["one", "two", "three"]) {
    connection?.write(`data: ${event}\n\n`);
    await client.until(`data: ${event}\n\n`);
  }
});

test("proxy S11, E4, H10: a stream may be silent for longer than the response timeout", async (t) => {
  let connection: RawSocket | undefined;
  const upstream = await listenRaw(t, (made) => {
    made.socket.once("data", () => {
      connection = made;
      made.write("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\ndata: 1\n\n");
    });
  });
  const front = await startFront(t, upstream.port, {
    responseTimeoutMs: 250,
    connectTimeoutMs: 250,
  });
  const client = await connectRaw(t, front.port);
  await client.write(requestOf("GET", "/events")).until("data: 1");
  await new Promise((resolve) => setTimeout(resolve, 600));
  connection?.write("data: 2\n\n");
  await client.until("data: 2");
  assert.equal(front.outcomes.length, 0);
});

for (const closes of [false, true]) {
  test(`proxy S12: a 413 of the upstream in the middle of an upload reaches the client${closes ? ", the upstream closing" : ""}`, async (t) => {
    const upstream = await listenRaw(t, (connection) => {
      connection.socket.once("data", () => {
        connection.socket.pause();
        connection.write("HTTP/1.1 413 Too Large\r\nContent-Length: 3\r\n\r\nbig");
        if (closes) connection.socket.end();
      });
    });
    const front = await startFront(t, upstream.port);
    const client = await connectRaw(t, front.port);
    client.write(requestOf("POST", "/", ["Content-Length: 50000000"], "x".repeat(100_000)));
    const reply = parseMessage(await client.until("big"));
    assert.equal(reply.status, 413);
    assert.equal(reply.body, "big");
    await waitFor(() => front.outcomes.length === 1);
    assert.equal(front.outcomes[0]?.status, 413);
  });
}

test("proxy S13: a response head that is too long is answered 502", async (t) => {
  const { reply, front } = await relayed(t, `HTTP/1.1 200 OK\r\nX: ${"x".repeat(40_000)}\r\n\r\n`);
  assert.equal(reply.status, 502);
  await waitFor(() => front.outcomes.length === 1);
  assert.equal(front.outcomes[0]?.fault, "head_too_large");
});

test("proxy S13: bytes that are no HTTP are answered 502", async (t) => {
  for (const answer of [
    "SSH-2.0-OpenSSH_9.9\r\n",
    "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nok",
    "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "HTTP/1.1 200 OK\nContent-Length: 2\n\nok",
    "HTTP/1.1 200 OK\r\nX: a\rb\r\n\r\n",
  ]) {
    const { reply } = await relayed(t, answer);
    assert.equal(reply.status, 502, answer);
  }
});

test("a response to HTTP/1.0 with neither length nor chunks ends with the connection", async (t) => {
  const upstream = await startUpstream(
    t,
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n",
  );
  const front = await startFront(t, upstream.port);
  const text = await exchangeRaw(t, front.port, "GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
  assert.match(text, /\r\n\r\nok$/);
});
