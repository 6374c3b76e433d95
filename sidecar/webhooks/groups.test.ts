import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import type { WebhookEvent } from "../core/ports.ts";
import type { SidecarEvent } from "../core/report.ts";
import { encodeEvent } from "./encoded-event.ts";
import { EndpointQueue, type QueueLimits } from "./endpoint-queue.ts";
import { groupOf, weights, type EventGroup } from "./groups.ts";
import { createFakeClock } from "./testing/fake-clock.ts";

/** The queue of an endpoint that takes nothing. */
function createRig(overrides: Partial<QueueLimits> = {}) {
  const clock = createFakeClock();
  const dropped: Record<string, number> = {};
  const queue = new EndpointQueue({
    limits: {
      batchWindowMs: 100,
      maxBatchEvents: 1_000_000,
      maxBatchBytes: 1_000_000_000,
      maxQueuedEvents: 900,
      maxQueuedBytes: 1_000_000_000,
      retry: { firstMs: 1_000, maxMs: 8_000, giveUpAfterMs: 60_000 },
      ...overrides,
    },
    app: { key: "k", secret: "s" },
    client: {
      post(body) {
        sent.push(...JSON.parse(body.toString()).events);
        return Promise.resolve({ ok: true, status: 200 });
      },
      close: () => undefined,
    },
    clock,
    random: () => 1,
    origin: { appId: "1", endpoint: "a.test:80" },
    report(event: SidecarEvent) {
      if (event.kind !== "webhook_dropped") return;
      dropped[event.reason] = (dropped[event.reason] ?? 0) + event.events;
    },
  });
  const sent: WebhookEvent[] = [];
  return {
    queue,
    dropped,
    push: (event: WebhookEvent) => queue.push(encodeEvent(event, 0)),
    /** All that would be delivered now. */
    take(): WebhookEvent[] {
      clock.advance(100);
      return sent.splice(0);
    },
  };
}

const joined = (user: number): WebhookEvent => ({
  name: "member_added",
  channel: "presence-room",
  user_id: String(user),
});
const whisper = (socketId: string, data = "x"): WebhookEvent => ({
  name: "client_event",
  channel: "private-a",
  event: "client-e",
  data,
  socket_id: socketId,
});

const floods: Record<string, (index: number) => WebhookEvent> = {
  "misses of empty cache channels": (index) => ({ name: "cache_miss", channel: `cache-${index}` }),
  "fresh public channels": (index) => ({ name: "channel_occupied", channel: `c${index}` }),
  "client events": (index) => whisper(String(index)),
  "private channels": (index) => ({ name: "channel_occupied", channel: `private-${index}` }),
  counts: (index) => ({ name: "subscription_count", channel: `c${index}`, subscription_count: 1 }),
};

describe("groups of events in a full queue", () => {
  for (const [what, flood] of Object.entries(floods)) {
    it(`W13: ${what} push out no member`, () => {
      const { push, take, dropped } = createRig();
      for (let index = 0; index < 5_000; index += 1) push(flood(index));
      for (let user = 0; user < 200; user += 1) push(joined(user));
      for (let index = 5_000; index < 10_000; index += 1) push(flood(index));
      const users = take().flatMap((event) => (event.name === "member_added" ? event.user_id : []));
      assert.deepEqual(
        users,
        Array.from({ length: 200 }, (_, user) => String(user)),
      );
      assert.deepEqual(dropped, { queue_full: 9_100, displaced: 200 });
    });
  }

  it("W13: by bytes as well: long client events push out no member", () => {
    const { push, take } = createRig({ maxQueuedBytes: 1_000_000 });
    for (let index = 0; index < 500; index += 1) push(whisper(String(index), "x".repeat(10_000)));
    for (let user = 0; user < 200; user += 1) push(joined(user));
    assert.equal(take().filter(({ name }) => name === "member_added").length, 200);
  });

  it("W13: a kind that is alone has the whole queue", () => {
    const { push, take, dropped } = createRig();
    for (let user = 0; user < 1_000; user += 1) push(joined(user));
    assert.deepEqual(dropped, { queue_full: 100 });
    assert.equal(take().length, 900);
  });

  it("W13: one connection's client events take a sixteenth of it, in events and in bytes", () => {
    const { push, take, dropped } = createRig({
      maxQueuedEvents: 1_600,
      maxQueuedBytes: 1_600_000,
    });
    for (let index = 0; index < 1_000; index += 1) push(whisper("1.1"));
    for (let index = 0; index < 1_000; index += 1) push(whisper("1.2", "x".repeat(10_000)));
    push(whisper("1.3"));
    const sent = take().map((event) => (event.name === "client_event" ? event.socket_id : ""));
    const count = (id: string) => sent.filter((socketId) => socketId === id).length;
    assert.deepEqual([count("1.1"), count("1.2"), count("1.3")], [100, 9, 1]);
    assert.deepEqual(dropped, { connection_limit: 1_891 });
  });

  it("W02: only the last of a channel's waiting misses and counts is sent", async () => {
    const { push, take, dropped } = createRig();
    for (let count = 1; count <= 20_000; count += 1) {
      push({ name: "cache_miss", channel: "cache-a" });
      push({ name: "subscription_count", channel: "a", subscription_count: count });
    }
    assert.deepEqual(take(), [
      { name: "cache_miss", channel: "cache-a" },
      { name: "subscription_count", channel: "a", subscription_count: 20_000 },
    ]);
    assert.deepEqual(dropped, {});
    await new Promise(setImmediate);
    push({ name: "cache_miss", channel: "cache-a" });
    assert.equal(take().length, 1, "one that follows it is sent again");
  });

  it("W13: no group within its share loses an event, whatever the others do; order is kept", () => {
    const names: readonly WebhookEvent["name"][] = [
      "member_added",
      "channel_occupied",
      "client_event",
      "cache_miss",
    ];
    const maxQueuedEvents = 90;
    const whole = Object.values(weights).reduce((sum, weight) => sum + weight, 0);
    fc.assert(
      fc.property(
        fc.array(
          fc.tuple(fc.constantFrom(...names), fc.boolean(), fc.integer({ min: 1, max: 30 })),
          { maxLength: 60, size: "max" },
        ),
        (bursts) => {
          const { push, take } = createRig({ maxQueuedEvents });
          let serial = 0;
          const pushed: WebhookEvent[] = [];
          for (const [name, isPublic, count] of bursts) {
            for (let index = 0; index < count; index += 1) {
              pushed.push(make(name, isPublic ? "a" : "private-a", (serial += 1)));
            }
          }
          for (const event of pushed) push(event);
          const sent = take();
          assert.ok(sent.length <= maxQueuedEvents);
          const order = sent.map((event) => pushed.findIndex((one) => isSame(one, event)));
          assert.deepEqual(
            order,
            order.toSorted((a, b) => a - b),
          );
          const of = (events: readonly WebhookEvent[], group: EventGroup) =>
            events.filter((event) => groupOf(event) === group).length;
          for (const [group, weight] of Object.entries(weights)) {
            if (!isGroup(group)) continue;
            const share = Math.floor((maxQueuedEvents * weight) / whole);
            const wanted = of(pushed, group);
            assert.ok(of(sent, group) >= Math.min(wanted, share), `${group}: ${of(sent, group)}`);
          }
        },
      ),
      { numRuns: 300 },
    );
  });
});

const isGroup = (text: string): text is EventGroup => Object.hasOwn(weights, text);
const isSame = (a: WebhookEvent, b: WebhookEvent) => JSON.stringify(a) === JSON.stringify(b);

/** An event that no other one equals. */
function make(name: WebhookEvent["name"], prefix: string, serial: number): WebhookEvent {
  switch (name) {
    case "member_added":
      return joined(serial);
    case "client_event":
      return whisper(String(serial));
    case "cache_miss":
      return { name, channel: `cache-${serial}` };
    default:
      return { name: "channel_occupied", channel: `${prefix}${serial}` };
  }
}
