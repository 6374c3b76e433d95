import assert from "node:assert/strict";
import { test } from "node:test";
import { bodyLength, toClientFields, toUpstreamFields } from "./headers.ts";

function raw(...lines: string[]): string[] {
  return lines.flatMap((line) => line.split(/: ?/, 2));
}

test("P5: Connection takes fields away by name, but neither Host nor the length of a body", () => {
  const fields = raw(
    "Host: a",
    "Content-Length: 5",
    "Connection: host, X-A,content-length",
    "x-a: 1",
  );
  assert.deepEqual(toUpstreamFields(fields, []), { Host: "a", "Content-Length": "5" });
  assert.deepEqual(toClientFields(fields, 200), ["Host", "a", "Content-Length", "5"]);
});

test("P5: Connection can't take away what we say about the client", () => {
  const fields = toUpstreamFields(raw("Connection: X-Forwarded-For", "X-Forwarded-For: 6.6.6.6"), [
    ["X-Forwarded-For", "127.0.0.1"],
  ]);
  assert.deepEqual(fields, { "X-Forwarded-For": "127.0.0.1" });
});

test("P9: values of one name stay in order, under its first spelling", () => {
  const fields = raw("X-A: 1", "Y: 2", "x-a: 3", "X-A: 4");
  assert.deepEqual(toUpstreamFields(fields, []), { "X-A": ["1", "3", "4"], Y: "2" });
});

test("P7: names that an object would treat as its own are ordinary", () => {
  const fields = toUpstreamFields(raw("constructor: 1", "toString: 2", "constructor: 3"), []);
  assert.deepEqual(Object.entries(fields), [
    ["constructor", ["1", "3"]],
    ["toString", "2"],
  ]);
});

test("P14: the length of a body follows from its fields", () => {
  assert.equal(bodyLength(raw("Host: a")), 0);
  assert.equal(bodyLength(raw("Content-Length: 0")), 0);
  assert.equal(bodyLength(raw("content-length: 12")), 12);
  assert.equal(bodyLength(raw("Transfer-Encoding: Chunked")), "chunked");
  assert.deepEqual(toUpstreamFields(raw("transfer-encoding: Chunked"), []), {
    "Transfer-Encoding": "chunked",
  });
});
