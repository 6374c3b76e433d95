import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { createTestNode } from "../core/testing/doubles.ts";
import { publishEvent } from "./events.ts";

function publish(body: object) {
  const { hub, broker, reports } = createTestNode();
  return publishEvent({
    hub,
    broker,
    report: reports.report,
    span: null,
    params: {},
    query: new Map(),
    body: Buffer.from(JSON.stringify(body)),
    nowMs: 0,
    now: () => 0,
  });
}

describe("publishEvent", () => {
  const event = { name: "e", data: '"d"', channels: ["a"] };
  const none = { contentType: "application/json", body: "{}", status: 200 };

  it("on a single node answers at once: no promise is made for what is not waited for", () => {
    assert.deepEqual(publish(event), none);
  });

  it("waits for what `info` asks for", async () => {
    const reply = publish({ ...event, info: "subscription_count" });
    assert.ok(reply instanceof Promise);
    const channels = { a: { subscription_count: 0 } };
    assert.deepEqual(await reply, { ...none, body: JSON.stringify({ channels }) });
  });
});
