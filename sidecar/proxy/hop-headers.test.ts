import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { bodyLength } from "../http/headers.ts";
import { byName } from "./engine.ts";
import { toClientFields, toUpstreamFields } from "./hop-headers.ts";

const upstreamFields = (
  fields: readonly string[],
  forwarding: readonly (readonly [string, string])[] = [],
): string[] =>
  toUpstreamFields({ method: "GET", rawHeaders: fields, host: "app.internal" }, forwarding);

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
  assert.deepEqual(upstreamFields(fields), ["Host", "a", "Content-Length", "5"]);
  assert.deepEqual(toClientFields(fields, 200), ["Host", "a", "Content-Length", "5"]);
});

test("proxy P5: Connection can't take away what we say about the client", () => {
  const fields = upstreamFields(
    raw("Host: a", "Connection: X-Forwarded-For", "X-Forwarded-For: 6.6.6.6"),
    [["X-Forwarded-For", "127.0.0.1"]],
  );
  assert.deepEqual(fields, raw("Host: a", "X-Forwarded-For: 127.0.0.1"));
});

test("proxy P9: the sidecar's own cookie stays here", () => {
  const cookies = (...lines: string[]) =>
    upstreamFields(raw(...lines)).filter((_, index, all) => /^cookie$/i.test(all[index - 1] ?? ""));
  assert.deepEqual(cookies("Cookie: a=1; pogo_recovery=x; b=2"), ["a=1; b=2"]);
  assert.deepEqual(cookies("Cookie: pogo_recovery=x"), []);
  assert.deepEqual(cookies("Cookie: a=1", "Cookie: pogo_recovery=x"), ["a=1"]);
});

test("proxy P9: fields stay in their order and spelling, two Cookie lines become one, and Host is added", () => {
  const fields = raw("X-A: 1", "cookie: a=1", "Y: 2", "x-a: 3", "Cookie: b=2", "X-A: 4");
  assert.deepEqual(
    upstreamFields(fields),
    raw("X-A: 1", "cookie: a=1; b=2", "Y: 2", "x-a: 3", "X-A: 4", "Host: app.internal"),
  );
});

test("proxy P7: names that an object would treat as its own are ordinary", () => {
  const fields = raw("Host: a", "constructor: 1", "toString: 2", "constructor: 3");
  assert.deepEqual(upstreamFields(fields), fields);
  assert.deepEqual(byName(fields), {
    ["Host"]: "a",
    ["constructor"]: ["1", "3"],
    ["toString"]: "2",
  });
});

test("the sidecar's own word about a channel is nobody else's to say", () => {
  assert.deepEqual(upstreamFields(raw("Host: a", "X-FrankenPHP-WS-Channel: private-a")), [
    "Host",
    "a",
  ]);
});

test("proxy P14: the length of a body follows from its fields", () => {
  assert.equal(bodyLength(raw("Host: a")), 0);
  assert.equal(bodyLength(raw("Content-Length: 0")), 0);
  assert.equal(bodyLength(raw("content-length: 12")), 12);
  assert.equal(bodyLength(raw("Transfer-Encoding: Chunked")), "chunked");
  assert.deepEqual(
    upstreamFields(raw("Host: a", "transfer-encoding: Chunked")),
    raw("Host: a", "Transfer-Encoding: chunked"),
  );
});

test("proxy P9: whatever its name is, a field of no special meaning keeps its values in their order", () => {
  const token = fc.oneof(
    fc.constantFrom("constructor", "toString", "hasOwnProperty", "valueOf", "x-a", "X-A"),
    fc.stringMatching(/^x[!#$%&'*+.^`|~0-9A-Za-z-]{0,8}$/),
  );
  const special = /^x-forwarded-|^x-real-ip$/i;
  const field = fc.tuple(
    token.filter((name) => !special.test(name)),
    fc.string(),
  );
  fc.assert(
    fc.property(fc.array(field, { maxLength: 40, size: "max" }), (fields) => {
      const flat = upstreamFields(fields.flat());
      const sent = flat.flatMap((key, index) =>
        index % 2 === 0 ? [[key, flat[index + 1]] as const] : [],
      );
      for (const name of new Set(fields.map(([key]) => key.toLowerCase()))) {
        const arrived = sent
          .filter(([key]) => key.toLowerCase() === name)
          .map(([, value]) => value);
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
  const host = ["Host", "a"];
  const good = [...host, "X-Socket-ID", "12.34"];
  assert.deepEqual(upstreamFields(good), good);
  for (const value of ["undefined", "null", "", "1", "1.2.3", "1.2, 3.4"]) {
    assert.deepEqual(upstreamFields([...host, "x-socket-id", value]), host, value);
  }
});
