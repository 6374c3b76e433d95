import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { redactFields, redactMessage } from "./redact.ts";

describe("redact", () => {
  it("header fields keep their order, and lose what may be a secret", () => {
    const raw = [
      ["Host", "a.test"],
      ["Cookie", "laravel_session=hunter2"],
      ["authorization", "Bearer hunter2"],
      ["X-XSRF-TOKEN", "hunter2"],
      ["X-Api-Key", "hunter2"],
      ["X-Session-Id", "hunter2"],
      ["Referer", "https://a.test/reset?token=hunter2"],
      ["Sec-WebSocket-Key", "AAAA"],
      ["Sec-WebSocket-Protocol", "bearer, hunter2"],
      ["X-Forwarded-Uri", "/x?token=hunter2"],
      ["Origin", "https://user:hunter2@a.test"],
    ];
    const fields = redactFields(raw.flat());
    assert.doesNotMatch(JSON.stringify(fields), /hunter2/);
    const kept = [
      ["Host", "a.test"],
      ["Cookie", "[cut]"],
      ["authorization", "[cut]"],
      ["X-XSRF-TOKEN", "[cut]"],
      ["X-Api-Key", "[cut]"],
      ["X-Session-Id", "[cut]"],
      ["Referer", "https://a.test/reset?[cut]"],
      ["Sec-WebSocket-Key", "AAAA"],
      ["Sec-WebSocket-Protocol", "[cut]"],
      ["X-Forwarded-Uri", "/x?[cut]"],
      ["Origin", "https://[cut]@a.test"],
    ];
    assert.deepEqual(fields, kept.flat());
    assert.equal(redactFields(["X-Long", "a".repeat(8_000)])[1]?.length, 2_000);
  });

  it("a message loses auth and its like, within data that is JSON in a text too", () => {
    const data = { auth: "key:hunter2", channel: "private-a", shared_secret: "hunter2" };
    const kept =
      '{"event":"pusher:subscribe","data":{"auth":"[cut]","channel":"private-a","shared_secret":"[cut]"}}';
    assert.equal(redactMessage(JSON.stringify({ event: "pusher:subscribe", data })), kept);
    const nested = JSON.stringify({
      event: "x",
      data: JSON.stringify({ user: { token: "hunter2" } }),
    });
    assert.equal(
      redactMessage(nested),
      '{"event":"x","data":"{\\"user\\":{\\"token\\":\\"[cut]\\"}}"}',
    );
  });

  it("text that is not JSON is not shown, deep or long text is cut", () => {
    assert.equal(redactMessage("auth=hunter2"), "[no JSON, 12 characters]");
    const deep = `${'{"a":'.repeat(50)}"hunter2"${"}".repeat(50)}`;
    assert.doesNotMatch(redactMessage(deep), /hunter2/);
    assert.ok(redactMessage(JSON.stringify(["x".repeat(1_000_000)])).length < 2_100);
  });
});
