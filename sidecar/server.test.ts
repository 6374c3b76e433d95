import assert from "node:assert/strict";
import { describe, it, type TestContext } from "node:test";
import { startFront } from "./testing/proxy-front.ts";
import {
  connectRaw,
  exchangeRaw,
  hasMessage,
  listenRaw,
  parseMessage,
  type RawMessage,
  type RawSocket,
} from "./testing/raw-http.ts";
import { ok, requestOf, requestsOf, startUpstream } from "./testing/raw-upstream.ts";
import { waitFor } from "./testing/eventually.ts";

/** Whole answers in what a client received, and what is left behind them. */
function answersIn(text: string): { answers: RawMessage[]; rest: string } {
  const answers: RawMessage[] = [];
  let rest = text;
  while (hasMessage(rest)) {
    const answer = parseMessage(rest);
    answers.push(answer);
    ({ rest } = answer);
  }
  return { answers, rest };
}

const statusesIn = (text: string): number[] => answersIn(text).answers.map(({ status }) => status);

const handshake = requestOf("GET", "/hmr", [
  "Connection: Upgrade",
  "Upgrade: websocket",
  "Sec-WebSocket-Version: 13",
  "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==",
]);

/** An upstream that answers when it is told to. */
async function startSlow(t: TestContext) {
  const upstream = await listenRaw(t);
  return {
    ...upstream,
    /** Answers the one request that is under way; resolves once it is there. */
    async answer(bytes = ok): Promise<RawSocket> {
      const open = (): RawSocket[] => upstream.connections.filter(isUnanswered);
      await waitFor(() => open().length > 0);
      const [connection, ...others] = open();
      assert.ok(connection);
      assert.equal(others.length, 0, "one at a time");
      answered.set(connection, (answered.get(connection) ?? 0) + 1);
      return connection.write(bytes);
    },
  };
}
const answered = new WeakMap<RawSocket, number>();

function isUnanswered(connection: RawSocket): boolean {
  return requestsOf(connection).length > (answered.get(connection) ?? 0);
}

describe("one request of a connection at a time (RFC 9112 §9.3.2)", () => {
  it("with two thousand pipelined requests, sixteen wait behind the first and are answered in order; the next gets 503", async (t) => {
    let underWay = 0;
    let most = 0;
    const upstream = await listenRaw(t, (connection) => {
      connection.socket.on("data", (data: Buffer) => {
        most = Math.max(most, ++underWay);
        const path = /^GET (\S+)/.exec(data.toString("latin1"))?.[1] ?? "";
        setImmediate(() => {
          underWay -= 1;
          connection.write(`HTTP/1.1 200 OK\r\nContent-Length: ${path.length}\r\n\r\n${path}`);
        });
      });
    });
    const front = await startFront(t, upstream.port);
    const client = await connectRaw(t, front.port);
    const paths = Array.from({ length: 2_000 }, (_, index) => `/${index}`);
    client.write(paths.map((path) => `GET ${path} HTTP/1.1\r\nHost: a\r\n\r\n`).join(""));
    const { answers, rest } = answersIn(await client.untilEnd());
    assert.deepEqual(
      answers.slice(0, -1).map(({ body }) => body),
      paths.slice(0, 17),
    );
    assert.equal(answers.at(-1)?.status, 503);
    assert.equal(rest, "");
    assert.deepEqual(
      front.refused.map(({ reason }) => reason),
      ["pipelining"],
    );
    assert.equal(most, 1);
    // A connection is looked at for a moment before it is used again.
    assert.ok(upstream.connections.length <= 2, String(upstream.connections.length));
  });

  it("a request waits for the end of the answer before it, not for its beginning", async (t) => {
    const upstream = await startSlow(t);
    const front = await startFront(t, upstream.port);
    const client = await connectRaw(t, front.port);
    client.write(requestOf("GET", "/1") + requestOf("POST", "/2", ["Content-Length: 3"], "abc"));
    const first = await upstream.answer("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nha");
    await client.until("ha");
    await new Promise((resolve) => setTimeout(resolve, 20));
    assert.equal(upstream.connections.flatMap(requestsOf).length, 1);
    first.write("lf");
    await upstream.answer();
    await client.until("ok");
    assert.deepEqual(statusesIn(client.text), [200, 200]);
    assert.equal(upstream.connections.flatMap(requestsOf).at(-1)?.body, "abc");
  });

  it("a client that leaves takes those that waited with it", async (t) => {
    const upstream = await startSlow(t);
    const front = await startFront(t, upstream.port);
    const client = await connectRaw(t, front.port);
    client.write(requestOf("GET", "/1").repeat(3));
    const connection = await upstream.connection(0);
    await connection.until("\r\n\r\n");
    client.reset();
    // What does not read does not notice: the answer meets nobody.
    connection.write(ok);
    await waitFor(() => front.outcomes.length === 1);
    assert.equal(upstream.connections.flatMap(requestsOf).length, 1);
  });

  it("after an answer that closes the connection nothing that was pipelined is looked at", async (t) => {
    const upstream = await startUpstream(t);
    const front = await startFront(t, upstream.port, { isDraining: () => true });
    const text = await exchangeRaw(t, front.port, requestOf("GET", "/").repeat(3));
    assert.deepEqual(statusesIn(text), [200]);
    assert.equal(upstream.connections.flatMap(requestsOf).length, 1);
  });

  it("a handshake behind an unanswered request is an ordinary request", async (t) => {
    const upstream = await startSlow(t);
    const front = await startFront(t, upstream.port);
    const client = await connectRaw(t, front.port);
    client.write(requestOf("GET", "/1") + handshake);
    await upstream.answer();
    const connection = await upstream.answer();
    await waitFor(() => statusesIn(client.text).length === 2);
    assert.deepEqual(requestsOf(connection).at(-1)?.values("upgrade"), []);
  });
});

describe("an error of the connection is not the answer of a request", () => {
  const rows: Readonly<Record<string, { bytes: string; last: number }>> = {
    "a malformed second request": { bytes: "nonsense\r\n\r\n", last: 400 },
    "a second request with a malformed field": {
      bytes: "GET / HTTP/1.1\r\nHost : a\r\n\r\n",
      last: 400,
    },
    "bytes beyond the body": { bytes: "xyz", last: 400 },
    "a head that is too long": { bytes: requestOf("GET", `/${"x".repeat(40_000)}`), last: 431 },
    "a second request with two framings": {
      bytes: requestOf("POST", "/", ["Content-Length: 3", "Transfer-Encoding: chunked"], "abc"),
      last: 400,
    },
    CONNECT: { bytes: "CONNECT a:80 HTTP/1.1\r\nHost: a:80\r\n\r\n", last: 405 },
    "an unknown method": { bytes: "BREW / HTTP/1.1\r\nHost: a\r\n\r\n", last: 501 },
    "a broken chunk of a second request": {
      bytes: requestOf("POST", "/", ["Transfer-Encoding: chunked"], "zz\r\n"),
      last: 400,
    },
  };
  for (const [name, { bytes, last }] of Object.entries(rows)) {
    it(`${name}: the first request is answered, then ${last}, then the connection closes`, async (t) => {
      const upstream = await startSlow(t);
      const front = await startFront(t, upstream.port);
      const client = await connectRaw(t, front.port);
      client.write(requestOf("POST", "/", ["Content-Length: 3"], "abc") + bytes);
      await upstream.connection(0);
      await new Promise((resolve) => setTimeout(resolve, 20));
      assert.equal(client.text, "");
      // Longer than all buffers between, so that it must drain.
      const body = "b".repeat(2_000_000);
      await upstream.answer(`HTTP/1.1 200 OK\r\nContent-Length: ${body.length}\r\n\r\n${body}`);
      const { answers, rest } = answersIn(await client.untilEnd());
      assert.deepEqual(
        answers.map(({ status }) => status),
        [200, last],
      );
      assert.equal(answers[0]?.body, body);
      assert.deepEqual(answers[1]?.values("connection"), ["close"]);
      assert.equal(rest, "");
      assert.equal(client.wasReset, false);
      assert.equal(upstream.connections.flatMap(requestsOf).length, 1);
      assert.equal(front.outcomes.length, 1);
      assert.deepEqual(
        front.refused.map(({ status }) => status),
        [last],
      );
    });
  }

  it("data after a request with Connection: close is not read", async (t) => {
    const upstream = await startSlow(t);
    const front = await startFront(t, upstream.port);
    const client = await connectRaw(t, front.port);
    client.write(requestOf("GET", "/", ["Connection: close"]) + requestOf("GET", "/2"));
    await upstream.answer();
    assert.deepEqual(statusesIn(await client.untilEnd()), [200]);
    assert.equal(front.refused.length, 0);
  });

  it("a body that goes wrong is the end of its own request, upstream too", async (t) => {
    const upstream = await listenRaw(t);
    const front = await startFront(t, upstream.port);
    const client = await connectRaw(t, front.port);
    client.write(requestOf("POST", "/", ["Transfer-Encoding: chunked"], "3\r\nabc\r\n"));
    await (await upstream.connection(0)).until("abc");
    client.write("zz\r\n");
    assert.deepEqual(statusesIn(await client.untilEnd()), [400]);
    client.socket.end();
    await (await upstream.connection(0)).untilEnd();
  });
});

describe("requests that are refused before anybody looks at what they ask for", () => {
  const head = (lines: string) => `GET / HTTP/1.1\r\nHost: a\r\n${lines}\r\n\r\n`;
  const rows: readonly (readonly [bytes: string, status: number, reason: string])[] = [
    [head(`X: ${"x".repeat(33_000)}`), 431, "head_too_large"],
    [head("a: 1\r\n".repeat(1_100).trimEnd()), 431, "head_too_large"],
    ["nonsense\r\n\r\n", 400, "malformed"],
    ["BREW / HTTP/1.1\r\nHost: a\r\n\r\n", 501, "method"],
    ["TRACE / HTTP/1.1\r\nHost: a\r\n\r\n", 405, "method"],
    ["CONNECT a:80 HTTP/1.1\r\nHost: a:80\r\n\r\n", 405, "method"],
    ["GET / HTTP/2.0\r\nHost: a\r\n\r\n", 505, "version"],
    ["GET / HTTP/1.1\r\n\r\n", 400, "host"],
    [head("Host: b"), 400, "duplicate_field"],
    [head("Expect: a-miracle"), 417, "expectation"],
    [head("Transfer-Encoding: gzip, chunked"), 501, "framing"],
    ["GET /#a HTTP/1.1\r\nHost: a\r\n\r\n", 400, "target"],
    [handshake.replace("\r\n\r\n", "\r\nContent-Length: 4\r\n\r\nbody"), 400, "handshake"],
    ["GET / HTTP/1.1\r\nHost: a\r\nX: ", 408, "timeout"],
  ];
  for (const [bytes, status, reason] of rows) {
    const [line = ""] = bytes.split("\r\n");
    it(`${line}: ${status}, counted as ${reason}`, async (t) => {
      const upstream = await startUpstream(t);
      const front = await startFront(t, upstream.port, { door: { headersTimeoutMs: 100 } });
      const { answers, rest } = answersIn(await exchangeRaw(t, front.port, bytes));
      assert.deepEqual(
        answers.map((answer) => answer.status),
        [status],
      );
      assert.deepEqual(answers[0]?.values("connection"), ["close"]);
      assert.deepEqual(answers[0]?.values("content-type"), ["text/plain; charset=utf-8"]);
      assert.notEqual(answers[0]?.body, "");
      assert.equal(rest, "");
      assert.deepEqual(
        front.refused.map((refusal) => [refusal.status, refusal.reason]),
        [[status, reason]],
      );
      assert.equal(upstream.connections.length, 0);
    });
  }

  it("the beginning of a TLS connection: 400, counted as tls", async (t) => {
    const upstream = await startUpstream(t);
    const front = await startFront(t, upstream.port);
    const client = await connectRaw(t, front.port);
    client.write(Buffer.from("1603010200010001fc0303", "hex").toString("latin1"));
    await client.untilEnd();
    assert.deepEqual(
      front.refused.map(({ reason }) => reason),
      ["tls"],
    );
  });

  it("C23: a handshake that lost its Upgrade is 426 with what the proxy in front has to do; the app is not asked", async (t) => {
    const upstream = await startUpstream(t);
    const door = { appIdsByKey: new Map([["app-key", "1"]]) };
    const front = await startFront(t, upstream.port, { door });
    const ask = async (...fields: string[]) =>
      parseMessage(
        await exchangeRaw(
          t,
          front.port,
          requestOf("GET", "/app/app-key?protocol=7", [...fields, "Connection: close"]),
        ),
      );
    const text = await ask("Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==");
    assert.equal(text.status, 426);
    assert.deepEqual(text.values("upgrade"), ["websocket"]);
    assert.deepEqual(text.values("connection"), ["Upgrade, close"]);
    assert.match(text.body, /pass Upgrade and Connection on\. nginx: proxy_http_version 1\.1;/);
    assert.match((await ask("Accept: text/html")).body, /<h1>This is a WebSocket endpoint<\/h1>/);
    assert.equal(upstream.connections.length, 0);
  });

  it("a handshake that lost its Upgrade, or has something before its path, is reported", async (t) => {
    const upstream = await startUpstream(t);
    const door = { appIdsByKey: new Map([["app-key", "1"]]) };
    const front = await startFront(t, upstream.port, { door });
    const key = "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==";
    await exchangeRaw(t, front.port, requestOf("GET", "/app/app-key", [key, "Connection: close"]));
    await exchangeRaw(t, front.port, handshake.replace("/hmr", "//app/app-key"));
    await exchangeRaw(t, front.port, requestOf("GET", "/app/app-key", ["Connection: close"]));
    assert.deepEqual(front.misdirected, ["no_upgrade", "path"]);
  });

  it("an expectation is not answered 100 before the guard has let the request pass", async (t) => {
    const upstream = await startUpstream(t);
    const front = await startFront(t, upstream.port);
    const fields = ["Expect: 100-continue", "Content-Length: 5", "Host: evil.test"];
    const text = await exchangeRaw(t, front.port, requestOf("POST", "/", fields));
    assert.deepEqual(statusesIn(text), [400]);
  });
});

it("RFC 9110 §7.8: Upgrade in HTTP/1.0 is ignored", async (t) => {
  const upstream = await startUpstream(t);
  const front = await startFront(t, upstream.port);
  const text = await exchangeRaw(t, front.port, handshake.replace("HTTP/1.1", "HTTP/1.0"));
  assert.deepEqual(statusesIn(text), [200]);
  const [request] = upstream.connections.flatMap(requestsOf);
  assert.deepEqual(request?.values("upgrade"), []);
});
