/** Request smuggling: whatever is done to the framing of a request, the upstream never sees two ways to read it. */

import assert from "node:assert/strict";
import { test, type TestContext } from "node:test";
import { connectRaw, exchangeRaw, listenRaw, type RawServer } from "../testing/raw-http.ts";
import { startFront, type Front } from "../testing/proxy-front.ts";
import { waitFor } from "../testing/eventually.ts";

/** The request that an attacker hides; where it starts a line upstream, it was smuggled. */
const hidden = "GET /smuggled HTTP/1.1\r\nHost: app.test\r\n\r\n";

interface Attempt {
  readonly name: string;
  readonly bytes: string;
}

/** Requests that RFC 9112 §6 and §2.2 forbid or that have no certain end; each is refused, none reaches the upstream. */
function forbidden(): Attempt[] {
  const post = (lines: string, body: string): string =>
    `POST /x HTTP/1.1\r\nHost: app.test\r\nConnection: close\r\n${lines}\r\n\r\n${body}`;
  const chunkedBody = `0\r\n\r\n${hidden}`;
  const both = ["Content-Length: 6", "Transfer-Encoding: chunked"];
  const heads: Readonly<Record<string, string>> = {
    "CL.TE": both.join("\r\n"),
    "TE.CL": both.toReversed().join("\r\n"),
    "CL.TE, CL 0": "Content-Length: 0\r\nTransfer-Encoding: chunked",
    "CL.TE identity": "Content-Length: 6\r\nTransfer-Encoding: identity",
    "CL twice, differing": "Content-Length: 6\r\nContent-Length: 5",
    "CL twice, same": "Content-Length: 5\r\nContent-Length: 5",
    "CL list": "Content-Length: 5, 5",
    "CL negative": "Content-Length: -1",
    "CL signed": "Content-Length: +5",
    "CL hex": "Content-Length: 0x5",
    "CL exponent": "Content-Length: 5e0",
    "CL fraction": "Content-Length: 5.0",
    "CL blank inside": "Content-Length: 5 5",
    "CL empty": "Content-Length:",
    "CL huge": "Content-Length: 99999999999999999999999",
    "CL beyond 2^53": "Content-Length: 9999999999999999",
    "CL octal-ish and TE": "Content-Length: 010\r\nTransfer-Encoding: chunked",
    "CL folded": "Content-Length:\r\n 5",
    "CL space before colon": "Content-Length : 5",
    "CL quoted": 'Content-Length: "5"',
    "TE twice": "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked",
    "TE twice, differing": "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity",
    "TE identity, chunked": "Transfer-Encoding: identity\r\nTransfer-Encoding: chunked",
    "TE empty": "Transfer-Encoding:",
    "TE blank": "Transfer-Encoding:   ",
    "TE comma": "Transfer-Encoding: ,chunked",
    "TE chunked, x": "Transfer-Encoding: chunked, x",
    "TE chunked, identity": "Transfer-Encoding: chunked, identity",
    "TE gzip, chunked": "Transfer-Encoding: gzip, chunked",
    "TE xchunked": "Transfer-Encoding: xchunked",
    "TE chunkedx": "Transfer-Encoding: chunkedx",
    "TE chunk": "Transfer-Encoding: chunk",
    "TE parameter": "Transfer-Encoding: chunked;q=1",
    "TE quoted": 'Transfer-Encoding: "chunked"',
    "TE folded": "Transfer-Encoding:\r\n chunked",
    "TE folded by tab": "Transfer-Encoding:\r\n\tchunked",
    "TE after a fold": "X: y\r\n Transfer-Encoding: chunked",
    "TE space before colon": "Transfer-Encoding : chunked",
    "TE tab before colon": "Transfer-Encoding\t: chunked",
    "TE leading space": " Transfer-Encoding: chunked",
    "TE vertical tab": "Transfer-Encoding: \x0bchunked",
    "TE form feed": "Transfer-Encoding: chunked\x0c",
    "TE nul": "Transfer-Encoding: chunked\x00",
    "TE bare CR": "Transfer-Encoding: chunked\r",
    "TE bare CR in name": "Transfer-\rEncoding: chunked",
    "TE after a bare CR": "X: y\rTransfer-Encoding: chunked",
    "TE after a bare LF": "X: y\nTransfer-Encoding: chunked\r\nContent-Length: 6",
    "no colon": "Transfer-Encoding chunked",
    "empty name": ": chunked",
    "nul in a name": "X\x00Y: z",
    "upgrade with a body": "Connection: upgrade\r\nUpgrade: websocket\r\nContent-Length: 6",
  };
  const chunks: Readonly<Record<string, string>> = {
    "chunk size no hex": `g\r\nx\r\n0\r\n\r\n${hidden}`,
    "chunk size 0x": `0x1\r\nx\r\n0\r\n\r\n${hidden}`,
    "chunk size signed": `+1\r\nx\r\n0\r\n\r\n${hidden}`,
    "chunk size negative": `-1\r\nx\r\n0\r\n\r\n${hidden}`,
    "chunk size empty": `\r\nx\r\n0\r\n\r\n${hidden}`,
    "chunk size too large": `fffffffffffffffff\r\nx\r\n0\r\n\r\n${hidden}`,
    "chunk size underscore": `1_0\r\nx\r\n0\r\n\r\n${hidden}`,
    "chunk size, leading space": ` 1\r\nx\r\n0\r\n\r\n${hidden}`,
    "chunk size, bare LF": `1\nx\r\n0\r\n\r\n${hidden}`,
    "chunk size, bare CR": `1\rx\r\n0\r\n\r\n${hidden}`,
    "chunk longer than its size": `1\r\nxyz\r\n0\r\n\r\n${hidden}`,
    "chunk end, bare LF": `1\r\nx\n0\r\n\r\n${hidden}`,
    "chunk extension with bare LF": `1;a\nx\r\nx\r\n0\r\n\r\n${hidden}`,
    "last chunk, bare LF": `0\n\n${hidden}`,
  };
  return [
    ...Object.entries(heads).map(([name, lines]) => ({ name, bytes: post(lines, chunkedBody) })),
    ...Object.entries(chunks).map(([name, body]) => ({
      name,
      bytes: post("Transfer-Encoding: chunked", body),
    })),
    {
      name: "TE with HTTP/1.0",
      bytes: `POST /x HTTP/1.0\r\nHost: app.test\r\nTransfer-Encoding: chunked\r\n\r\n${chunkedBody}`,
    },
  ];
}

/** Spellings of a Transfer-Encoding field that some server might read as `chunked` and another not. */
function mutations(): Attempt[] {
  const lines = new Set<string>();
  const odd = Array.from({ length: 256 }, (_, code) => String.fromCharCode(code));
  const gaps = ["", " ", "\t", "\x0b", "\x0c", "\x00", "\r", "\n", "\xa0", "\x85", "\xff", "\x7f"];
  for (const character of odd) {
    lines.add(`Transfer-Encoding:${character}chunked`);
    lines.add(`Transfer-Encoding: chunked${character}`);
    lines.add(`Transfer-Encoding${character}: chunked`);
    lines.add(`${character}Transfer-Encoding: chunked`);
    lines.add(`Transfer${character}Encoding: chunked`);
    lines.add(`Transfer-Encoding: chu${character}nked`);
    lines.add(`X: y${character}Transfer-Encoding: chunked`);
  }
  for (const before of gaps) {
    for (const after of gaps) {
      lines.add(`Transfer-Encoding${before}:${after}chunked`);
      lines.add(`Transfer-Encoding: ${before},${after}chunked`);
      lines.add(`Transfer-Encoding: identity${before},${after}chunked`);
    }
  }
  for (const name of ["transfer-encoding", "TRANSFER-ENCODING", "tRANSFER-eNCODING"]) {
    for (const value of ["chunked", "CHUNKED", "Chunked", "cHuNkEd"]) {
      lines.add(`${name}: ${value}`);
    }
  }
  return [...lines].map((line) => ({
    name: line,
    // As chunks the body ends at once and `hidden` follows; by its length it is all one body.
    bytes: [
      "POST /x HTTP/1.1",
      "Host: app.test",
      "Connection: close",
      line,
      `Content-Length: ${5 + hidden.length}`,
      "",
      `0\r\n\r\n${hidden}`,
    ].join("\r\n"),
  }));
}

/** Sends one attempt; what the client has when the front has closed: every one of them ends, and none waits for more. */
async function attempt(t: TestContext, front: Front, bytes: string): Promise<string> {
  const client = await connectRaw(t, front.port);
  client.write(bytes);
  await waitFor(() => client.hasEnded);
  client.socket.destroy();
  return client.text;
}

/** One connection a request, so that each can be looked at by itself. */
const closing = "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok";

/** Answers at once and remembers, so that what comes on any connection can be judged afterwards. */
async function startRig(t: TestContext): Promise<{ front: Front; upstream: RawServer }> {
  const upstream = await listenRaw(t, (connection) => {
    connection.socket.on("data", () => connection.write(closing));
  });
  return { front: await startFront(t, upstream.port), upstream };
}

test("proxy P11: a table of forbidden framings: each is refused, and nothing of it reaches the upstream", async (t) => {
  const attempts = forbidden();
  assert.ok(attempts.length >= 60);
  for (const { name, bytes } of attempts) {
    const { front, upstream } = await startRig(t);
    const text = await exchangeRaw(t, front.port, bytes);
    const isCodingUnknown = name === "TE gzip, chunked";
    assert.match(text, isCodingUnknown ? /^HTTP\/1\.1 501 / : /^HTTP\/1\.1 400 /, name);
    assert.doesNotMatch(text, /HTTP\/1\.1 200/, name);
    for (const connection of upstream.connections) {
      // A chunked body is refused where it goes wrong; what came before it may be on its way already.
      assert.doesNotMatch(connection.text, /\r\n0\r\n\r\n/, name);
      assert.doesNotMatch(connection.text, /smuggled/, name);
    }
  }
});

test("proxy P12: of two thousand spellings of Transfer-Encoding none reaches the upstream with both framings", async (t) => {
  const attempts = mutations();
  assert.ok(attempts.length >= 659);
  let served = 0;
  const lanes = Array.from({ length: 8 }, async (_, lane) => {
    const { front, upstream } = await startRig(t);
    for (const { name, bytes } of attempts.filter((_attempt, index) => index % 8 === lane)) {
      const before = upstream.connections.length;
      const text = await attempt(t, front, bytes);
      const heads = text.match(/HTTP\/1\.1 \d/g) ?? [];
      assert.ok(heads.length <= 1, `${JSON.stringify(name)}: ${text}`);
      for (const connection of upstream.connections.slice(before)) {
        assertOneFraming(connection.text, JSON.stringify(name));
        served += 1;
      }
    }
  });
  await Promise.all(lanes);
  // Fields of other names, or the words in the value of one; were there none, nothing would have been tested.
  assert.ok(served > 100, `${served} were forwarded`);
  t.diagnostic(`${attempts.length} spellings, ${served} harmless enough to be forwarded`);
});

/** What reached the upstream has a length and nothing else to go by, and the hidden request in it is mere bytes. */
function assertOneFraming(seen: string, name: string): void {
  const [head = "", body = ""] = seen.split(/\r\n\r\n(.*)/s);
  const framings = head.match(/^(content-length|transfer[-_]encoding)[ \t]*:/gim) ?? [];
  assert.deepEqual(framings, ["Content-Length:"], `${name}: ${head}`);
  assert.equal(body, `0\r\n\r\n${hidden}`, name);
}
