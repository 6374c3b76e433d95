import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { sign } from "./signature.ts";
import { createTestNode, errorMessage } from "./testing/doubles.ts";

function limitReached(channel: string, error: string) {
  const data = JSON.stringify({ type: "LimitReached", error, status: 403 });
  return { event: "pusher:subscription_error", data, channel };
}

describe("limits of an app", () => {
  it("L04: channels of a connection", () => {
    const node = createTestNode({ app: { maxChannelsPerConnection: 2 } });
    const client = node.connect();
    for (const channel of ["a", "b"]) client.subscribe(channel);
    const text = "Too many channels on this connection";
    assert.deepEqual(client.subscribe("c"), [errorMessage(4302, text), limitReached("c", text)]);
    assert.equal(client.subscribe("a").length, 1, "again is no further channel");
    assert.equal(client.transport.closed, null);
    client.say({ event: "pusher:unsubscribe", data: { channel: "a" } });
    assert.equal(client.subscribe("c")[0]?.["event"], "pusher_internal:subscription_succeeded");
    assert.equal(node.hub.channel("a"), undefined);
  });

  it("L05: members of a presence channel; a member's further connections are none", () => {
    const node = createTestNode({ app: { maxPresenceMembers: 2 } });
    const [one, two, three] = [node.connect(), node.connect(), node.connect()];
    one.subscribe("presence-a", '{"user_id":"1"}');
    two.subscribe("presence-a", '{"user_id":"2"}');
    one.transport.take();
    const text = "Presence channel is full";
    assert.deepEqual(three.subscribe("presence-a", '{"user_id":"3"}'), [
      errorMessage(4303, text),
      limitReached("presence-a", text),
    ]);
    assert.deepEqual(one.transport.take(), []);
    assert.equal(three.subscribe("presence-a", '{"user_id":"2"}').length, 1);
    assert.equal(three.subscribe("presence-b", '{"user_id":"3"}').length, 1);
  });

  it("L06: bytes of a member", () => {
    const node = createTestNode({ app: { maxPresenceMemberBytes: 30 } });
    const client = node.connect();
    const text = "Presence member is too large";
    const data = '{"user_id":"1","user_info":{"n":"ü"}}';
    assert.deepEqual(client.subscribe("presence-a", data), [
      errorMessage(4304, text),
      limitReached("presence-a", text),
    ]);
    assert.equal(node.hub.channel("presence-a"), undefined);
    assert.equal(client.subscribe("presence-a", '{"user_id":"1"}').length, 1);
  });

  it("L06: of one who is a member by signin too", () => {
    const node = createTestNode({ app: { maxPresenceMemberBytes: 100 } });
    const client = node.connect();
    const signIn = (info: string): unknown => {
      const userData = JSON.stringify({ id: "1", user_info: { n: info } });
      const text = `${client.socketId}::user::${userData}`;
      const auth = `${node.app.key}:${sign(node.app.secret, text)}`;
      return client.say({ event: "pusher:signin", data: { auth, user_data: userData } });
    };
    signIn("n".repeat(100));
    assert.deepEqual(
      client.subscribe("presence-a")[0],
      errorMessage(4304, "Presence member is too large"),
    );
    assert.equal(node.hub.channel("presence-a"), undefined);
    signIn("n");
    assert.equal(client.subscribe("presence-a").length, 1);
  });
});

describe("subscription counts", () => {
  function counts(messages: Record<string, unknown>[]) {
    return messages
      .filter(({ event }) => event === "pusher_internal:subscription_count")
      .map(({ data }) => JSON.parse(String(data)).subscription_count);
  }

  it("N10: are told to all subscribers of a channel, where the app wants it, once a tick", () => {
    const node = createTestNode({ app: { subscriptionCount: true } });
    const [one, two] = [node.connect(), node.connect()];
    one.subscribe("a");
    two.subscribe("private-a");
    one.subscribe("private-a");
    node.hub.tick(0);
    assert.deepEqual(counts(one.transport.take()), [1, 2]);
    assert.deepEqual(counts(two.transport.take()), [2]);
    node.hub.tick(1000);
    assert.deepEqual(counts(one.transport.take()), [], "nothing has changed");
    two.disconnect();
    node.hub.tick(2000);
    assert.deepEqual(counts(one.transport.take()), [1]);
  });

  it("N11: never on presence channels, and nowhere without the option", () => {
    const node = createTestNode({ app: { subscriptionCount: true } });
    const client = node.connect();
    client.subscribe("presence-a", '{"user_id":"1"}');
    node.hub.tick(0);
    assert.deepEqual(client.transport.take(), []);
    const silent = createTestNode();
    const other = silent.connect();
    other.subscribe("a");
    silent.hub.tick(0);
    assert.deepEqual(other.transport.take(), []);
  });

  it("N12: of more than 100 subscribers at most every five seconds", () => {
    const node = createTestNode({ app: { subscriptionCount: true } });
    const first = node.connect();
    first.subscribe("a");
    for (let i = 0; i < 100; i++) node.connect().subscribe("a");
    node.hub.tick(0);
    assert.deepEqual(counts(first.transport.take()), [101]);
    node.connect().subscribe("a");
    for (const nowMs of [1000, 4999]) node.hub.tick(nowMs);
    assert.deepEqual(counts(first.transport.take()), []);
    node.hub.tick(5000);
    assert.deepEqual(counts(first.transport.take()), [102]);
  });
});

describe("facts for webhooks", () => {
  it("W01: a channel occupied and vacated, members, client events, misses, counts and users, each once", () => {
    const node = createTestNode({ app: { subscriptionCount: true } });
    const [one, two] = [node.connect(), node.connect()];
    one.subscribe("presence-a", '{"user_id":7}');
    two.subscribe("presence-a", '{"user_id":"7"}');
    one.say({ event: "client-x", channel: "presence-a", data: { a: 1 } });
    one.say({ event: "client-y", channel: "presence-a", data: "text" });
    one.disconnect();
    two.disconnect();
    assert.deepEqual(node.told, [
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
    node.connect().subscribe("cache-a");
    await new Promise((resolve) => setImmediate(resolve));
    node.hub.tick(0);
    assert.deepEqual(node.told.slice(1), [
      { name: "cache_miss", channel: "cache-a" },
      { name: "subscription_count", channel: "cache-a", subscription_count: 1 },
    ]);
  });
});
