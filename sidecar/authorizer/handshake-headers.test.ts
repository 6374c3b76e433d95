import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { createForwarding } from "../http/forwarded.ts";
import { toSubrequestHeaders } from "./handshake-headers.ts";
import { valuesOf } from "../http/headers.ts";

/** What a browser sends to open a WebSocket. */
const browserHandshake = [
  ["Host", "app.test:8080"],
  ["Connection", "keep-alive, Upgrade"],
  ["Upgrade", "websocket"],
  ["User-Agent", "Mozilla/5.0"],
  ["Origin", "http://app.test:8080"],
  ["Sec-WebSocket-Version", "13"],
  ["Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="],
  ["Sec-WebSocket-Extensions", "permessage-deflate"],
  ["Sec-Fetch-Mode", "websocket"],
  ["Accept", "*/*"],
  ["Accept-Encoding", "gzip, br"],
  ["Accept-Language", "de"],
  ["Pragma", "no-cache"],
  ["Cache-Control", "no-cache"],
];

function headersFor(
  fields: readonly (readonly string[])[],
  {
    withCookies = true,
    trustedProxies = [] as string[],
    remoteAddress = "203.0.113.9",
    credential = null as string | null,
  } = {},
): string[] {
  return toSubrequestHeaders({
    handshake: { rawHeaders: fields.flat(), remoteAddress },
    channel: "private-a",
    bodyBytes: 42,
    withCookies,
    credential,
    forwarding: createForwarding({ trustedProxies }),
  });
}

describe("toSubrequestHeaders", () => {
  it("proxy A2, A4: a browser's handshake yields these fields and no others", () => {
    const expected = [
      ["Host", "app.test:8080"],
      ["Content-Type", "application/x-www-form-urlencoded"],
      ["Content-Length", "42"],
      ["Accept", "application/json"],
      ["X-Requested-With", "XMLHttpRequest"],
      ["X-FrankenPHP-WS-Channel", "private-a"],
      ["X-Forwarded-For", "203.0.113.9"],
      ["X-Forwarded-Proto", "http"],
      ["X-Forwarded-Host", "app.test:8080"],
      ["User-Agent", "Mozilla/5.0"],
      ["Origin", "http://app.test:8080"],
      ["Accept-Language", "de"],
    ];
    assert.deepEqual(headersFor(browserHandshake), expected.flat());
  });

  it("an X-Socket-ID that is no socket id does not go along", () => {
    const socketIds = (value: string) =>
      valuesOf(headersFor([...browserHandshake, ["X-Socket-Id", value]]), "x-socket-id");
    assert.deepEqual(socketIds("12.34"), ["12.34"]);
    for (const value of ["undefined", "null", "", "1.2.3"]) assert.deepEqual(socketIds(value), []);
  });

  it("Q09: the client's own token goes in place of the handshake's Authorization", () => {
    const fields = [...browserHandshake, ["authorization", "Basic dTpw"]];
    const headers = headersFor(fields, { credential: "Bearer 1|x" });
    assert.deepEqual(valuesOf(headers, "authorization"), ["Bearer 1|x"]);
    assert.deepEqual(valuesOf(headersFor(fields), "authorization"), ["Basic dTpw"]);
  });

  it("proxy A3: credentials, the page and X-… go with it as they came", () => {
    const fields = [
      ["host", "App.Test"],
      ["cookie", 'laravel_session=abc%3D; r\u00e9=\u00fc; theme="a b"'],
      ["AUTHORIZATION", "Bearer 1|x\u00e9"],
      ["referer", "http://app.test/chat?a=1"],
      ["X-CSRF-TOKEN", "t"],
      ["X-Tenant", "a"],
      ["x-tenant", "b"],
      ["traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"],
    ];
    const headers = headersFor(fields);
    for (const [name = "", value] of fields) {
      assert.ok(valuesOf(headers, name.toLowerCase()).includes(value ?? ""), name);
    }
    assert.deepEqual(valuesOf(headers, "x-tenant"), ["a", "b"]);
    assert.deepEqual(valuesOf(headers, "host"), ["App.Test"]);
  });

  it("proxy A3: two Cookie lines become one", () => {
    const headers = headersFor([
      ["Cookie", "a=1"],
      ["Cookie", "b=2"],
    ]);
    assert.deepEqual(valuesOf(headers, "cookie"), ["a=1; b=2"]);
  });

  it("proxy A4: nothing of this hop, of the body, of ranges or with _ goes with it", () => {
    const never = [
      "Connection",
      "Upgrade",
      "Keep-Alive",
      "Proxy-Connection",
      "Proxy-Authorization",
      "TE",
      "Trailer",
      "Transfer-Encoding",
      "HTTP2-Settings",
      "Expect",
      "Sec-WebSocket-Key",
      "Sec-WebSocket-Protocol",
      "Sec-Fetch-Mode",
      "Sec-Fetch-Dest",
      "Content-Encoding",
      "Accept-Encoding",
      "Range",
      "If-None-Match",
      "Proxy",
      "X_Forwarded_For",
      "X_Tenant",
      "Content_Length",
      "X-HTTP-Method-Override",
    ];
    const headers = headersFor(never.map((name) => [name, "sent"]));
    assert.equal(headers.includes("sent"), false, headers.join());
  });

  it("proxy A4: what Connection names stays on this hop", () => {
    const headers = headersFor([
      ["Connection", "Upgrade, X-Secret"],
      ["x-secret", "sent"],
      ["X-Other", "kept"],
    ]);
    assert.deepEqual(valuesOf(headers, "x-secret"), []);
    assert.deepEqual(valuesOf(headers, "x-other"), ["kept"]);
  });

  it("proxy A4: a client can't set what the sidecar sets", () => {
    const own = ["Content-Type", "Content-Length", "Accept", "X-Requested-With"];
    const headers = headersFor([...own, "X-FrankenPHP-WS-Channel"].map((name) => [name, "sent"]));
    assert.equal(headers.includes("sent"), false);
    assert.deepEqual(valuesOf(headers, "x-frankenphp-ws-channel"), ["private-a"]);
  });

  const forged = [
    ["Host", "app.test"],
    ["X-Forwarded-For", "6.6.6.6"],
    ["X-Forwarded-Proto", "https"],
    ["X-Forwarded-Host", "evil.com"],
    ["X-Forwarded-Port", "1"],
    ["Forwarded", "for=6.6.6.6"],
    ["X-Real-IP", "6.6.6.6"],
  ];

  it("proxy A5: an untrusted client's X-Forwarded-*, Forwarded and X-Real-IP are replaced", () => {
    const headers = headersFor(forged);
    assert.deepEqual(valuesOf(headers, "x-forwarded-for"), ["203.0.113.9"]);
    assert.deepEqual(valuesOf(headers, "x-forwarded-proto"), ["http"]);
    assert.deepEqual(valuesOf(headers, "x-forwarded-host"), ["app.test"]);
    for (const name of ["x-forwarded-port", "forwarded", "x-real-ip"]) {
      assert.deepEqual(valuesOf(headers, name), [], name);
    }
  });

  it("proxy A5: a trusted proxy's are kept and extended, each once", () => {
    const headers = headersFor(forged, { trustedProxies: ["203.0.113.0/24"] });
    assert.deepEqual(valuesOf(headers, "x-forwarded-for"), ["6.6.6.6, 203.0.113.9"]);
    assert.deepEqual(valuesOf(headers, "x-forwarded-proto"), ["https"]);
    assert.deepEqual(valuesOf(headers, "x-forwarded-port"), ["1"]);
    assert.deepEqual(valuesOf(headers, "host"), ["app.test"]);
  });

  it("a handshake without Host (HTTP/1.0) yields one", () => {
    assert.deepEqual(valuesOf(headersFor([]), "host"), ["localhost"]);
  });

  it("proxy A18: withheld cookies leave neither Cookie nor a token made of them", () => {
    const headers = headersFor([["Cookie", "XSRF-TOKEN=abc"]], { withCookies: false });
    assert.deepEqual(valuesOf(headers, "cookie"), []);
    assert.deepEqual(valuesOf(headers, "x-xsrf-token"), []);
  });

  const tokens: [title: string, cookie: string, token: string | undefined][] = [
    ["is url-decoded", "a=1; XSRF-TOKEN=eyJpdiI6%2Bx%3D%3D; b=2", "eyJpdiI6+x=="],
    ["keeps = signs", "XSRF-TOKEN=a=b==", "a=b=="],
    ["is taken from the first cookie of the name", "XSRF-TOKEN=a;XSRF-TOKEN=b", "a"],
    ["is absent without the cookie", "laravel_session=x", undefined],
    ["is absent for another cookie's end", "NOT-XSRF-TOKEN=x; xsrf-token=y", undefined],
    ["is absent for an empty cookie", "XSRF-TOKEN=; a=1", undefined],
    ["is absent for a lone %", "XSRF-TOKEN=%", undefined],
    ["is absent for broken UTF-8", "XSRF-TOKEN=%ff", undefined],
    ["is absent for a line break", "XSRF-TOKEN=a%0d%0aX-Evil:%201", undefined],
    ["is absent for other characters than ASCII", "XSRF-TOKEN=%E2%82%AC", undefined],
  ];
  for (const [title, cookie, token] of tokens) {
    it(`proxy A19: X-XSRF-TOKEN ${title}`, () => {
      const expected = token === undefined ? [] : [token];
      assert.deepEqual(valuesOf(headersFor([["Cookie", cookie]]), "x-xsrf-token"), expected);
    });
  }

  it("proxy A19: a token that the client sent itself is kept instead", () => {
    const headers = headersFor([
      ["Cookie", "XSRF-TOKEN=a"],
      ["X-XSRF-Token", "b"],
    ]);
    assert.deepEqual(valuesOf(headers, "x-xsrf-token"), ["b"]);
  });
});
