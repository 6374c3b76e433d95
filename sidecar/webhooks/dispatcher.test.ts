import assert from "node:assert/strict";
import { createHmac } from "node:crypto";
import { describe, it, type TestContext } from "node:test";
import Pusher from "pusher";
import type { WebhookEvent } from "../core/ports.ts";
import type { SidecarEvent } from "../core/report.ts";
import { systemClock } from "./clock.ts";
import {
  createWebhookDispatcher,
  type WebhookDispatcherOptions,
  type WebhookEndpoint,
} from "./dispatcher.ts";
import { answer, findDeadPort, silence, startEndpoint, type Received } from "./testing/endpoint.ts";
import { createFakeClock, startUnixMs } from "./testing/fake-clock.ts";

const secret = "app-secret";
const occupied: WebhookEvent = { name: "channel_occupied", channel: "presence-a" };
const added: WebhookEvent = { name: "member_added", channel: "presence-a", user_id: "7" };
const clientEvent: WebhookEvent = {
  name: "client_event",
  channel: "presence-a",
  event: "client-typing",
  data: '{"text":"Grüße \\u2028 🦊"}',
  socket_id: "123.456",
  user_id: "7",
};
const connected: WebhookEvent = { name: "user_connected", user_id: "7" };
const events: WebhookEvent[] = [
  occupied,
  added,
  clientEvent,
  { name: "subscription_count", channel: "a", subscription_count: 3 },
  { name: "cache_miss", channel: "cache-a" },
  connected,
];

const endpointAt = (url: string, rest: Partial<WebhookEndpoint> = {}): WebhookEndpoint => ({
  url,
  events: null,
  channelPrefix: null,
  secret,
  ...rest,
});

function createRig(
  test: TestContext,
  endpoints: readonly WebhookEndpoint[],
  overrides: Partial<WebhookDispatcherOptions> = {},
) {
  const clock = createFakeClock();
  const log: string[] = [];
  const waiting = new Set<() => void>();
  const write = (line: string) => {
    log.push(line);
    for (const look of waiting) look();
  };
  const dispatcher = createWebhookDispatcher({
    apps: [{ id: "1", key: "app-key", endpoints }],
    upstream: null,
    batchWindowMs: 100,
    maxBatchEvents: 100,
    maxBatchBytes: 262_144,
    maxQueuedEvents: 1_000,
    maxQueuedBytes: 1_048_576,
    graceMs: 3_000,
    timeoutMs: 5_000,
    retry: { firstMs: 1_000, maxMs: 8_000, giveUpAfterMs: 60_000 },
    clock,
    random: () => 1,
    report: (event) => write(textOf(event)),
    ...overrides,
  });
  test.after(() => dispatcher.close());

  return {
    clock,
    dispatcher,
    log,
    /** Resolves once so many lines were logged. */
    logged(count: number): Promise<void> {
      const { promise, resolve } = Promise.withResolvers<void>();
      const look = () => void (log.length >= count && resolve());
      waiting.add(look);
      look();
      return promise;
    },
  };
}

function textOf(event: SidecarEvent): string {
  switch (event.kind) {
    case "webhook_dropped":
      return `${event.appId}: ${event.events} ${event.reason}`;
    case "webhook_delivered":
      return `${event.appId}: ${event.events} delivered ${event.status}`;
    case "webhook_failed":
      return `${event.appId}: ${event.events} ${event.fault.kind} retry ${event.retryInMs}`;
    default:
      return event.kind;
  }
}

const namesIn = ({ body }: Received): string[] =>
  JSON.parse(body).events.map(({ name }: WebhookEvent) => name);

describe("createWebhookDispatcher", () => {
  it("W03: the official SDK takes what is received for valid, and reads it", async (test) => {
    const endpoint = await startEndpoint(test);
    const { dispatcher, clock, logged } = createRig(test, [endpointAt(endpoint.url)]);
    clock.advance(10);
    for (const event of events) {
      dispatcher.notify("1", event);
      clock.advance(1);
    }
    clock.advance(100);
    await logged(1);
    assert.equal(endpoint.received.length, 1);
    const { headers, body: rawBody } = endpoint.request(1);

    const host = "127.0.0.1";
    const pusher = new Pusher({ appId: "1", key: "app-key", secret, host });
    const webhook = pusher.webhook({ headers, rawBody });
    assert.ok(webhook.isContentTypeValid());
    assert.ok(webhook.isValid());
    assert.equal(webhook.getTime().getTime(), startUnixMs + 10);
    assert.deepEqual(webhook.getEvents(), events);

    const changed = { headers, rawBody: rawBody.replace("typing", "tapping") };
    assert.ok(!pusher.webhook(changed).isValid());
    const other = new Pusher({ appId: "1", key: "app-key", secret: "other", host });
    assert.ok(!other.webhook({ headers, rawBody }).isValid());
  });

  it("W03: an endpoint's own secret signs its bodies", async (test) => {
    const endpoint = await startEndpoint(test);
    const { dispatcher, clock, logged } = createRig(test, [
      endpointAt(endpoint.url, { secret: "its-own" }),
    ]);
    dispatcher.notify("1", occupied);
    clock.advance(100);
    await logged(1);
    const { headers, body } = endpoint.request(1);
    const signature = createHmac("sha256", "its-own").update(body).digest("hex");
    assert.equal(headers["x-pusher-signature"], signature);
  });

  it("W04: time_ms of an end that was delayed is when it happened", async (test) => {
    const endpoint = await startEndpoint(test);
    const { dispatcher, clock, logged } = createRig(test, [endpointAt(endpoint.url)]);
    clock.advance(50);
    dispatcher.notify("1", { name: "channel_vacated", channel: "a" });
    clock.advance(2_990);
    dispatcher.notify("1", { name: "cache_miss", channel: "cache-a" });
    clock.advance(100);
    await logged(1);
    const body = JSON.parse(endpoint.request(1).body);
    assert.equal(body.time_ms, startUnixMs + 50);
    assert.deepEqual(namesIn(endpoint.request(1)), ["cache_miss", "channel_vacated"]);
  });

  it("W04: a reload is sent to nobody, whatever half of it they want", async (test) => {
    const endpoint = await startEndpoint(test);
    const only = (name: WebhookEvent["name"]) =>
      endpointAt(`${endpoint.url}/${name}`, { events: new Set([name]) });
    const { dispatcher, clock } = createRig(test, [
      only("channel_vacated"),
      only("channel_occupied"),
    ]);
    dispatcher.notify("1", { name: "channel_vacated", channel: "a" });
    clock.advance(1_000);
    dispatcher.notify("1", { name: "channel_occupied", channel: "a" });
    clock.advance(10_000);
    assert.equal(dispatcher.queueDepth("1"), 0);
    assert.equal(clock.timers, 0);
  });

  it("W05: an endpoint that hangs and one that is dead slow nobody else", async (test) => {
    const hanging = await startEndpoint(test, [silence]);
    const healthy = await startEndpoint(test);
    const dead = `http://127.0.0.1:${await findDeadPort()}/`;
    const urls = [hanging.url, dead, healthy.url];
    const { dispatcher, clock, log, logged } = createRig(
      test,
      urls.map((url) => endpointAt(url)),
    );
    for (let i = 1; i <= 3; i++) {
      dispatcher.notify("1", { name: "cache_miss", channel: `cache-${i}` });
      clock.advance(100);
      await healthy.receives(i);
      // Its delivery, and in the first turn the other's failure; that one is tried again after a second.
      await logged(i + 1);
    }
    assert.deepEqual(log.toSorted(), [
      "1: 1 connection retry 1000",
      ...Array<string>(3).fill("1: 1 delivered 200"),
    ]);
    assert.equal(hanging.received.length, 1);
    assert.equal(dispatcher.queueDepth("1"), 6);
  });

  it("W06: a failed batch comes again as the same bytes, before what came after it", async (test) => {
    const endpoint = await startEndpoint(test, [answer(500), answer(302), answer(200)]);
    const { dispatcher, clock, log, logged } = createRig(test, [endpointAt(endpoint.url)]);
    dispatcher.notify("1", occupied);
    clock.advance(100);
    await logged(1);
    dispatcher.notify("1", added);
    clock.advance(1_000);
    await logged(2);
    clock.advance(2_000);
    await logged(3);
    clock.advance(0);
    await logged(4);
    const [first, second, third] = endpoint.received;
    assert.equal(first?.body, second?.body);
    assert.equal(first?.body, third?.body);
    assert.equal(first?.headers["x-pusher-signature"], third?.headers["x-pusher-signature"]);
    assert.deepEqual(namesIn(endpoint.request(4)), ["member_added"]);
    assert.deepEqual(log, [
      "1: 1 status retry 1000",
      "1: 1 status retry 2000",
      "1: 1 delivered 200",
      "1: 1 delivered 200",
    ]);
  });

  it("W06: no answer in time is a failure like any other", async (test) => {
    const endpoint = await startEndpoint(test, [silence, answer(200)]);
    const { dispatcher, clock, log, logged } = createRig(test, [endpointAt(endpoint.url)]);
    dispatcher.notify("1", occupied);
    clock.advance(100);
    await endpoint.receives(1);
    clock.advance(5_000);
    await logged(1);
    clock.advance(1_000);
    await logged(2);
    assert.deepEqual(log, ["1: 1 timeout retry 1000", "1: 1 delivered 200"]);
    assert.equal(endpoint.received[0]?.body, endpoint.received[1]?.body);
  });

  it("W12: two endpoints at one host are distinguished by their place in the list", async (test) => {
    const endpoint = await startEndpoint(test, [answer(200), answer(200)]);
    const reported: SidecarEvent[] = [];
    const { dispatcher } = createRig(test, [endpointAt(endpoint.url), endpointAt(endpoint.url)], {
      clock: systemClock,
      batchWindowMs: 0,
      report: (event) => reported.push(event),
    });
    dispatcher.notify("1", occupied);
    await endpoint.receives(2);
    await dispatcher.flush(10_000);
    const host = `127.0.0.1:${endpoint.port}`;
    assert.deepEqual(
      reported.map((event) => ("endpoint" in event ? event.endpoint : event.kind)).toSorted(),
      [`${host} (1)`, `${host} (2)`],
    );
  });

  it("W07: events that do not fit are dropped and counted for their endpoint, and the rest arrives", async (test) => {
    const endpoint = await startEndpoint(test);
    const { dispatcher, clock, log, logged } = createRig(
      test,
      [endpointAt(endpoint.url), endpointAt(endpoint.url, { events: new Set() })],
      { maxQueuedEvents: 2 },
    );
    for (const event of events.slice(0, 3)) dispatcher.notify("1", event);
    assert.deepEqual(log, ["1: 1 queue_full"]);
    assert.equal(dispatcher.queueDepth("1"), 2);
    clock.advance(100);
    await logged(2);
    assert.deepEqual(namesIn(endpoint.request(1)), ["channel_occupied", "member_added"]);
  });

  it("W14: one client that misses one cache ten thousand times is one event", async (test) => {
    const endpoint = await startEndpoint(test);
    const { dispatcher, clock, log, logged } = createRig(test, [endpointAt(endpoint.url)]);
    const miss: WebhookEvent = { name: "cache_miss", channel: "cache-a" };
    for (let index = 0; index < 10_000; index += 1) dispatcher.notify("1", miss);
    clock.advance(100);
    await logged(1);
    dispatcher.notify("1", miss);
    clock.advance(4_000);
    assert.deepEqual(log, ["1: 1 delivered 200"]);
    clock.advance(1_000);
    dispatcher.notify("1", miss);
    clock.advance(100);
    await logged(2);
    assert.deepEqual(endpoint.received.map(namesIn), [["cache_miss"], ["cache_miss"]]);
  });

  it("W08: each endpoint gets what it asked for", async (test) => {
    const all = await startEndpoint(test);
    const some = await startEndpoint(test);
    const { dispatcher, clock, logged } = createRig(test, [
      endpointAt(all.url),
      endpointAt(some.url, {
        events: new Set(["channel_occupied", "user_connected"]),
        channelPrefix: "presence-",
      }),
    ]);
    for (const event of events) dispatcher.notify("1", event);
    dispatcher.notify("1", { name: "channel_occupied", channel: "a" });
    clock.advance(100);
    await logged(2);
    assert.equal(namesIn(all.request(1)).length, events.length + 1);
    assert.deepEqual(JSON.parse(some.request(1).body).events, [occupied, connected]);
  });

  it("W08: an event that no endpoint wants is not delayed either", (test) => {
    const url = "http://127.0.0.1:9/";
    const { dispatcher, clock } = createRig(test, [
      endpointAt(url, { events: new Set(["cache_miss"]) }),
      endpointAt(url, { channelPrefix: "presence-" }),
    ]);
    dispatcher.notify("1", { name: "channel_vacated", channel: "a" });
    assert.equal(clock.timers, 0);
    dispatcher.notify("1", { name: "channel_vacated", channel: "presence-a" });
    assert.equal(clock.timers, 1);
  });

  it("W09: a path is posted to the upstream", async (test) => {
    const app = await startEndpoint(test);
    const { dispatcher, clock, logged } = createRig(test, [endpointAt("/webhooks/pusher")], {
      upstream: { kind: "tcp", host: "127.0.0.1", port: app.port },
    });
    dispatcher.notify("1", occupied);
    clock.advance(100);
    await logged(1);
    assert.equal(app.received[0]?.url, "/webhooks/pusher");
  });

  it("W10: apps get only their own events; one without endpoints, or unknown, costs nothing", async (test) => {
    const endpoint = await startEndpoint(test);
    const { dispatcher, clock, logged } = createRig(test, [], {
      apps: [
        { id: "1", key: "key-1", endpoints: [endpointAt(endpoint.url)] },
        { id: "2", key: "key-2", endpoints: [endpointAt(endpoint.url)] },
        { id: "3", key: "key-3", endpoints: [] },
      ],
    });
    // The same channel is another one in the other app: nothing is undone.
    dispatcher.notify("1", { name: "channel_vacated", channel: "a" });
    for (const appId of ["2", "3", "4"]) {
      dispatcher.notify(appId, { name: "channel_occupied", channel: "a" });
    }
    clock.advance(100);
    await logged(1);
    clock.advance(3_000);
    await logged(2);
    const seen = endpoint.received.map((one) => `${one.headers["x-pusher-key"]} ${namesIn(one)}`);
    assert.deepEqual(seen, ["key-2 channel_occupied", "key-1 channel_vacated"]);
    assert.equal(clock.timers, 0);
  });

  it("W11: flush sends what waits and what is in grace, and ends the dispatcher", async (test) => {
    const endpoint = await startEndpoint(test);
    const { dispatcher, clock, log } = createRig(test, [endpointAt(endpoint.url)]);
    dispatcher.notify("1", { name: "channel_vacated", channel: "a" });
    dispatcher.notify("1", { name: "cache_miss", channel: "cache-a" });
    const flushed = dispatcher.flush(5_000);
    assert.equal(dispatcher.flush(1), flushed);
    await flushed;
    assert.deepEqual(namesIn(endpoint.request(1)), ["cache_miss", "channel_vacated"]);
    assert.equal(dispatcher.queueDepth("1"), 0);
    assert.equal(clock.timers, 0);
    dispatcher.notify("1", { name: "channel_vacated", channel: "b" });
    assert.deepEqual(log, ["1: 2 delivered 200", "1: 1 shutdown"]);
  });

  it("W11: events that an endpoint does not take in time are dropped as shutdown; the other endpoints get all of them", async (test) => {
    const hanging = await startEndpoint(test, [silence]);
    const healthy = await startEndpoint(test);
    const { dispatcher, clock, log, logged } = createRig(test, [
      endpointAt(hanging.url),
      endpointAt(healthy.url),
    ]);
    for (const event of events) dispatcher.notify("1", event);
    const flushed = dispatcher.flush(2_000);
    await Promise.all([hanging.receives(1), logged(1)]);
    clock.advance(2_000);
    await flushed;
    assert.deepEqual(log, ["1: 6 delivered 200", "1: 6 shutdown"]);
    assert.equal(dispatcher.queueDepth("1"), 0);
  });

  it("W11: flush tries a failed batch again within its time", async (test) => {
    const endpoint = await startEndpoint(test, [answer(503), answer(200)]);
    const { dispatcher, clock, log, logged } = createRig(test, [endpointAt(endpoint.url)]);
    dispatcher.notify("1", occupied);
    const flushed = dispatcher.flush(5_000);
    await logged(1);
    clock.advance(1_000);
    await flushed;
    assert.deepEqual(log, ["1: 1 status retry 1000", "1: 1 delivered 200"]);
  });

  it("W11: close() drops all at once and counts it, grace included, for each that wanted it", (test) => {
    const { dispatcher, clock, log } = createRig(test, [
      endpointAt("http://127.0.0.1:9/"),
      endpointAt("http://127.0.0.1:9/", { events: new Set(["channel_occupied"]) }),
    ]);
    dispatcher.notify("1", { name: "channel_occupied", channel: "a" });
    dispatcher.notify("1", { name: "channel_vacated", channel: "a" });
    dispatcher.close();
    dispatcher.close();
    assert.deepEqual(log, ["1: 1 shutdown", "1: 1 shutdown", "1: 1 shutdown"]);
    assert.equal(clock.timers, 0);
  });

  it("W12: the log gets an endpoint's host, not its path, query or password", async (test) => {
    const endpoint = await startEndpoint(test, [answer(500), answer(200)]);
    const reported: object[] = [];
    const url = `http://me:hush@127.0.0.1:${endpoint.port}/hush?token=hush`;
    const { dispatcher } = createRig(test, [endpointAt(url)], {
      clock: systemClock,
      batchWindowMs: 0,
      retry: { firstMs: 1, maxMs: 1, giveUpAfterMs: 60_000 },
      report: (event) => reported.push(event),
    });
    dispatcher.notify("1", occupied);
    await endpoint.receives(2);
    await dispatcher.flush(10_000);
    assert.equal(reported.length, 2);
    assert.doesNotMatch(JSON.stringify(reported), /hush/);
    assert.match(JSON.stringify(reported), new RegExp(`127.0.0.1:${endpoint.port}`));
  });

  it("W12: a URL that is none is an error that does not repeat it", (test) => {
    assert.throws(
      () => createRig(test, [endpointAt("hush")]),
      /^Error: a webhook URL of app 1 is neither/,
    );
    assert.throws(() => createRig(test, [endpointAt("/hush")]), /there is no upstream$/);
  });
});
