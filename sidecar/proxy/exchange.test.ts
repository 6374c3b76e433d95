import assert from "node:assert/strict";
import { createServer } from "node:http";
import { test, type TestContext } from "node:test";
import { startClogged } from "../testing/clogged-port.ts";
import {
  connectRaw,
  exchangeRaw,
  hasMessage,
  listen,
  listenRaw,
  parseMessage,
  type RawSocket,
} from "../testing/raw-http.ts";
import { startFront, type Front } from "../testing/proxy-front.ts";
import { ok, requestOf, requestsOf, startUpstream } from "../testing/raw-upstream.ts";
import type { UpstreamAddress } from "../http/upstream-address.ts";
import { waitFor } from "../testing/eventually.ts";

/** A port that nobody listens on. */
async function closedPort(t: TestContext): Promise<number> {
  const server = await listenRaw(t);
  await server.stop();
  return server.port;
}

async function lastOutcome(front: Front, count = 1) {
  await waitFor(() => front.outcomes.length === count);
  const outcome = front.outcomes.at(-1);
  assert.ok(outcome);
  return outcome;
}

test("proxy E1: refused, no socket, no such name: 502, with the cause in the outcome and not in the answer", async (t) => {
  const upstreams: readonly (readonly [upstream: UpstreamAddress, cause: RegExp])[] = [
    [{ kind: "tcp", host: "127.0.0.1", port: await closedPort(t) }, /^connection refused: .*127/],
    [{ kind: "tcp", host: "localhost", port: await closedPort(t) }, /^connection refused: .*local/],
    [{ kind: "unix", socketPath: "/nonexistent/pogo.sock" }, /^no such socket: .*pogo\.sock/],
    [{ kind: "tcp", host: "no-such-host.invalid", port: 80 }, /^(no such name: |the name in )/],
  ];
  for (const [upstream, cause] of upstreams) {
    const front = await startFront(t, upstream);
    for (const sent of [
      requestOf("GET", "/", ["Connection: close"]),
      requestOf("POST", "/", ["Content-Length: 3", "Connection: close"], "abc"),
    ]) {
      const reply = parseMessage(await exchangeRaw(t, front.port, sent));
      assert.equal(reply.status, 502);
      assert.deepEqual(reply.values("content-type"), ["text/plain; charset=utf-8"]);
      assert.match(reply.body, /^Bad Gateway: the application is down\./);
      assert.doesNotMatch(reply.body, /127\.0\.0\.1|\.sock|invalid|ECONN|ENOENT|node:/);
    }
    const outcome = await lastOutcome(front, 2);
    assert.equal(outcome.status, 502);
    assert.equal(outcome.fault, "connect_failed");
    assert.match(outcome.cause ?? "", cause);
  }
});

/** What is wrong with an app, and how its client is told apart what. */
const faulty: readonly (readonly [title: string, status: number, bytes: string | null])[] = [
  ["the application broke off", 502, ""],
  ["the application's answer can't be read", 502, "SSH-2.0-OpenSSH_9.7\r\n\r\n"],
  ["the application did not answer in time", 504, null],
];

for (const [title, status, bytes] of faulty) {
  test(`proxy E11: ${title}: ${status}`, async (t) => {
    const upstream = await listenRaw(t, ({ socket }) => {
      socket.once("data", () => bytes !== null && socket.end(bytes));
    });
    const front = await startFront(t, upstream.port, { responseTimeoutMs: 50 });
    const sent = requestOf("GET", "/", ["Connection: close"]);
    const reply = parseMessage(await exchangeRaw(t, front.port, sent));
    assert.equal(reply.status, status);
    assert.ok(reply.body.includes(`: ${title}.\n`), reply.body);
    assert.match(reply.body, /\nRequest request-id\n$/);
  });
}

test("proxy E11: an error of the sidecar itself is a page, JSON or text, as the client asks for it", async (t) => {
  const front = await startFront(t, await closedPort(t));
  const rows: readonly (readonly [accept: string, type: string, body: RegExp])[] = [
    ["text/html,*/*;q=0.8", "text/html; charset=utf-8", /<h1>The application is down<\/h1>/],
    ["application/json", "application/json", /^\{"message":"The application is down\. /],
    ["*/*", "text/plain; charset=utf-8", /^Bad Gateway: the application is down\./],
  ];
  for (const [accept, type, body] of rows) {
    const sent = requestOf("GET", "/", [`Accept: ${accept}`, "Connection: close"]);
    const reply = parseMessage(await exchangeRaw(t, front.port, sent));
    assert.equal(reply.status, 502);
    assert.deepEqual(reply.values("content-type"), [type]);
    assert.match(reply.body, body);
  }
});

test("proxy E1: a client that is still sending its body reads the 502", async (t) => {
  const front = await startFront(t, await closedPort(t));
  const client = await connectRaw(t, front.port);
  client.write(requestOf("POST", "/", ["Content-Length: 1000000"], "x".repeat(1000)));
  const reply = parseMessage(await client.until("Request request-id\n"));
  assert.equal(reply.status, 502);
  assert.deepEqual(reply.values("connection"), ["close"]);
  // It may even finish, and is not reset for it, which could cost it the answer.
  for (let sent = 1000; sent < 1_000_000; sent += 1000) {
    client.write("x".repeat(1000));
    if (sent % 50_000 === 0) await new Promise((resolve) => setTimeout(resolve, 2));
  }
  await client.untilEnd();
  assert.equal(client.wasReset, false);
});

test("proxy E1, S13: the cause of a fault says what it was: reset, unreadable, too large, broken off, timeout", async (t) => {
  const rows: readonly (readonly [
    answer: (connection: RawSocket) => void,
    fault: string,
    cause: RegExp,
  ])[] = [
    [(connection) => connection.reset(), "no_response", /^connection reset before the answer/],
    [
      ({ socket }) => socket.end(),
      "no_response",
      /^the app closed the connection without an answer/,
    ],
    [
      (connection) => connection.write("HTTP/1.1 200").socket.end(),
      "no_response",
      /^the app closed the connection in the head of its answer/,
    ],
    [
      (connection) => connection.write("nonsense\r\n\r\n"),
      "bad_response",
      /^unreadable answer: no status line/,
    ],
    [
      (connection) =>
        connection.write("HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n"),
      "bad_response",
      /^unreadable answer: a transfer coding other than chunked/,
    ],
    [
      (connection) => connection.write(`HTTP/1.1 200 OK\r\nX: ${"x".repeat(2_000)}`),
      "head_too_large",
      /^a head of more than 1024 bytes/,
    ],
    [() => {}, "response_timeout", /^timeout: no answer within 150ms/],
    [
      (connection) =>
        connection.write("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf").socket.end(),
      "response_cut",
      /^the body broke off/,
    ],
  ];
  for (const [answer, fault, cause] of rows) {
    const upstream = await listenRaw(t, (connection) => {
      connection.socket.once("data", () => answer(connection));
    });
    const options = { maxHeadBytes: 1_024, responseTimeoutMs: 150 };
    const front = await startFront(t, upstream.port, options);
    await exchangeRaw(t, front.port, requestOf("POST", "/", ["Connection: close"]));
    const outcome = await lastOutcome(front);
    assert.equal(outcome.fault, fault);
    assert.match(outcome.cause ?? "", cause);
  }
});

test("proxy E2: no response head in time is answered 504, and the upstream's connection closes", async (t) => {
  const upstream = await listenRaw(t, (connection) => {
    connection.socket.once("data", () => connection.write("HTTP/1.1 200 OK\r\nX-Half: "));
  });
  const front = await startFront(t, upstream.port, { responseTimeoutMs: 50 });
  const sent = requestOf("GET", "/", ["Connection: close"]);
  const reply = parseMessage(await exchangeRaw(t, front.port, sent));
  assert.equal(reply.status, 504);
  assert.match(reply.body, /^Gateway Timeout: the application did not answer in time\./);
  await (await upstream.connection(0)).untilEnd();
  const { fault, status } = await lastOutcome(front);
  assert.deepEqual({ fault, status }, { fault: "response_timeout", status: 504 });
});

test("proxy E2: an upstream that stops reading a body is 504, a client that pauses its own is not", async (t) => {
  const upstream = await listenRaw(t, (connection) => {
    connection.socket.once("data", () => connection.socket.pause());
  });
  const front = await startFront(t, upstream.port, { responseTimeoutMs: 80 });
  const client = await connectRaw(t, front.port);
  client.write(requestOf("POST", "/", ["Content-Length: 1000000000"], "x"));
  await upstream.connection(0);
  await new Promise((resolve) => setTimeout(resolve, 250));
  assert.equal(client.text, "", "it is the client's turn");

  const block = Buffer.alloc(1024 * 1024);
  const pump = (): void => {
    while (!client.socket.destroyed && client.text === "" && client.socket.write(block));
  };
  client.socket.on("drain", pump);
  pump();
  assert.match(await client.until("Request request-id\n"), /^HTTP\/1\.1 504 /);
});

test("proxy E3: no connection in time is answered 504", async (t) => {
  const front = await startFront(t, await startClogged(t), { connectTimeoutMs: 50 });
  const sent = requestOf("GET", "/", ["Connection: close"]);
  const reply = parseMessage(await exchangeRaw(t, front.port, sent));
  assert.equal(reply.status, 504);
  const { fault, status } = await lastOutcome(front);
  assert.deepEqual({ fault, status }, { fault: "connect_timeout", status: 504 });
});

test("proxy E4: a body that takes longer than every timeout arrives", async (t) => {
  const upstream = createServer((req, res) => {
    req.resume().on("end", () => {
      res.write("a");
      setTimeout(() => res.end("b"), 600);
    });
  });
  const port = await listen(t, upstream);
  const front = await startFront(t, port, { responseTimeoutMs: 250, connectTimeoutMs: 250 });
  const client = await connectRaw(t, front.port);
  client.write(requestOf("POST", "/", ["Content-Length: 2"], "x"));
  await new Promise((resolve) => setTimeout(resolve, 600));
  client.write("y");
  const text = await client.until((received) => hasMessage(received));
  assert.equal(parseMessage(text).body, "ab");
});

test("proxy E5: a client that leaves takes its request upstream with it, and counts as 499", async (t) => {
  const stages: Readonly<Record<string, { sent: string; answer: string; wait: string }>> = {
    "before the response": { sent: requestOf("GET", "/"), answer: "", wait: "" },
    "in the response": {
      sent: requestOf("GET", "/"),
      answer: "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf",
      wait: "half",
    },
    "in its upload": {
      sent: requestOf("POST", "/", ["Content-Length: 100"], "half"),
      answer: "",
      wait: "",
    },
    "in its upload, answered early": {
      sent: requestOf("POST", "/", ["Content-Length: 100"], "half"),
      answer: "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf",
      wait: "half",
    },
  };
  for (const [stage, { sent, answer, wait }] of Object.entries(stages)) {
    for (const leave of ["reset", "end"] as const) {
      const upstream = await listenRaw(t, (connection) => {
        connection.socket.once("data", () => connection.write(answer));
      });
      const front = await startFront(t, upstream.port);
      const client = await connectRaw(t, front.port);
      client.write(sent);
      const connection = await upstream.connection(0);
      await connection.until("\r\n\r\n");
      await client.until(wait);
      if (leave === "reset") client.reset();
      else client.socket.destroy();
      await connection.untilEnd();
      const { status, fault } = await lastOutcome(front);
      assert.deepEqual({ status, fault }, { status: 499, fault: undefined }, `${stage}, ${leave}`);
    }
  }
});

test("proxy E5: a client that leaves after an early response ends its upload upstream too", async (t) => {
  const upstream = await listenRaw(t, (connection) => {
    connection.socket.once("data", () => connection.write(ok));
  });
  const front = await startFront(t, upstream.port);
  const client = await connectRaw(t, front.port);
  await client.write(requestOf("POST", "/", ["Content-Length: 100"], "half")).until("ok");
  assert.equal((await lastOutcome(front)).status, 200);
  client.reset();
  await (await upstream.connection(0)).untilEnd();
});

/** An upstream that serves one request a connection and resets it when the next one arrives, as if it had just closed. */
function startForgetful(t: TestContext) {
  return listenRaw(t, (connection) => {
    connection.socket.on("data", () => {
      const count = requestsOf(connection).length;
      if (count === 1 && connection.text.endsWith("\r\n\r\n")) connection.write(ok);
      else connection.reset();
    });
  });
}

test("proxy E6, H14: a GET that meets a stale connection is sent once more, on a fresh one", async (t) => {
  for (const method of ["GET", "HEAD", "OPTIONS"]) {
    const upstream = await startForgetful(t);
    const front = await startFront(t, upstream.port);
    const client = await connectRaw(t, front.port);
    await client.write(requestOf("GET", "/1")).until("ok");
    const before = client.text.length;
    client.write(requestOf(method, "/2?"));
    const text = await client.until((all) => /\r\n\r\n/.test(all.slice(before)));
    assert.match(text.slice(before), /^HTTP\/1\.1 200 /, method);
    assert.equal(upstream.connections.length, 2);
    const [retried] = requestsOf(await upstream.connection(1));
    assert.equal(retried?.startLine, `${method} /2? HTTP/1.1`);
    const { status, fault } = await lastOutcome(front, 2);
    assert.deepEqual({ status, fault }, { status: 200, fault: undefined });
  }
});

test("proxy E6: neither a POST nor a GET with a body is sent twice", async (t) => {
  for (const second of [
    requestOf("POST", "/2", ["Content-Length: 0"]),
    requestOf("DELETE", "/2"),
    requestOf("GET", "/2", ["Content-Length: 3"], "abc"),
    requestOf("GET", "/2", ["Transfer-Encoding: chunked"], "0\r\n\r\n"),
  ]) {
    const upstream = await startForgetful(t);
    const front = await startFront(t, upstream.port);
    const client = await connectRaw(t, front.port);
    await client.write(requestOf("GET", "/1")).until("ok");
    client.write(second);
    await client.until("HTTP/1.1 502 ");
    assert.equal(upstream.connections.length, 1);
    assert.equal((await lastOutcome(front, 2)).fault, "no_response");
  }
});

test("proxy E6: a GET on a fresh connection that is reset is not repeated", async (t) => {
  const upstream = await listenRaw(t, (connection) => {
    connection.socket.once("data", () => connection.reset());
  });
  const front = await startFront(t, upstream.port);
  const client = await connectRaw(t, front.port);
  await client.write(requestOf("GET", "/")).until("HTTP/1.1 502 ");
  assert.equal(upstream.connections.length, 1);
});

test("proxy E7: once a response has begun, nothing is sent again", async (t) => {
  const upstream = await listenRaw(t, (connection) => {
    connection.socket.on("data", () => {
      if (requestsOf(connection).length === 1) return void connection.write(ok);
      connection.write("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf");
      setTimeout(() => connection.reset(), 20);
    });
  });
  const front = await startFront(t, upstream.port);
  const client = await connectRaw(t, front.port);
  await client.write(requestOf("GET", "/1")).until("ok");
  await client.write(requestOf("GET", "/2")).untilEnd();
  assert.equal(upstream.connections.length, 1);
  assert.equal((await lastOutcome(front, 2)).fault, "response_cut");
});

test("proxy E8: once the upstream is back, the next request works", async (t) => {
  const first = await startUpstream(t);
  const front = await startFront(t, first.port);
  const client = await connectRaw(t, front.port);
  await client.write(requestOf("GET", "/1")).until("ok");
  await first.stop();
  await client.write(requestOf("GET", "/2")).until("HTTP/1.1 502 ");
  await listenRaw(
    t,
    (connection) => void connection.socket.once("data", () => connection.write(ok)),
    { port: first.port },
  );
  const before = client.text.length;
  client.write(requestOf("GET", "/3"));
  await client.until((text) => text.slice(before).includes("HTTP/1.1 200 OK"));
});

test("proxy E9, H11: two hundred requests at once, with bodies, are all answered", async (t) => {
  const upstream = createServer((req, res) => void req.pipe(res));
  const front = await startFront(t, await listen(t, upstream));
  const replies = await Promise.all(
    Array.from({ length: 200 }, async (_, index) => {
      const body = String(index).padStart(2000, "x");
      const sent = requestOf("POST", "/", ["Content-Length: 2000", "Connection: close"], body);
      return parseMessage(await exchangeRaw(t, front.port, sent)).body === body;
    }),
  );
  assert.equal(replies.filter(Boolean).length, 200);
});

test("proxy E10: bytes that the upstream sends unasked don't become the next response", async (t) => {
  const poison = "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\npoison";
  for (const early of [true, false]) {
    const upstream = await listenRaw(t, (connection: RawSocket) => {
      connection.socket.once("data", () => {
        connection.write(early ? ok + poison : ok);
        if (!early) setTimeout(() => connection.write(poison), 20);
      });
      connection.socket.on("data", () => {
        if (connection.text.includes("/2")) connection.write(ok);
      });
    });
    const front = await startFront(t, upstream.port);
    const first = await connectRaw(t, front.port);
    await first.write(requestOf("GET", "/1")).until("ok");
    if (!early) await new Promise((resolve) => setTimeout(resolve, 60));
    const second = await exchangeRaw(t, front.port, requestOf("GET", "/2", ["Connection: close"]));
    assert.doesNotMatch(second, /poison/);
    assert.equal(parseMessage(second).body, "ok");
  }
});

test("an aborted request leaves no listener and no connection behind", async (t) => {
  const upstream = createServer(() => {});
  const front = await startFront(t, await listen(t, upstream));
  const count = (): Promise<number> =>
    new Promise((resolve) => upstream.getConnections((_error, open) => resolve(open)));
  for (let round = 0; round < 100; round += 1) {
    const client = await connectRaw(t, front.port);
    client.write(requestOf("GET", "/"));
    await waitFor(() => front.outcomes.length === round);
    client.reset();
    await waitFor(() => front.outcomes.length === round + 1);
  }
  assert.ok(front.outcomes.every(({ status }) => status === 499));
  let open = await count();
  await waitFor(() => {
    void count().then((current) => (open = current));
    return open === 0;
  });
});
