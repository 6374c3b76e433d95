import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { sign } from "./signature.ts";
import { createTestNode, errorMessage } from "./testing/doubles.ts";

const event = { appId: "app-id", channel: "a", event: "e", dataJson: '"d"' };

describe("hub", () => {
  it("broadcasts to the channel's connections but the excluded one, and counts them", async () => {
    const node = createTestNode();
    const clients = [node.connect(), node.connect(), node.connect()];
    for (const client of clients) await client.subscribe("a");
    assert.equal(node.hub.broadcast({ ...event, exceptSocketId: clients[1]?.socketId ?? "" }), 2);
    assert.deepEqual(
      clients.map(({ transport }) => transport.take().length),
      [1, 0, 1],
    );
    assert.equal(node.hub.broadcast({ ...event, channel: "vacant" }), 0);
    assert.equal(node.hub.broadcast({ ...event, exceptSocketId: "9.9" }), 3);
  });

  it("encodes a broadcast once: every connection gets the very same frame", async () => {
    const node = createTestNode();
    const frames: unknown[] = [];
    for (let i = 0; i < 3; i++) {
      const client = node.connect();
      await client.subscribe("a");
      client.transport.send = (frame) => void frames.push(frame);
    }
    node.hub.broadcast(event);
    assert.equal(frames.length, 3);
    assert.equal(new Set(frames).size, 1);
  });

  it("G10: a channel ends with its last subscription", async () => {
    const node = createTestNode();
    const client = node.connect();
    await client.subscribe("a");
    assert.equal(node.hub.channel("a")?.connections.size, 1);
    client.disconnect();
    assert.equal(node.hub.channel("a"), undefined);
    assert.equal(node.hub.connectionCount, 0);
  });

  it("G09: counts connections with a subscription, each once", async () => {
    const node = createTestNode();
    const client = node.connect();
    node.connect();
    await client.subscribe("a");
    await client.subscribe("b");
    const { presence } = node.hub;
    assert.deepEqual(await presence.countConnections(), { ok: true, value: 1 });
    await client.say({ event: "pusher:unsubscribe", data: { channel: "a" } });
    assert.deepEqual(await presence.countConnections(), { ok: true, value: 1 });
    client.disconnect();
    assert.deepEqual(await presence.countConnections(), { ok: true, value: 0 });
  });

  it("T01, T02: terminate ends all connections of a user and nobody else's", async () => {
    const node = createTestNode();
    const [guest, present, both, signedIn] = [
      node.connect(),
      node.connect(),
      node.connect(),
      node.connect(),
    ];
    await guest.subscribe("news");
    await guest.subscribe("presence-room", '{"user_id":"1"}');
    await present.subscribe("presence-room", '{"user_id":456}');
    await both.subscribe("news");
    await both.subscribe("presence-room", '{"user_id":"456"}');
    const userData = '{"id":"456"}';
    const auth = `app-key:${sign("app-secret", `${signedIn.socketId}::user::${userData}`)}`;
    await signedIn.say({ event: "pusher:signin", data: { auth, user_data: userData } });
    guest.transport.take();
    node.hub.tick(0);

    assert.equal(node.hub.terminateUser("456"), 3);
    for (const { transport } of [present, both, signedIn]) {
      assert.equal(transport.closed?.code, 4009);
      assert.deepEqual(
        transport.take().at(-1),
        errorMessage(4009, "Connection terminated by the application"),
      );
    }
    assert.equal(guest.transport.closed, null);
    assert.deepEqual(
      guest.transport.take().map((message) => message["event"]),
      ["pusher_internal:member_removed"],
    );
    assert.equal(node.hub.connectionCount, 1);
    assert.equal(node.hub.terminateUser("456"), 0);
  });

  it("reports what it did, so that gauges return to zero", async () => {
    const node = createTestNode();
    const client = node.connect();
    await client.subscribe("a");
    await client.subscribe("a");
    await client.subscribe("b");
    client.disconnect();
    client.disconnect();
    assert.deepEqual(
      node.reports.events.map(({ kind }) => kind),
      [
        "connection_opened",
        "subscription_added",
        "subscription_added",
        "subscription_removed",
        "subscription_removed",
        "connection_closed",
      ],
    );
  });
});
