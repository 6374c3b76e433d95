import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { KeptHandshake } from "./kept-handshake.ts";

const rawHeaders = [
  "Host",
  "app.test",
  "Upgrade",
  "websocket",
  "Sec-WebSocket-Key",
  "AAAAAAAAAAAAAAAAAAAAAA==",
  "Cookie",
  "a=1; b=\u00e4",
  "X-Empty",
  "",
  "cookie",
  "c=3",
];
const remoteAddress = "192.0.2.1";

describe("KeptHandshake", () => {
  it("has every field that the app may be asked with, as it came", () => {
    const kept = new KeptHandshake({ rawHeaders, remoteAddress }, { keepsFields: true });
    assert.deepEqual(kept.rawHeaders, [
      "Host",
      "app.test",
      "Cookie",
      "a=1; b=\u00e4",
      "X-Empty",
      "",
      "cookie",
      "c=3",
    ]);
    assert.equal(kept.remoteAddress, remoteAddress);
  });

  it("has none where there were none, or nobody to ask", () => {
    for (const [fields, keepsFields] of [
      [[], true],
      [["Upgrade", "websocket"], true],
      [rawHeaders, false],
    ] as const) {
      const kept = new KeptHandshake({ rawHeaders: fields, remoteAddress }, { keepsFields });
      assert.deepEqual(kept.rawHeaders, []);
    }
  });
});
