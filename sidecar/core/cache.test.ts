import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { CachedEvent } from "./ports.ts";
import { createTestNode, type TestNode } from "./testing/doubles.ts";

function publish(node: TestNode, channel: string, data: string): Promise<unknown> {
  const event = { appId: node.app.id, channel, event: "e", dataJson: JSON.stringify(data) };
  return node.broker.publish([event]);
}

const settle = () => new Promise((resolve) => setImmediate(resolve));

/** Subscribes, and returns what came behind subscription_succeeded. */
async function subscribe(node: TestNode, channel: string) {
  const client = node.connect();
  const [succeeded] = client.subscribe(channel, '{"user_id":"1"}');
  assert.equal(succeeded?.["event"], "pusher_internal:subscription_succeeded");
  await settle();
  return { client, behind: client.transport.take() };
}

describe("cache channels", () => {
  const kinds = ["cache-x", "private-cache-x", "presence-cache-x", "private-encrypted-cache-x"];
  for (const channel of kinds) {
    it(`K01, K02, K03, K04: ${channel}: a miss, then the last event, published while nobody was there`, async () => {
      const node = createTestNode();
      const first = await subscribe(node, channel);
      assert.deepEqual(first.behind, [{ event: "pusher:cache_miss", channel }]);
      first.client.disconnect();
      await publish(node, channel, "one");
      await publish(node, channel, "two");
      const { behind } = await subscribe(node, channel);
      assert.deepEqual(behind, [{ event: "e", channel, data: "two" }]);
    });
  }

  it("K05: a member who leaves does not become the last event", async () => {
    const node = createTestNode();
    await publish(node, "presence-cache-x", "one");
    const member = node.connect();
    member.subscribe("presence-cache-x", '{"user_id":"9"}');
    member.disconnect();
    const { behind } = await subscribe(node, "presence-cache-x");
    assert.deepEqual(
      behind.map(({ data }) => data),
      ["one"],
    );
  });

  it("K06: nor does a client event", async () => {
    const node = createTestNode();
    const { client } = await subscribe(node, "cache-x");
    client.say({ event: "client-x", channel: "cache-x", data: {} });
    const { behind } = await subscribe(node, "cache-x");
    assert.deepEqual(behind, [{ event: "pusher:cache_miss", channel: "cache-x" }]);
  });

  it("other channels keep nothing", async () => {
    const node = createTestNode();
    await publish(node, "x", "one");
    assert.deepEqual((await subscribe(node, "x")).behind, []);
    assert.equal(await node.broker.lastEvent(node.app.id, "x"), null);
  });

  it("an event that comes while the broker is asked is never followed by an older one", async () => {
    const node = createTestNode();
    const asked = Promise.withResolvers<CachedEvent | null>();
    node.broker.lastEvent = () => asked.promise;
    const client = node.connect();
    client.subscribe("cache-x");
    await publish(node, "cache-x", "new");
    const old = { appId: node.app.id, channel: "cache-x", event: "e", dataJson: '"old"' };
    asked.resolve({ event: old, ttlMs: 1000 });
    await settle();
    assert.deepEqual(
      client.transport.take().map(({ data }) => data),
      ["new"],
    );
  });

  it("K02, K06: a client event that comes while the broker is asked does not take the last event's place", async () => {
    const node = createTestNode();
    await publish(node, "cache-x", "last");
    const client = node.connect();
    client.subscribe("cache-x");
    client.say({ event: "client-x", channel: "cache-x", data: {} });
    await settle();
    assert.deepEqual(
      client.transport.take().map(({ data }) => data),
      ["last"],
    );
  });

  it("K02: who left and came back meanwhile gets the last event once", async () => {
    const node = createTestNode();
    await publish(node, "cache-x", "last");
    const client = node.connect();
    client.subscribe("cache-x");
    client.say({ event: "pusher:unsubscribe", data: { channel: "cache-x" } });
    client.subscribe("cache-x");
    await settle();
    assert.deepEqual(
      client.transport.take().map(({ data }) => data),
      ["last"],
    );
  });

  it("who has left meanwhile gets nothing", async () => {
    const node = createTestNode();
    const client = node.connect();
    client.subscribe("cache-x");
    client.say({ event: "pusher:unsubscribe", data: { channel: "cache-x" } });
    await settle();
    assert.deepEqual(client.transport.take(), []);
  });
});
