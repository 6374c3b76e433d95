import assert from "node:assert/strict";
import { createServer } from "node:http";
import { test, type TestContext } from "node:test";
import { exchangeRaw, listen } from "../testing/raw-http.ts";
import { guardRequest, type GuardResult } from "./guard.ts";

/** Sends raw bytes through Node's own parser; the guard's results, none if Node refused by itself. */
async function guard(
  t: TestContext,
  request: string,
): Promise<{ results: GuardResult[]; text: string }> {
  const results: GuardResult[] = [];
  const server = createServer({
    shouldUpgradeCallback: (req) => /^websocket$/i.test(req.headers.upgrade ?? ""),
  });
  server.on("request", (req, res) => {
    results.push(guardRequest(req));
    res.setHeader("Connection", "close");
    res.end();
  });
  server.on("upgrade", (req, socket) => {
    results.push(guardRequest(req));
    socket.end();
  });
  const port = await listen(t, server);
  return { text: await exchangeRaw(t, port, request), results };
}

function get(target: string, method = "GET"): string {
  return `${method} ${target} HTTP/1.1\r\nHost: app.test\r\n\r\n`;
}

test("proxy P1: every legal path and query is passed on byte by byte", async (t) => {
  for (const target of [
    "/",
    "/a/../b//c/%2e%2e?x=1?y=2",
    "//evil.test/x",
    "/?",
    "/a?",
    "/c\\d/'\"|{}^`<>?q='\"|{}",
    "/%00%zz?%",
    "/?a=http://x/&b[]=1;c",
  ]) {
    const { results } = await guard(t, get(target));
    assert.deepEqual(results, [{ ok: true, target }], target);
  }
});

test("proxy P1, R8: the absolute form is routed by its path", async (t) => {
  const rows: readonly (readonly [sent: string, target: string])[] = [
    ["http://app.test/a?b=c", "/a?b=c"],
    ["HTTP://APP.TEST/a//../b", "/a//../b"],
    ["https://app.test", "/"],
    ["http://app.test?x=http://y/", "/?x=http://y/"],
  ];
  for (const [sent, target] of rows) {
    const { results } = await guard(t, get(sent));
    assert.deepEqual(results, [{ ok: true, target }], sent);
  }
});

test("proxy P2: only OPTIONS may ask for *", async (t) => {
  assert.deepEqual((await guard(t, get("*", "OPTIONS"))).results, [{ ok: true, target: "*" }]);
  assert.deepEqual((await guard(t, get("http://app.test", "OPTIONS"))).results, [
    { ok: true, target: "*" },
  ]);
  for (const method of ["GET", "POST", "DELETE"]) {
    assert.deepEqual((await guard(t, get("*", method))).results, [
      { ok: false, refusal: { status: 400, reason: "target", text: "Malformed request target." } },
    ]);
  }
});

test("proxy P3, P9: targets that are no target are 400 and none is passed on", async (t) => {
  for (const target of [
    "http://a:99999/",
    "http://[/",
    "http://",
    "http:///x",
    "http://user@app.test/",
    "http://other.test/",
    "ftp://app.test/",
    "app.test:80",
    "/a#fragment",
    "/caf\xe9",
    "?x",
  ]) {
    const { results, text } = await guard(t, get(target));
    if (results.length === 0) assert.match(text, /^HTTP\/1\.1 400 /, target);
    else {
      const expected = {
        ok: false,
        refusal: { status: 400, reason: "target", text: "Malformed request target." },
      };
      assert.deepEqual(results, [expected], target);
    }
  }
});

test("proxy P4: a second Host header is answered 400, the same value included", async (t) => {
  for (const second of ["app.test", "evil.test", ""]) {
    const { results } = await guard(
      t,
      `GET / HTTP/1.1\r\nHost: app.test\r\nhost: ${second}\r\n\r\n`,
    );
    assert.deepEqual(results, [
      {
        ok: false,
        refusal: { status: 400, reason: "duplicate_field", text: "Duplicate host field." },
      },
    ]);
  }
});

test("proxy P4: a Host with userinfo, path, comma, bad port or nothing in it is answered 400", async (t) => {
  const malformed = [
    ["", "user@app.test", "app.test/x", "app.test, evil.test", "app.test?x", "app.test#x"],
    ["app.test:", "app.test:x", "app.test:0", "app.test:65536", "app.test:123456", "app test"],
    ["[::1", "::1", "[::1]x", "[]", "app.test\\x", "caf\xe9.test", "a%2fb"],
  ];
  for (const host of malformed.flat()) {
    const { results } = await guard(t, `GET / HTTP/1.1\r\nHost: ${host}\r\n\r\n`);
    assert.deepEqual(
      results,
      [
        {
          ok: false,
          refusal: { status: 400, reason: "host", text: "Missing or malformed host field." },
        },
      ],
      host,
    );
  }
  for (const host of ["app.test", "APP.test:8080", "[::1]:80", "my_container:9000", "127.0.0.1"]) {
    const { results } = await guard(t, `GET / HTTP/1.1\r\nHost: ${host}\r\n\r\n`);
    assert.deepEqual(results, [{ ok: true, target: "/" }], host);
  }
});

test("proxy P9: a second Authorization, Content-Type or Origin is answered 400; HTTP/1.0 needs no Host", async (t) => {
  for (const name of ["Authorization", "Content-Type", "Origin", "Sec-WebSocket-Key"]) {
    const twice = `GET / HTTP/1.1\r\nHost: a\r\n${name}: x\r\n${name.toUpperCase()}: y\r\n\r\n`;
    assert.deepEqual((await guard(t, twice)).results, [
      {
        ok: false,
        refusal: {
          status: 400,
          reason: "duplicate_field",
          text: `Duplicate ${name.toLowerCase()} field.`,
        },
      },
    ]);
  }
  assert.deepEqual((await guard(t, "GET / HTTP/1.0\r\n\r\n")).results, [{ ok: true, target: "/" }]);
  const others =
    "GET / HTTP/1.1\r\nHost: a\r\nCookie: a=1\r\nCookie: b=2\r\nX-A: 1\r\nX-A: 2\r\n\r\n";
  assert.deepEqual((await guard(t, others)).results, [{ ok: true, target: "/" }]);
});

test("proxy P11: framing that is not certain never gets past parser and guard", async (t) => {
  const end = "\r\n0\r\n\r\n";
  for (const fields of [
    "Transfer-Encoding: identity",
    "Transfer-Encoding: chunked, chunked",
    "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked",
    "Transfer-Encoding: chunked\r\nContent-Length: 5",
    "Transfer-Encoding:",
    "Content-Length: 0x5",
    "Content-Length: +0",
    "Content-Length: 0, 0",
    "Content-Length: 9999999999999999",
  ]) {
    const { results, text } = await guard(t, `POST / HTTP/1.1\r\nHost: a\r\n${fields}\r\n${end}`);
    const status = results.length === 0 ? Number(text.split(" ")[1]) : statusOf(results[0]);
    assert.equal(status, 400, `${fields} → ${text}`);
  }
  for (const coding of ["gzip, chunked", "x-own ,\tbr,chunked"]) {
    const coded = `POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: ${coding}\r\n${end}`;
    assert.equal(statusOf((await guard(t, coded)).results[0]), 501, coding);
  }
  const old = `POST / HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n${end}`;
  assert.equal(statusOf((await guard(t, old)).results[0]), 400);
  const legal = `POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: Chunked\r\n${end}`;
  assert.deepEqual((await guard(t, legal)).results, [{ ok: true, target: "/" }]);
});

test("proxy P15: an expectation other than 100-continue is answered 417", async (t) => {
  const ask = (value: string, version = "1.1") =>
    guard(t, `GET / HTTP/${version}\r\nHost: a\r\nExpect: ${value}\r\nConnection: close\r\n\r\n`);
  assert.equal(statusOf((await ask("100-continue, x")).results[0]), 417);
  assert.match((await ask("a-miracle")).text, /^HTTP\/1\.1 417 /);
  assert.deepEqual((await ask("100-Continue")).results, [{ ok: true, target: "/" }]);
  assert.deepEqual((await ask("a-miracle", "1.0")).results, [{ ok: true, target: "/" }]);
});

test("proxy P17: more header fields or a longer head than Node reads never get as far as the guard", async (t) => {
  const many = (count: number) => `GET / HTTP/1.1\r\nHost: a\r\n${"a:1\r\n".repeat(count - 1)}\r\n`;
  assert.deepEqual((await guard(t, many(1000))).results, [{ ok: true, target: "/" }]);
  const long = `GET / HTTP/1.1\r\nHost: a\r\nX: ${"x".repeat(17 * 1024)}\r\n\r\n`;
  for (const request of [many(1001), many(2001), long]) {
    const { results, text } = await guard(t, request);
    assert.deepEqual(results, []);
    assert.match(text, /^HTTP\/1\.1 431 /);
  }
});

test("proxy P19: TRACE is answered 405, and other versions of HTTP 505", async (t) => {
  assert.deepEqual((await guard(t, get("/", "TRACE"))).results, [
    {
      ok: false,
      refusal: {
        status: 405,
        reason: "method",
        text: "Method not allowed.",
        allow: "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS",
      },
    },
  ]);
  for (const version of ["0.9", "2.0", "1.2", "3.1"]) {
    const { results, text } = await guard(t, `GET / HTTP/${version}\r\nHost: a\r\n\r\n`);
    if (results.length === 0) assert.match(text, /^HTTP\/1\.1 (400|505) /, version);
    else assert.equal(statusOf(results[0]), 505, version);
  }
});

test("proxy W7: a WebSocket handshake that is no GET or brings a body is answered 400", async (t) => {
  const shake = (method: string, extra: string) =>
    guard(
      t,
      `${method} /x HTTP/1.1\r\nHost: a\r\nConnection: keep-alive, Upgrade\r\nUpgrade: WebSocket\r\n${extra}\r\n`,
    );
  assert.deepEqual((await shake("GET", "")).results, [{ ok: true, target: "/x" }]);
  assert.deepEqual((await shake("GET", "Content-Length: 0\r\n")).results, [
    { ok: true, target: "/x" },
  ]);
  for (const [method, extra] of [
    ["GET", "Content-Length: 5\r\n"],
    ["GET", "Transfer-Encoding: chunked\r\n"],
    ["POST", ""],
  ] as const) {
    assert.equal(statusOf((await shake(method, extra)).results[0]), 400, `${method} ${extra}`);
  }
});

function statusOf(result: GuardResult | undefined): number | undefined {
  return result && !result.ok ? result.refusal.status : undefined;
}
