/** An endpoint's queue over random schedules: events come, and the endpoint answers, fails and hangs. */

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import type { Delivery } from "./deliver.ts";
import { EndpointQueue } from "./endpoint-queue.ts";
import type { EventGroup } from "./groups.ts";
import { plain } from "./testing/events.ts";
import { createFakeClock } from "./testing/fake-clock.ts";

const maxQueuedEvents = 12;
const maxQueuedBytes = 400;
const retry = { firstMs: 500, maxMs: 4_000, giveUpAfterMs: 10_000 };
const deliveries: Readonly<Record<"succeed" | "fail", Delivery>> = {
  succeed: { ok: true, status: 200 },
  fail: { ok: false, fault: { kind: "status", status: 500 } },
};

const step = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({
      do: fc.constant("push" as const),
      group: fc.constantFrom<EventGroup>("members", "channels", "client_events", "hints"),
      bytes: fc.integer({ min: 1, max: 90 }),
      of: fc.nat(2),
    }),
  },
  { weight: 4, arbitrary: fc.record({ do: fc.constant("pass" as const), ms: fc.nat(1_500) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("pass" as const), ms: fc.nat(12_000) }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant("succeed" as const) }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant("fail" as const) }) },
);
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;

/** How often a schedule came to what is hard to come to. */
const reached = new Map<string, number>();
const reach = (what: string): void => void reached.set(what, (reached.get(what) ?? 0) + 1);
const wanted = ["queue_full", "displaced", "gave_up", "connection_limit", "superseded"];

async function play(steps: readonly Step[], isDrained: boolean): Promise<void> {
  const clock = createFakeClock();
  const attempts: { readonly events: readonly number[]; end: (delivery: Delivery) => void }[] = [];
  let underWay = 0;
  /** Events that have come, and what became of them. */
  const counts = { pushed: 0, delivered: 0, dropped: 0, superseded: 0 };
  const delivered: number[] = [];
  /** These take the place of one that came before. */
  const hints = new Set<number>();
  const queue = new EndpointQueue({
    limits: {
      batchWindowMs: 100,
      maxBatchEvents: 4,
      maxBatchBytes: 150,
      maxQueuedEvents,
      maxQueuedBytes,
      retry,
    },
    app: { key: "k", secret: "s" },
    client: {
      async post(body) {
        underWay += 1;
        assert.equal(underWay, 1, "one request at a time");
        const { events } = JSON.parse(body.toString());
        const { promise, resolve } = Promise.withResolvers<Delivery>();
        attempts.push({ events, end: resolve });
        const delivery = await promise;
        underWay -= 1;
        if (delivery.ok) delivered.push(...events);
        return delivery;
      },
      close: () => undefined,
    },
    clock,
    random: () => 1,
    origin: { appId: "1", endpoint: "a.test:80" },
    report(event) {
      if (event.kind === "webhook_delivered") counts.delivered += event.events;
      if (event.kind !== "webhook_dropped") return;
      counts.dropped += event.events;
      reach(event.reason);
    },
  });
  const ended = (): number => counts.delivered + counts.dropped + counts.superseded;

  function push({ group, bytes, of }: Extract<Step, { do: "push" }>): void {
    const before = ended() + queue.depth;
    counts.pushed += 1;
    if (group === "hints") hints.add(counts.pushed);
    queue.push({
      ...plain,
      json: String(counts.pushed),
      group,
      bytes,
      socketId: group === "client_events" ? `1.${of}` : null,
      key: group === "hints" ? `hint ${of}` : null,
    });
    if (group === "hints" && ended() + queue.depth === before) {
      counts.superseded += 1;
      reach("superseded");
    }
  }

  async function end(delivery: Delivery): Promise<void> {
    if (underWay > 0) attempts.at(-1)?.end(delivery);
    await settle();
  }

  for (const each of steps) {
    if (each.do === "push") push(each);
    else if (each.do === "pass") clock.advance(each.ms);
    else await end(deliveries[each.do]);
    assert.equal(ended() + queue.depth, counts.pushed, "each ends once, or waits");
    assert.ok(queue.depth <= maxQueuedEvents);
  }
  const drained = isDrained ? queue.drain() : null;
  for (let more = 0; queue.depth > 0; more += 1) {
    assert.ok(more < 100, "all that waits is sent");
    clock.advance(retry.maxMs);
    await end(deliveries.succeed);
  }
  await drained;
  clock.advance(retry.maxMs);
  assert.equal(clock.timers, 0);
  assert.equal(ended(), counts.pushed);
  assert.equal(new Set(delivered).size, delivered.length, "none is delivered twice");
  const inOrder = delivered.filter((event) => !hints.has(event));
  assert.deepEqual(
    inOrder,
    inOrder.toSorted((a, b) => a - b),
  );
}

const settle = () => new Promise<void>((resolve) => setImmediate(resolve));

describe("EndpointQueue, over random schedules (property)", () => {
  it("W05: each event ends once: delivered, dropped with its reason, or its place taken by a later one", async () => {
    const steps = fc.array(step, { maxLength: 120, size: "max" });
    await fc.assert(fc.asyncProperty(steps, fc.boolean(), play), { numRuns: 200 });
    for (const what of wanted) assert.ok((reached.get(what) ?? 0) > 0, what);
  });
});
