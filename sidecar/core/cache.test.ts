import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { CachedEvent } from "./ports.ts";
import { createTestNode, idle, type TestNode } from "./testing/doubles.ts";

async function publish(node: TestNode, channel: string, data: string): Promise<void> {
  const event = { appId: node.app.id, channel, event: "e", dataJson: JSON.stringify(data) };
  await node.broker.publish([event]);
}

/** Subscribes, and returns what came behind subscription_succeeded. */
async function subscribe(node: TestNode, channel: string) {
  const client = node.connect();
  const [succeeded, ...behind] = await client.subscribe(channel, '{"user_id":"1"}');
  assert.equal(succeeded?.["event"], "pusher_internal:subscription_succeeded");
  return { client, behind };
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
    await member.subscribe("presence-cache-x", '{"user_id":"9"}');
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
    await client.say({ event: "client-x", channel: "cache-x", data: {} });
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
    const { node, answer } = createSlowNode();
    const client = node.connect();
    await client.subscribe("cache-x");
    await publish(node, "cache-x", "new");
    await answer("old");
    assert.deepEqual(dataOf(client), ["new"]);
  });

  it("K02, K06: a client event that comes while the broker is asked does not take the last event's place", async () => {
    const { node, answer } = createSlowNode();
    const client = node.connect();
    await client.subscribe("cache-x");
    await client.say({ event: "client-x", channel: "cache-x", data: {} });
    await answer("last");
    assert.deepEqual(dataOf(client), ["last"]);
  });

  it("K02: a client that left and came back meanwhile gets the last event once", async () => {
    const { node, answer } = createSlowNode();
    const client = node.connect();
    await client.subscribe("cache-x");
    await client.say({ event: "pusher:unsubscribe", data: { channel: "cache-x" } });
    await client.subscribe("cache-x");
    await answer("last");
    assert.deepEqual(dataOf(client), ["last"]);
  });

  it("a client that has left meanwhile gets nothing", async () => {
    const { node, answer } = createSlowNode();
    const client = node.connect();
    await client.subscribe("cache-x");
    await client.say({ event: "pusher:unsubscribe", data: { channel: "cache-x" } });
    await answer("last");
    assert.deepEqual(dataOf(client), []);
  });
});

/** A node whose broker is asked for last events until the test answers. */
function createSlowNode() {
  const node = createTestNode();
  const asked: ((answer: CachedEvent | null) => void)[] = [];
  node.broker.lastEvent = () => new Promise((resolve) => void asked.push(resolve));
  async function answer(data: string): Promise<void> {
    const event = { appId: node.app.id, channel: "cache-x", event: "e", dataJson: `"${data}"` };
    for (const resolve of asked.splice(0)) resolve({ event, ttlMs: 1000 });
    await idle();
  }
  return { node, answer };
}

function dataOf(client: ReturnType<TestNode["connect"]>): unknown[] {
  return client.transport.take().map(({ data }) => data);
}
