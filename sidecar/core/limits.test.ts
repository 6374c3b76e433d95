import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { sign } from "./signature.ts";
import { createTestNode, errorMessage, refusalMessage } from "./testing/doubles.ts";

function limitReached(channel: string, error: string) {
  return refusalMessage({ type: "LimitReached", error, status: 403 }, channel);
}

describe("limits of an app", () => {
  it("L04: channels of a connection", async () => {
    const node = createTestNode({ app: { maxChannelsPerConnection: 2 } });
    const client = node.connect();
    for (const channel of ["a", "b"]) await client.subscribe(channel);
    const text = "Too many channels on this connection";
    assert.deepEqual(await client.subscribe("c"), [
      errorMessage(4302, text),
      limitReached("c", text),
    ]);
    assert.equal((await client.subscribe("a")).length, 1, "again is no further channel");
    assert.equal(client.transport.closed, null);
    await client.say({ event: "pusher:unsubscribe", data: { channel: "a" } });
    assert.equal(
      (await client.subscribe("c"))[0]?.["event"],
      "pusher_internal:subscription_succeeded",
    );
    assert.equal(node.hub.channel("a"), undefined);
  });

  it("L09: subscriptions of the node, all apps and connections together", async () => {
    const node = createTestNode({ maxSubscriptions: 3 });
    const [one, two] = [node.connect(), node.connect()];
    for (const channel of ["a", "b"]) await one.subscribe(channel);
    await two.subscribe("a");
    const text = "Server is over capacity";
    assert.deepEqual(await two.subscribe("b"), [
      errorMessage(4100, text),
      refusalMessage({ type: "LimitReached", error: text, status: 503 }, "b"),
    ]);
    assert.equal(two.transport.closed, null);
    assert.equal((await two.subscribe("a")).length, 1, "again is no further subscription");
    one.disconnect();
    assert.equal((await two.subscribe("b")).length, 1);
    await two.say({ event: "pusher:unsubscribe", data: { channel: "b" } });
    await two.subscribe("c");
    assert.equal((await two.subscribe("d")).length, 1);
    assert.equal((await two.subscribe("e")).length, 2);
  });

  it("L09: a subscription that is refused, cancelled or replaced gives its place back", async () => {
    const node = createTestNode({ maxSubscriptions: 2, app: { maxPresenceMembers: 1 } });
    const [one, two] = [node.connect(), node.connect()];
    await one.subscribe("presence-a", '{"user_id":"1"}');
    for (let i = 0; i < 3; i++) await two.subscribe("presence-a", '{"user_id":"2"}');
    for (let i = 0; i < 5; i++) {
      two.write(two.signed("private-b"));
      two.write({ event: "pusher:unsubscribe", data: { channel: "private-b" } });
    }
    node.hub.tick(0);
    await one.subscribe("presence-a", '{"user_id":"3"}');
    two.transport.take();
    assert.equal((await two.subscribe("private-b")).length, 1);
  });

  it("L05: members of a presence channel; a member's further connections are none", async () => {
    const node = createTestNode({ app: { maxPresenceMembers: 2 } });
    const [one, two, three] = [node.connect(), node.connect(), node.connect()];
    await one.subscribe("presence-a", '{"user_id":"1"}');
    await two.subscribe("presence-a", '{"user_id":"2"}');
    one.transport.take();
    const text = "Presence channel is full";
    assert.deepEqual(await three.subscribe("presence-a", '{"user_id":"3"}'), [
      errorMessage(4303, text),
      limitReached("presence-a", text),
    ]);
    assert.deepEqual(one.transport.take(), []);
    assert.equal((await three.subscribe("presence-a", '{"user_id":"2"}')).length, 1);
    assert.equal((await three.subscribe("presence-b", '{"user_id":"3"}')).length, 1);
  });

  it("L06: bytes of a member", async () => {
    const node = createTestNode({ app: { maxPresenceMemberBytes: 30 } });
    const client = node.connect();
    const text = "Presence member is too large";
    const data = '{"user_id":"1","user_info":{"n":"ü"}}';
    assert.deepEqual(await client.subscribe("presence-a", data), [
      errorMessage(4304, text),
      limitReached("presence-a", text),
    ]);
    assert.equal(node.hub.channel("presence-a"), undefined);
    assert.equal((await client.subscribe("presence-a", '{"user_id":"1"}')).length, 1);
  });

  it("L06: of one who is a member by signin too", async () => {
    const node = createTestNode({ app: { maxPresenceMemberBytes: 100 } });
    const client = node.connect();
    const signIn = (info: string): Promise<unknown> => {
      const userData = JSON.stringify({ id: "1", user_info: { n: info } });
      const text = `${client.socketId}::user::${userData}`;
      const auth = `${node.app.key}:${sign(node.app.secret, text)}`;
      return client.say({ event: "pusher:signin", data: { auth, user_data: userData } });
    };
    await signIn("n".repeat(100));
    assert.deepEqual(
      (await client.subscribe("presence-a"))[0],
      errorMessage(4304, "Presence member is too large"),
    );
    assert.equal(node.hub.channel("presence-a"), undefined);
    await signIn("n");
    assert.equal((await client.subscribe("presence-a")).length, 1);
  });
});

describe("subscription counts", () => {
  function counts(messages: Record<string, unknown>[]) {
    return messages
      .filter(({ event }) => event === "pusher_internal:subscription_count")
      .map(({ data }) => JSON.parse(String(data)).subscription_count);
  }

  it("N10: are sent to all subscribers of a channel, where the app wants it, once a tick", async () => {
    const node = createTestNode({ app: { subscriptionCount: true } });
    const [one, two] = [node.connect(), node.connect()];
    await one.subscribe("a");
    await two.subscribe("private-a");
    await one.subscribe("private-a");
    node.hub.tick(0);
    assert.deepEqual(counts(one.transport.take()), [1, 2]);
    assert.deepEqual(counts(two.transport.take()), [2]);
    node.hub.tick(1000);
    assert.deepEqual(counts(one.transport.take()), [], "nothing has changed");
    two.disconnect();
    node.hub.tick(2000);
    assert.deepEqual(counts(one.transport.take()), [1]);
  });

  it("N11: never on presence channels, and nowhere without the option", async () => {
    const node = createTestNode({ app: { subscriptionCount: true } });
    const client = node.connect();
    await client.subscribe("presence-a", '{"user_id":"1"}');
    node.hub.tick(0);
    assert.deepEqual(client.transport.take(), []);
    const silent = createTestNode();
    const other = silent.connect();
    await other.subscribe("a");
    silent.hub.tick(0);
    assert.deepEqual(other.transport.take(), []);
  });

  it("N12: of more than 100 subscribers at most every five seconds", async () => {
    const node = createTestNode({ app: { subscriptionCount: true } });
    const first = node.connect();
    await first.subscribe("a");
    for (let i = 0; i < 100; i++) await node.connect().subscribe("a");
    node.hub.tick(0);
    assert.deepEqual(counts(first.transport.take()), [101]);
    await node.connect().subscribe("a");
    for (const nowMs of [1000, 4999]) node.hub.tick(nowMs);
    assert.deepEqual(counts(first.transport.take()), []);
    node.hub.tick(5000);
    assert.deepEqual(counts(first.transport.take()), [102]);
  });
});

describe("events for webhooks", () => {
  it("W01: a channel occupied and vacated, members, client events, misses, counts and users, each once", async () => {
    const node = createTestNode({ app: { subscriptionCount: true } });
    const [one, two] = [node.connect(), node.connect()];
    await one.subscribe("presence-a", '{"user_id":7}');
    await two.subscribe("presence-a", '{"user_id":"7"}');
    await one.say({ event: "client-x", channel: "presence-a", data: { a: 1 } });
    await one.say({ event: "client-y", channel: "presence-a", data: "text" });
    one.disconnect();
    two.disconnect();
    assert.deepEqual(node.webhookEvents, [
      { name: "channel_occupied", channel: "presence-a" },
      { name: "member_added", channel: "presence-a", user_id: "7" },
      {
        name: "client_event",
        channel: "presence-a",
        event: "client-x",
        data: '{"a":1}',
        socket_id: one.socketId,
        user_id: "7",
      },
      {
        name: "client_event",
        channel: "presence-a",
        event: "client-y",
        data: "text",
        socket_id: one.socketId,
        user_id: "7",
      },
      { name: "member_removed", channel: "presence-a", user_id: "7" },
      { name: "channel_vacated", channel: "presence-a" },
    ]);
  });

  it("W02: a miss of a cache channel, and a subscription count", async () => {
    const node = createTestNode({ app: { subscriptionCount: true } });
    await node.connect().subscribe("cache-a");
    await new Promise((resolve) => setImmediate(resolve));
    node.hub.tick(0);
    assert.deepEqual(node.webhookEvents.slice(1), [
      { name: "cache_miss", channel: "cache-a" },
      { name: "subscription_count", channel: "cache-a", subscription_count: 1 },
    ]);
  });
});
