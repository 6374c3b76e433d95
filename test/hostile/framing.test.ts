/** Requests that two parsers could read in two ways, against a whole sidecar: rows of the table of attacks. */

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { parseMessage } from "../../sidecar/testing/raw-http.ts";
import { requestOf } from "../../sidecar/testing/raw-upstream.ts";
import { startBehind } from "./support/behind.ts";

const closing = "Connection: close";
/** Smuggled, where the app is asked for it. */
const hidden = requestOf("GET", "/hidden");
const post = (lines: readonly string[], body: string): string =>
  requestOf("POST", "/x", [closing, ...lines], body);
/** A whole request of these lines. */
const head = (...lines: readonly string[]): string => [...lines, "", ""].join("\r\n");

interface Row {
  readonly title: string;
  /** One of them; 0 is a close without an answer, where the body goes wrong as soon as the head is refused. */
  readonly statuses: readonly number[];
  readonly requests: readonly string[];
}

const malformed: readonly Row[] = [
  {
    title: "row 58: two framings, or one that is not certain",
    statuses: [400, 501, 0],
    requests: [
      ["Content-Length: 6", "Transfer-Encoding: chunked"],
      ["Transfer-Encoding: chunked", "Content-Length: 6"],
      ["Transfer-Encoding: chunked", "Transfer-Encoding: identity"],
      ["Transfer-Encoding: identity, chunked"],
      ["Transfer-Encoding: xchunked"],
      ["Transfer-Encoding: \x0bchunked"],
      ["Content-Length: 6", "Content-Length: 5"],
      ["Content-Length: 5", "Content-Length: 5"],
      ["Content-Length: +4"],
    ]
      .map((lines) => post(lines, `0\r\n\r\n${hidden}`))
      .concat(
        `POST /x HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n${hidden}`,
      ),
  },
  {
    title: "row 60: lines and fields with odd bytes",
    statuses: [400],
    requests: [
      "GET /x HTTP/1.1\nHost: a\n\n",
      head("GET /x HTTP/1.1", "Host: a\nX: y"),
      head("GET /x HTTP/1.1", "Host: a", "X : y"),
      head("GET /x HTTP/1.1", "Host: a", "X: y", " folded"),
      head("GET /x HTTP/1.1", "Host: a", "X: y\x00z"),
      head("GET /x HTTP/1.1", "Host: a", "X: y\x7fz"),
      head("GET /x HTTP/1.1", "Host: a", "X: y\x0bz"),
    ],
  },
  {
    title: "row 61: other versions of HTTP, and 1.1 without a Host",
    statuses: [400, 505],
    requests: [
      head("GET /x HTTP/0.9", "Host: a"),
      "GET /x\r\n\r\n",
      head("GET /x HTTP/2.0", "Host: a"),
      "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
      head("GET /x HTTP/1.1", closing),
    ],
  },
  {
    title: "row 62: two Hosts, or one that is no host",
    statuses: [400],
    requests: [
      head("GET /x HTTP/1.1", "Host: a", "Host: a"),
      head("GET /x HTTP/1.1", "Host: a", "Host: b"),
      ...["user@a", "a, b", "a/path", "a b", ""].map((host) =>
        head("GET /x HTTP/1.1", `Host: ${host}`),
      ),
    ],
  },
  {
    title: "row 63: an absolute target of another host",
    statuses: [400],
    requests: [requestOf("GET", "http://evil.test/x"), requestOf("GET", "http://app.test@evil/x")],
  },
  {
    title: "row 64: TRACE and CONNECT",
    statuses: [405],
    requests: [requestOf("TRACE", "/x"), requestOf("CONNECT", "app.test:80")],
  },
  {
    title: "row 65: targets that are none",
    statuses: [400],
    requests: ["/x#fragment", "x", "*", "?x"].map((target) => requestOf("GET", target)),
  },
  {
    title: "row 65: an expectation that nobody can meet",
    statuses: [417],
    requests: [requestOf("GET", "/x", ["Expect: 200-ok"])],
  },
  {
    title: "row 66: framing and upgrades behind more fields than are read",
    statuses: [431],
    requests: [
      ["Transfer-Encoding: chunked"],
      ["Content-Length: 5", "Content-Length: 6"],
      ["Connection: Upgrade", "Upgrade: websocket"],
    ].map((lines) =>
      requestOf("POST", "/x", [...Array.from({ length: 2_500 }, () => "a:1"), ...lines]),
    ),
  },
  {
    title: "row 67: a WebSocket handshake that brings a body",
    statuses: [400],
    requests: [["Content-Length: 5"], ["Transfer-Encoding: chunked"]].map((lines) =>
      requestOf("GET", "/hmr", ["Connection: Upgrade", "Upgrade: websocket", ...lines], "5"),
    ),
  },
];

describe("requests that are refused", () => {
  for (const { title, statuses, requests } of malformed) {
    it(`${title}: ${statuses.filter(Boolean).join(" or ")}, and the app sees nothing`, async (test) => {
      const { statusOf, upstream } = await startBehind(test);
      for (const request of requests) {
        const status = await statusOf(request);
        assert.ok(
          statuses.includes(status),
          `${status} for ${JSON.stringify(request.slice(-200))}`,
        );
      }
      assert.equal(upstream.connections.length, 0);
    });
  }

  it("row 59: a chunk without a certain size ends its request; what follows it is never one", async (test) => {
    const { exchange, upstream, requests } = await startBehind(test);
    const chunks = ["0x2\r\nab", "-1\r\na", `${"f".repeat(17)}\r\na`, "1;a\nb\r\na", "1\na"];
    for (const chunk of chunks) {
      const body = `${chunk}\r\n0\r\n\r\n${hidden}`;
      const text = await exchange(post(["Transfer-Encoding: chunked"], body));
      assert.match(text, /^HTTP\/1\.1 400 |^$/, chunk);
      assert.ok(text.split("HTTP/1.1 ").length <= 2, "one answer at most");
    }
    assert.deepEqual(requests(), [], "none is whole");
    for (const { text } of upstream.connections) assert.ok(!text.includes("/hidden"));
  });
});

describe("requests that are read in one way", () => {
  it("row 63: an absolute target of the same host goes on in origin form", async (test) => {
    const { statusOf, requests } = await startBehind(test);
    assert.equal(await statusOf(requestOf("GET", "http://app.test/x?y", [closing])), 200);
    assert.deepEqual(
      requests().map(({ startLine }) => startLine),
      ["GET /x?y HTTP/1.1"],
    );
  });

  it("row 67: an upgrade to h2c is an ordinary request, and the app is not asked for one", async (test) => {
    const { exchange, requests } = await startBehind(test);
    const lines = ["Connection: Upgrade, HTTP2-Settings, close", "Upgrade: h2c"];
    const text = await exchange(requestOf("GET", "/x", [...lines, "HTTP2-Settings: AAMAAABk"]));
    assert.equal(parseMessage(text).status, 200);
    const [request] = requests();
    assert.deepEqual(request?.values("upgrade"), []);
    assert.deepEqual(request?.values("http2-settings"), []);
  });
});
