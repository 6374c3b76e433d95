import assert from "node:assert/strict";
import { test } from "node:test";
import { parseUpstream } from "./upstream-address.ts";

test("an upstream is a host and a port, or a unix socket", () => {
  const rows = {
    "http://127.0.0.1:8000": { kind: "tcp", host: "127.0.0.1", port: 8000 },
    "http://localhost": { kind: "tcp", host: "localhost", port: 80 },
    "HTTP://php.internal:9000/": { kind: "tcp", host: "php.internal", port: 9000 },
    "http://[::1]:8000": { kind: "tcp", host: "::1", port: 8000 },
    "unix:/run/php/octane.sock": { kind: "unix", socketPath: "/run/php/octane.sock" },
    "unix:///run/a b.sock": { kind: "unix", socketPath: "/run/a b.sock" },
  };
  for (const [text, upstream] of Object.entries(rows)) {
    assert.deepEqual(parseUpstream(text), { ok: true, upstream }, text);
  }
});

test("anything else is refused with a word on why", () => {
  const rows = {
    "": /neither http/,
    "127.0.0.1:8000": /neither http/,
    "localhost:8000": /neither http/,
    "http:127.0.0.1": /neither http/,
    "https://app.test": /neither http/,
    "ftp://app.test": /neither http/,
    "http://app.test:0": /neither http/,
    "http://app.test:99999": /neither http/,
    "unix:relative.sock": /neither http/,
    "http://user:secret@app.test": /credentials/,
    "http://app.test/base": /ends after the port: http:\/\/app\.test$/,
    "http://app.test/?a=b": /ends after the port/,
  };
  for (const [text, error] of Object.entries(rows)) {
    const parsed = parseUpstream(text);
    assert.ok(!parsed.ok, text);
    assert.match(parsed.error, error);
    assert.doesNotMatch(parsed.error, /secret/);
  }
});
