import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { createHandshakeLimit } from "./handshake-limit.ts";

describe("handshake limit", () => {
  it("counts each IPv4 address by itself", () => {
    const mayShakeHands = createHandshakeLimit({ perSecond: 1, burst: 1 });
    assert.equal(mayShakeHands("192.0.2.1", 0), true);
    assert.equal(mayShakeHands("192.0.2.1", 0), false);
    assert.equal(mayShakeHands("192.0.2.2", 0), true);
    assert.equal(mayShakeHands("192.0.2.1", 1_000), true);
  });

  const networks: [one: string, other: string, isSame: boolean][] = [
    ["2001:db8::1", "2001:db8::2:3:4:5", true],
    ["2001:db8:0:1::", "2001:db8:0:1:ffff:ffff:ffff:ffff", true],
    ["2001:db8:0:1::1", "2001:db8:0:2::1", false],
    ["1::2:3:4:5:6:7", "1:0:2:3:ffff::", true],
    ["::1", "::2", true],
    ["::1", "1::1", false],
    ["unix", "::1", false],
  ];
  for (const [one, other, isSame] of networks) {
    it(`C19: ${one} and ${other} ${isSame ? "share" : "don't share"} a bucket: an IPv6 client has a whole /64`, () => {
      const mayShakeHands = createHandshakeLimit({ perSecond: 1, burst: 1 });
      assert.equal(mayShakeHands(one, 0), true);
      assert.equal(mayShakeHands(other, 0), !isSame);
    });
  }
});
