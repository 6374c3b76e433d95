import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { bodyLength } from "../http/headers.ts";
import { toClientFields, toUpstreamFields } from "./hop-headers.ts";

function raw(...lines: string[]): string[] {
  return lines.flatMap((line) => line.split(/: ?/, 2));
}

test("proxy P5: Connection takes fields away by name, but neither Host nor the length of a body", () => {
  const fields = raw(
    "Host: a",
    "Content-Length: 5",
    "Connection: host, X-A,content-length",
    "x-a: 1",
  );
  assert.deepEqual(toUpstreamFields(fields, []), { Host: "a", "Content-Length": "5" });
  assert.deepEqual(toClientFields(fields, 200), ["Host", "a", "Content-Length", "5"]);
});

test("proxy P5: Connection can't take away what we say about the client", () => {
  const fields = toUpstreamFields(raw("Connection: X-Forwarded-For", "X-Forwarded-For: 6.6.6.6"), [
    ["X-Forwarded-For", "127.0.0.1"],
  ]);
  assert.deepEqual(fields, { "X-Forwarded-For": "127.0.0.1" });
});

test("proxy P9: values of one name stay in order, under its first spelling", () => {
  const fields = raw("X-A: 1", "Y: 2", "x-a: 3", "X-A: 4");
  assert.deepEqual(toUpstreamFields(fields, []), { "X-A": ["1", "3", "4"], Y: "2" });
});

test("proxy P7: names that an object would treat as its own are ordinary", () => {
  const fields = toUpstreamFields(raw("constructor: 1", "toString: 2", "constructor: 3"), []);
  assert.deepEqual(Object.entries(fields), [
    ["constructor", ["1", "3"]],
    ["toString", "2"],
  ]);
});

test("proxy P14: the length of a body follows from its fields", () => {
  assert.equal(bodyLength(raw("Host: a")), 0);
  assert.equal(bodyLength(raw("Content-Length: 0")), 0);
  assert.equal(bodyLength(raw("content-length: 12")), 12);
  assert.equal(bodyLength(raw("Transfer-Encoding: Chunked")), "chunked");
  assert.deepEqual(toUpstreamFields(raw("transfer-encoding: Chunked"), []), {
    "Transfer-Encoding": "chunked",
  });
});

test("proxy P9: whatever its name is, a field of no special meaning keeps its values in their order", () => {
  const token = fc.oneof(
    fc.constantFrom("constructor", "toString", "hasOwnProperty", "valueOf", "x-a", "X-A", "Cookie"),
    fc.stringMatching(/^x[!#$%&'*+.^`|~0-9A-Za-z-]{0,8}$/),
  );
  const special = /^x-forwarded-|^x-real-ip$/i;
  const field = fc.tuple(
    token.filter((name) => !special.test(name)),
    fc.string(),
  );
  fc.assert(
    fc.property(fc.array(field), (fields) => {
      const sent = Object.entries(toUpstreamFields(fields.flat(), []));
      for (const name of new Set(fields.map(([key]) => key.toLowerCase()))) {
        const arrived = sent
          .filter(([key]) => key.toLowerCase() === name)
          .flatMap(([, value]) => value);
        const expected = fields.filter(([key]) => key.toLowerCase() === name);
        assert.deepEqual(
          arrived,
          expected.map(([, value]) => value),
        );
      }
    }),
  );
});

test("proxy P9: an X-Socket-ID that is no socket id does not pass: Laravel would answer it with 500", () => {
  assert.deepEqual(toUpstreamFields(raw("X-Socket-ID: 12.34"), []), { "X-Socket-ID": "12.34" });
  for (const value of ["undefined", "null", "", "1", "1.2.3", "1.2, 3.4"]) {
    assert.deepEqual(toUpstreamFields(raw(`x-socket-id: ${value}`), []), {}, value);
  }
});
