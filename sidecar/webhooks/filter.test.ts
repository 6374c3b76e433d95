import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { WebhookEvent } from "../core/ports.ts";
import { isRelevant, isWanted } from "./filter.ts";

const occupied: WebhookEvent = { name: "channel_occupied", channel: "orders-1" };
const vacated: WebhookEvent = { name: "channel_vacated", channel: "orders-1" };
const elsewhere: WebhookEvent = { name: "channel_occupied", channel: "chat-1" };
const miss: WebhookEvent = { name: "cache_miss", channel: "orders-1" };
const connected: WebhookEvent = { name: "user_connected", user_id: "7" };

describe("isWanted", () => {
  it("W08: without a filter everything is wanted", () => {
    const all = { events: null, channelPrefix: null };
    for (const event of [occupied, elsewhere, miss, connected]) assert.ok(isWanted(all, event));
  });

  it("W08: by name", () => {
    const filter = { events: new Set(["cache_miss"] as const), channelPrefix: null };
    assert.ok(isWanted(filter, miss));
    assert.ok(!isWanted(filter, occupied));
    assert.ok(!isWanted(filter, connected));
  });

  it("W08: by the beginning of the channel's name, and by name", () => {
    const prefix = { events: null, channelPrefix: "orders-" };
    assert.ok(isWanted(prefix, occupied));
    assert.ok(!isWanted(prefix, elsewhere));
    assert.ok(!isWanted({ ...prefix, events: new Set(["cache_miss"]) }, occupied));
  });

  it("W08: events of no channel pass the prefix, not the names", () => {
    const prefix = { events: null, channelPrefix: "orders-" };
    assert.ok(isWanted(prefix, connected));
    assert.ok(!isWanted({ ...prefix, events: new Set(["cache_miss"]) }, connected));
  });
});

describe("isRelevant", () => {
  it("W04: an event that may undo a wanted one is relevant, though not wanted", () => {
    const filter = { events: new Set(["channel_vacated"] as const), channelPrefix: null };
    assert.ok(isRelevant(filter, vacated));
    assert.ok(isRelevant(filter, occupied));
    assert.ok(!isWanted(filter, occupied));
    assert.ok(!isRelevant(filter, miss));
    assert.ok(!isRelevant(filter, connected));
  });

  it("W08: another channel's is not", () => {
    const filter = { events: null, channelPrefix: "orders-" };
    assert.ok(isRelevant(filter, occupied));
    assert.ok(!isRelevant(filter, elsewhere));
  });

  it("each pair undoes both ways", () => {
    const pairs: [WebhookEvent, WebhookEvent][] = [
      [occupied, vacated],
      [
        { name: "member_added", channel: "presence-a", user_id: "7" },
        { name: "member_removed", channel: "presence-a", user_id: "7" },
      ],
      [connected, { name: "user_disconnected", user_id: "7" }],
    ];
    for (const [beginning, end] of pairs) {
      const onlyEnds = { events: new Set([end.name]), channelPrefix: null };
      const onlyBeginnings = { events: new Set([beginning.name]), channelPrefix: null };
      assert.ok(isRelevant(onlyEnds, beginning), beginning.name);
      assert.ok(isRelevant(onlyBeginnings, end), end.name);
    }
  });
});
