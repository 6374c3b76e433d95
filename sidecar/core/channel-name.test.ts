import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { channelKind, isChannelName, isChannelNameTooLong } from "./channel-name.ts";

describe("channel names", () => {
  it("are 1 to 256 characters of Pusher's alphabet", () => {
    for (const name of ["a", "A-z_0=@,.;9", "x".repeat(256)]) assert.ok(isChannelName(name), name);
    for (const name of ["", "x".repeat(257), "a b", "a/b", "ä", "a:b", "#a", "a\n"]) {
      assert.ok(!isChannelName(name), name);
    }
    assert.ok(isChannelNameTooLong("x".repeat(257)));
    assert.ok(!isChannelNameTooLong("x".repeat(256)));
  });

  const kinds: [name: string, access: string, cache: boolean, encrypted: boolean][] = [
    ["a", "public", false, false],
    ["cache-a", "public", true, false],
    ["private-a", "private", false, false],
    ["private-cache-a", "private", true, false],
    ["private-encrypted-a", "private", false, true],
    ["private-encrypted-cache-a", "private", true, true],
    ["presence-a", "presence", false, false],
    ["presence-cache-a", "presence", true, false],
    ["privateer", "public", false, false],
    ["presenceful", "public", false, false],
    ["cached", "public", false, false],
    ["my-private-a", "public", false, false],
    ["Private-a", "public", false, false],
    ["private-", "private", false, false],
    ["presence-encrypted-a", "presence", false, false],
  ];
  for (const [name, access, cache, encrypted] of kinds) {
    it(`${name}: ${access}${cache ? ", cache" : ""}${encrypted ? ", encrypted" : ""}`, () => {
      assert.deepEqual(channelKind(name), { access, cache, encrypted });
    });
  }
});
