import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { ChannelEvent } from "../core/ports.ts";
import { createMemoryBroker } from "./memory.ts";

function createBroker(options: { cacheTtlMs?: number; maxCacheBytes?: number } = {}) {
  const delivered: ChannelEvent[] = [];
  const broker = createMemoryBroker({
    receiver: { deliver: (event) => void delivered.push(event), terminate() {} },
    cacheTtlMs: options.cacheTtlMs ?? 60_000,
    maxCacheBytes: options.maxCacheBytes ?? 1_000_000,
  });
  return { broker, delivered };
}

function event(channel: string, data = "", appId = "app"): ChannelEvent {
  return { appId, channel, event: "e", dataJson: JSON.stringify(data) };
}

describe("memory broker", () => {
  it("delivers each event once, in order, and answers at once", () => {
    const { broker, delivered } = createBroker();
    const events = [event("a"), event("b"), event("a")];
    assert.deepEqual(broker.publish(events), { ok: true });
    assert.deepEqual(delivered, events);
  });

  it("delivers nothing that is to be relayed to other nodes: there are none", () => {
    const { broker, delivered } = createBroker();
    broker.relay(event("a"));
    assert.deepEqual(delivered, []);
  });

  it("keeps the last event of cache channels, for each app its own", async () => {
    const { broker } = createBroker();
    await broker.publish([event("cache-a", "1"), event("cache-a", "2"), event("a", "3")]);
    await broker.publish([event("cache-a", "other", "app2")]);
    const cached = await broker.lastEvent("app", "cache-a");
    assert.equal(cached?.event.dataJson, '"2"');
    assert.ok(cached.ttlMs > 50_000 && cached.ttlMs <= 60_000);
    assert.equal(await broker.lastEvent("app", "a"), null);
    assert.equal(await broker.lastEvent("app3", "cache-a"), null);
  });

  it("forgets it after its time", async () => {
    const { broker } = createBroker({ cacheTtlMs: 20 });
    await broker.publish([event("cache-a")]);
    await new Promise((resolve) => setTimeout(resolve, 60));
    assert.equal(await broker.lastEvent("app", "cache-a"), null);
  });

  it("K09: stays within its bound: what was used the longest ago goes first", async () => {
    const { broker } = createBroker({ maxCacheBytes: 10_000 });
    for (let i = 0; i < 50; i++) await broker.publish([event(`cache-${i}`, "x".repeat(1000))]);
    assert.equal(await broker.lastEvent("app", "cache-0"), null);
    assert.ok(await broker.lastEvent("app", "cache-49"));
  });

  it("C17: each app has that bound for itself: none pushes out another's", async () => {
    const { broker } = createBroker({ maxCacheBytes: 10_000 });
    await broker.publish([event("cache-a", "kept", "quiet")]);
    for (let i = 0; i < 50; i++) {
      await broker.publish([event(`cache-${i}`, "x".repeat(1000), "loud")]);
    }
    assert.ok(await broker.lastEvent("quiet", "cache-a"));
    assert.equal(await broker.lastEvent("loud", "cache-0"), null);
  });

  it("counts bytes, not characters", async () => {
    const { broker } = createBroker({ maxCacheBytes: 10_000 });
    await broker.publish([event("cache-first", "x")]);
    for (let i = 0; i < 3; i++) await broker.publish([event(`cache-${i}`, "€".repeat(1000))]);
    assert.equal(await broker.lastEvent("app", "cache-first"), null);
    assert.ok(await broker.lastEvent("app", "cache-2"));
  });

  it("an event that is too large to be kept takes the older one's place all the same", async () => {
    const { broker } = createBroker({ maxCacheBytes: 10_000 });
    await broker.publish([event("cache-a", "old"), event("cache-a", "x".repeat(20_000))]);
    assert.equal(await broker.lastEvent("app", "cache-a"), null);
  });
});
