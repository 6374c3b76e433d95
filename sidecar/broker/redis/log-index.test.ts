import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { encodeTerminate } from "./envelope.ts";
import { controlChannel } from "./keys.ts";
import { LogIndex } from "./log-index.ts";

describe("the index of an app's log", () => {
  it("Y16: keeps terminations within its bytes too: the oldest go, and it reaches back less far", () => {
    const index = new LogIndex("app", "0-0", 10_000);
    for (let number = 1; number <= 1_000; number++) {
      const message = encodeTerminate(`m${number}`, `user-${number}`);
      index.add({ id: `1-${number}`, message, channels: [controlChannel] });
    }
    assert.equal(index.hasTerminated(new Set(["user-1"]), "0-0"), false);
    assert.equal(index.hasTerminated(new Set(["user-1000"]), "1-999"), true);
    const [, beginning = ""] = index.beginning.split("-");
    assert.ok(Number(beginning) > 900, index.beginning);
    assert.equal(index.end, "1-1000");
  });
});
