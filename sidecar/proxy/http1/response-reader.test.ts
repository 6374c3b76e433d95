import assert from "node:assert/strict";
import { once } from "node:events";
import { get } from "node:http";
import { test, type TestContext } from "node:test";
import fc from "fast-check";
import { listenRaw } from "../../testing/raw-http.ts";
import { ResponseReader } from "./response-reader.ts";
import { UpstreamError } from "./upstream-error.ts";

interface Read {
  status?: number;
  reason?: string;
  rawHeaders?: readonly string[];
  isKept?: boolean;
  body: string;
  isComplete: boolean;
  /** Bytes behind the end. */
  left: number;
  fault?: string;
}

/** Reads pieces, then the end of the connection. */
function read(
  pieces: readonly Buffer[],
  { method = "GET", maxHeadBytes = 4_096, keepsHead = false } = {},
): Read {
  const result: Read = { body: "", isComplete: false, left: 0 };
  const options = { method, maxHeadBytes, keepsHead };
  const reader = new ResponseReader(options, {
    onHead({ status, reason, rawHeaders, isKept }) {
      assert.equal(result.status, undefined, "one head");
      Object.assign(result, { status, reason, rawHeaders, isKept });
    },
    onData(chunk) {
      assert.ok(chunk.length > 0 && !result.isComplete);
      result.body += chunk.toString("latin1");
    },
    onEnd(last) {
      assert.ok(!result.isComplete);
      result.body += last?.toString("latin1") ?? "";
      result.isComplete = true;
    },
  });
  try {
    for (const piece of pieces) result.left += reader.push(piece);
    reader.end();
  } catch (error) {
    assert.ok(error instanceof UpstreamError, String(error));
    assert.notEqual(error.message, "");
    result.fault = error.fault;
  }
  return result;
}

const whole = (text: string, options?: Parameters<typeof read>[1]) =>
  read([Buffer.from(text, "latin1")], options);

const ok = "HTTP/1.1 200 OK\r\n";

test("proxy S8, S13, P11: what two readers might read in two ways is unreadable", () => {
  const rows: Readonly<Record<string, string>> = {
    "no HTTP": "SSH-2.0-x\r\n\r\n",
    "HTTP/0.9": "<html>",
    "HTTP/2.0": "HTTP/2.0 200 OK\r\n\r\n",
    "HTTP/1.2": "HTTP/1.2 200 OK\r\n\r\n",
    "lower-case http": "http/1.1 200 OK\r\n\r\n",
    "status of two digits": "HTTP/1.1 20 OK\r\n\r\n",
    "status of four digits": "HTTP/1.1 2000 OK\r\n\r\n",
    "status 099": "HTTP/1.1 099 OK\r\n\r\n",
    "two blanks": "HTTP/1.1  200 OK\r\n\r\n",
    "LF alone": "HTTP/1.1 200 OK\nContent-Length: 2\n\nok",
    "LF alone in a head with CRLF": `${ok}X: a\nContent-Length: 2\r\n\r\nok`,
    "LF in the reason": "HTTP/1.1 200 O\nK\r\n\r\n",
    "CR alone": `${ok}X: a\rb\r\n\r\n`,
    "no colon": `${ok}X\r\n\r\n`,
    "no name": `${ok}: x\r\n\r\n`,
    "blank before the colon": `${ok}Content-Length : 2\r\n\r\nok`,
    "blank before the name": `${ok} Content-Length: 2\r\n\r\nok`,
    "continued line": `${ok}X: a\r\n b\r\n\r\n`,
    "NUL in a value": `${ok}X: a\0\r\n\r\n`,
    "Content-Length twice": `${ok}Content-Length: 2\r\nContent-Length: 2\r\n\r\nok`,
    "Content-Length as a list": `${ok}Content-Length: 2, 2\r\n\r\nok`,
    "Content-Length signed": `${ok}Content-Length: +2\r\n\r\nok`,
    "Content-Length hexadecimal": `${ok}Content-Length: 0x2\r\n\r\nok`,
    "Content-Length empty": `${ok}Content-Length:\r\n\r\nok`,
    "Content-Length beyond 2^53": `${ok}Content-Length: 9999999999999999\r\n\r\nok`,
    "both framings": `${ok}Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`,
    "both framings of a HEAD": `${ok}Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n`,
    "gzip, chunked": `${ok}Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n`,
    gzip: `${ok}Transfer-Encoding: gzip\r\n\r\nxx`,
    identity: `${ok}Transfer-Encoding: identity\r\n\r\nxx`,
    "chunked twice": `${ok}Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`,
    "chunked, chunked": `${ok}Transfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n`,
    "chunked with a vertical tab": `${ok}Transfer-Encoding: \x0bchunked\r\n\r\n0\r\n\r\n`,
    "chunked in HTTP/1.0": "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "101": "HTTP/1.1 101 Switching Protocols\r\n\r\n",
  };
  for (const [name, text] of Object.entries(rows)) {
    const { status, fault, body } = whole(text, name.includes("HEAD") ? { method: "HEAD" } : {});
    assert.deepEqual(
      { status, fault, body },
      { status: undefined, fault: "bad_response", body: "" },
      name,
    );
  }
});

test("proxy S9: a chunked body that goes wrong is unreadable where it does", () => {
  const bodies: Readonly<Record<string, string>> = {
    "no size": "\r\nx\r\n",
    "no hexadecimal": "g\r\nx\r\n",
    prefix: "0x1\r\nx\r\n",
    sign: "+1\r\nx\r\n",
    "blank before": " 1\r\nx\r\n",
    "blank behind": "1 \r\nx\r\n",
    "beyond 2^53": "fffffffffffffff\r\nx",
    "LF alone": "1\nx\n0\n\n",
    "longer than its size": "1\r\nxy\r\n0\r\n\r\n",
    "LF alone behind the content": "1\r\nx\n0\r\n\r\n",
    "control character in an extension": "1;a=\x01\r\nx\r\n",
    "endless extension": `1;${"a".repeat(2_000)}\r\nx\r\n`,
    "endless size": "0".repeat(2_000),
    "endless trailers": `0\r\n${"X: y\r\n".repeat(5_000)}\r\n`,
    "endless trailer": `0\r\nX: ${"y".repeat(20_000)}`,
    "LF alone in the trailers": "0\r\nX: y\nZ: a\r\n\r\n",
  };
  for (const [name, body] of Object.entries(bodies)) {
    const result = whole(`${ok}Transfer-Encoding: chunked\r\n\r\n${body}`);
    assert.equal(result.status, 200, name);
    assert.equal(result.fault, "bad_response", name);
    assert.equal(result.isComplete, false, name);
  }
});

test("proxy S5, E10: where an answer ends, and whether the connection may be used again", () => {
  const rows: readonly (readonly [
    text: string,
    expected: { body: string; left: number; isKept: boolean },
    method?: string,
  ])[] = [
    [`${ok}Content-Length: 2\r\n\r\nok`, { body: "ok", left: 0, isKept: true }],
    [`${ok}Content-Length: 2\r\n\r\nokHTTP`, { body: "ok", left: 4, isKept: true }],
    [
      `${ok}content-length:2 \r\nConnection: x, Close\r\n\r\nok`,
      { body: "ok", left: 0, isKept: false },
    ],
    [`${ok}\r\nuntil the end`, { body: "until the end", left: 0, isKept: false }],
    ["HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok", { body: "ok", left: 0, isKept: false }],
    [
      "HTTP/1.0 200\r\nContent-Length: 2\r\nConnection: Keep-Alive\r\n\r\nok",
      { body: "ok", left: 0, isKept: true },
    ],
    [
      `${ok}Transfer-Encoding: Chunked\r\n\r\n2;x="y"\r\nok\r\n00\r\nX-T: 1\r\n\r\nmore`,
      { body: "ok", left: 4, isKept: true },
    ],
    [`${ok}Content-Length: 5\r\n\r\n`, { body: "", left: 0, isKept: false }, "HEAD"],
    [`${ok}Content-Length: 5\r\n\r\nhello`, { body: "", left: 5, isKept: false }, "HEAD"],
    [`HTTP/1.1 204 No\r\n\r\n`, { body: "", left: 0, isKept: true }],
    [`HTTP/1.1 204 No\r\nContent-Length: 2\r\n\r\nok`, { body: "", left: 2, isKept: false }],
    [`HTTP/1.1 304 No\r\nContent-Length: 200\r\n\r\n`, { body: "", left: 0, isKept: false }],
    [`HTTP/1.1 304 No\r\nETag: "a"\r\n\r\n`, { body: "", left: 0, isKept: true }],
    [
      `HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n${ok}Content-Length: 2\r\n\r\nok`,
      { body: "ok", left: 0, isKept: true },
    ],
  ];
  for (const [text, expected, method = "GET"] of rows) {
    const { body, left, isKept, isComplete } = whole(text, { method });
    assert.deepEqual({ body, left, isKept }, expected, text);
    assert.ok(isComplete, text);
  }
});

test("proxy S3, S7, S8: status, reason and fields are kept byte by byte", () => {
  const { status, reason, rawHeaders } = whole(
    `HTTP/1.1 207 Multi \xe9\r\nX:a\r\nx: \t b  c\t\r\nSet-Cookie: 1\r\nSet-Cookie: \xff\r\nE:\r\n\r\n`,
  );
  assert.equal(status, 207);
  assert.equal(reason, "Multi \xe9");
  const fields = ["X", "a", "x", "b  c", "Set-Cookie", "1", "Set-Cookie", "\xff", "E", ""];
  assert.deepEqual(rawHeaders, fields);
});

test("proxy S13: a head longer than the limit, interim ones before it included", () => {
  const limit = { maxHeadBytes: 200 };
  assert.equal(whole(`${ok}X: ${"x".repeat(100)}\r\n\r\n`, limit).status, 200);
  assert.equal(whole(`${ok}X: ${"x".repeat(200)}\r\n\r\n`, limit).fault, "head_too_large");
  assert.equal(whole(`${ok}X: ${"x".repeat(200)}`, limit).fault, "head_too_large");
  const interim = "HTTP/1.1 103 Early Hints\r\n\r\n".repeat(20);
  assert.equal(whole(`${interim}${ok}\r\n`, limit).fault, "head_too_large");
});

test("proxy S9: a connection that ends too early", () => {
  assert.equal(whole("").fault, "no_response");
  assert.equal(whole("HTTP/1.1 200").fault, "no_response");
  assert.equal(whole("HTTP/1.1 103 Early Hints\r\n\r\n").fault, "no_response");
  assert.equal(whole(`${ok}Content-Length: 3\r\n\r\nok`).fault, "response_cut");
  for (const cut of ["", "2", "2\r\n", "2\r\no", "2\r\nok", "2\r\nok\r\n", "2\r\nok\r\n0\r\n"]) {
    assert.equal(whole(`${ok}Transfer-Encoding: chunked\r\n\r\n${cut}`).fault, "response_cut", cut);
  }
});

/** A response, its body in one framing or another. */
const response = fc
  .record({
    fields: fc.array(
      fc.tuple(
        fc.stringMatching(/^[A-Za-z][A-Za-z0-9-]{0,9}$/),
        fc.stringMatching(/^[!-~é]{0,12}$/),
      ),
      { maxLength: 5 },
    ),
    chunks: fc.array(fc.string({ minLength: 1, maxLength: 40, unit: "binary-ascii" }), {
      maxLength: 6,
    }),
    framing: fc.constantFrom("length", "chunked", "until_close"),
    interim: fc.nat(2),
  })
  .map(({ fields, chunks, framing, interim }) => {
    const own = /^(content-length|transfer-encoding|connection|keep-alive|trailer|upgrade)$/i;
    const body = chunks.join("");
    const lines = fields
      .filter(([name]) => !own.test(name))
      .map(([name, value]) => `${name}: ${value}`);
    if (framing === "length") lines.push(`Content-Length: ${body.length}`);
    if (framing === "chunked") lines.push("Transfer-Encoding: chunked");
    const coded = chunks
      .map((chunk) => `${chunk.length.toString(16)};ext\r\n${chunk}\r\n`)
      .join("");
    const text = [
      "HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n".repeat(interim),
      ["HTTP/1.1 200 OK", ...lines, "", ""].join("\r\n"),
      framing === "chunked" ? `${coded}0\r\nX-Trailer: 1\r\n\r\n` : body,
    ].join("");
    return { bytes: Buffer.from(text, "latin1"), body };
  });

test("a response is the same however its bytes come", () => {
  const sizes = fc.array(fc.integer({ min: 1, max: 30 }), { maxLength: 60, size: "max" });
  fc.assert(
    fc.property(response, sizes, ({ bytes, body }, sizes) => {
      const pieces: Buffer[] = [];
      let at = 0;
      for (const size of [...sizes, bytes.length]) {
        if (at < bytes.length) pieces.push(bytes.subarray(at, at + size));
        at += size;
      }
      const once = read([bytes]);
      assert.equal(once.body, body);
      assert.deepEqual(read(pieces), once);
      const byByte = Array.from(bytes, (_, index) => bytes.subarray(index, index + 1));
      assert.deepEqual(read(byByte), once);
    }),
  );
});

test("a response is read as Node's own client reads it", async (t: TestContext) => {
  let next = Buffer.alloc(0);
  const server = await listenRaw(t, (connection) => {
    connection.socket.once("data", () => connection.write(next).socket.end());
  });
  await fc.assert(
    fc.asyncProperty(response, async ({ bytes }) => {
      next = bytes;
      const request = get({ port: server.port, host: "127.0.0.1", agent: false });
      const [answer] = await once(request, "response");
      let body = "";
      for await (const chunk of answer) body += chunk.toString("latin1");
      const { statusCode: status, statusMessage: reason, rawHeaders } = answer;
      const ours = read([bytes]);
      assert.deepEqual(
        { status: ours.status, reason: ours.reason, rawHeaders: ours.rawHeaders, body: ours.body },
        { status, reason, rawHeaders, body },
      );
    }),
    { numRuns: 60 },
  );
});

test("whatever bytes come, they are read or refused, and never more than once", () => {
  const pieces = fc.oneof(
    fc.constantFrom(
      "HTTP/1.1 200 OK",
      "\r\n",
      "\n",
      "\r",
      ":",
      " ",
      "Content-Length",
      "2",
      "chunked",
    ),
    fc.constantFrom("Transfer-Encoding", "0", "\r\n\r\n", "HTTP/1.1 100 C", "Connection: close"),
    fc.string({ unit: "binary-ascii", maxLength: 5 }),
  );
  fc.assert(
    fc.property(
      fc.array(pieces, { maxLength: 30, size: "max" }),
      fc.constantFrom("GET", "HEAD"),
      (parts, method) => {
        const { isComplete, fault } = whole(parts.join(""), { method });
        assert.notEqual(isComplete, fault !== undefined);
      },
    ),
    { numRuns: 1_000 },
  );
});
