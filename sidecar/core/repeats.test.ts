/** What one connection can have done by asking again and again: frames, encodings and questions are counted. */

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { sign } from "./signature.ts";
import { createTestNode, errorMessage, refusalMessage, idle } from "./testing/doubles.ts";

type Node = ReturnType<typeof createTestNode>;
type Client = ReturnType<Node["connect"]>;

const cacheChannel = "cache-large";
const large = "x".repeat(256 * 1024);

async function publish(node: Node, data = large): Promise<void> {
  const event = { appId: node.app.id, channel: cacheChannel, event: "e" };
  await node.broker.publish([{ ...event, dataJson: JSON.stringify(data) }]);
}

/** Counts what the broker is asked. */
function countQuestions(node: Node): { lastEvents: number } {
  const asked = { lastEvents: 0 };
  const { lastEvent } = node.broker;
  node.broker.lastEvent = (...args) => {
    asked.lastEvents += 1;
    return lastEvent(...args);
  };
  return asked;
}

async function subscribe(client: Client, channel: string, times = 1): Promise<void> {
  for (let i = 0; i < times; i++) {
    client.write({ event: "pusher:subscribe", data: { channel } });
    await idle();
  }
}

/** The frames since the last call that have so many bytes at least. */
function takeLarge({ transport }: Client, bytes = 10_000) {
  const frames = transport.frames.splice(0);
  transport.take();
  return frames.filter(({ length }) => length >= bytes);
}

async function createRoom(members: number): Promise<{ node: Node; clients: Client[] }> {
  const node = createTestNode();
  const clients = Array.from({ length: members }, () => node.connect());
  for (const [index, client] of clients.entries()) client.write(join(client, index));
  await idle();
  for (const client of clients) takeLarge(client);
  node.hub.tick(0);
  return { node, clients };
}

function join(client: Client, index: number) {
  const member = { user_id: `u${index}`, user_info: { about: "x".repeat(500) } };
  return client.signed("presence-room", JSON.stringify(member));
}

describe("S18: subscribing again and again", () => {
  it("to a cache channel is answered in full three times a second, and once at its end; encoded once", async () => {
    const node = createTestNode();
    await publish(node);
    const asked = countQuestions(node);
    const client = node.connect();
    await subscribe(client, cacheChannel, 1_000);
    const answers = takeLarge(client);
    assert.equal(answers.length, 3);
    assert.equal(new Set(answers).size, 1, "one encoding, so that the outbox shares it");
    assert.equal(asked.lastEvents, 1);
    node.hub.tick(1_000);
    await idle();
    assert.equal(takeLarge(client).length, 1);
    node.hub.tick(2_000);
    await idle();
    assert.deepEqual(client.transport.frames, [], "what was answered is owed no more");
    await subscribe(client, cacheChannel);
    assert.equal(takeLarge(client).length, 1);
  });

  it("all who ask within a second share one encoding of the last event, until the next event", async () => {
    const node = createTestNode();
    await publish(node);
    const asked = countQuestions(node);
    const clients = Array.from({ length: 50 }, () => node.connect());
    for (const client of clients) await subscribe(client, cacheChannel, 10);
    const frames = new Set(clients.flatMap((client) => takeLarge(client)));
    assert.equal(frames.size, 1);
    assert.equal(asked.lastEvents, 1);
    await publish(node, `${large}2`);
    for (const client of clients) takeLarge(client);
    const late = node.connect();
    await subscribe(late, cacheChannel);
    const [frame] = takeLarge(late);
    assert.ok(frame && !frames.has(frame), "the newer one");
    assert.equal(asked.lastEvents, 2);
  });

  it("all who ask for the same list of members share one encoding", async () => {
    const { clients } = await createRoom(100);
    const lists = new Set();
    for (const [index, client] of clients.entries()) {
      for (let i = 0; i < 10; i++) client.write(join(client, index));
      await idle();
      const answers = takeLarge(client);
      assert.equal(answers.length, 3);
      for (const answer of answers) lists.add(answer);
    }
    assert.equal(lists.size, 1);
  });

  it("and leaving in between is no way around: the last word counts, at the end of the second", async () => {
    const { node, clients } = await createRoom(20);
    const [flapper, other] = clients;
    assert.ok(flapper && other);
    const leave = { event: "pusher:unsubscribe", data: { channel: "presence-room" } };
    for (let i = 0; i < 200; i++) {
      flapper.write(leave);
      flapper.write(join(flapper, 0));
      await idle();
    }
    assert.equal(takeLarge(flapper).length, 3);
    node.hub.tick(1_000);
    await idle();
    assert.equal(takeLarge(flapper).length, 1, "subscribed was the last word");
    for (let i = 0; i < 10; i++) {
      flapper.write(join(flapper, 0));
      flapper.write(leave);
    }
    await idle();
    takeLarge(flapper);
    node.hub.tick(2_000);
    await idle();
    assert.deepEqual(takeLarge(flapper), [], "left was the last word");
    assert.equal(flapper.connection.subscriptions.size, 0);
  });

  it("public channels without a last event are answered each time: that costs no more than a ping", async () => {
    const client = createTestNode().connect();
    await subscribe(client, "news", 100);
    assert.equal(client.transport.messages.length, 100);
  });

  it("a wrong signature is refused each time", async () => {
    const client = createTestNode().connect();
    for (let i = 0; i < 10; i++) {
      const data = { channel: "presence-room", auth: "app-key:00" };
      assert.equal((await client.say({ event: "pusher:subscribe", data })).length, 2);
    }
  });

  it("deferred requests are bounded too: with 16 channels waiting, the next is refused on its channel", async () => {
    const client = createTestNode().connect();
    for (let i = 0; i < 17; i++) await subscribe(client, `cache-${i}`, 3);
    client.transport.take();
    for (let i = 0; i < 17; i++) await subscribe(client, `cache-${i}`, 2);
    const error = "Rate limit exceeded";
    assert.deepEqual(client.transport.messages.slice(0, 2), [
      errorMessage(4301, error),
      refusalMessage({ type: "LimitReached", error, status: 429 }, "cache-16"),
    ]);
    assert.equal(client.transport.messages.length, 4, "those of cache-16 alone");
  });

  it("a client without room for the answer is answered when there is: nothing is encoded in vain", async () => {
    const node = createTestNode();
    await publish(node);
    const asked = countQuestions(node);
    const [first, full] = [node.connect(), node.connect()];
    await subscribe(first, cacheChannel);
    node.hub.tick(1_000);
    full.transport.roomBytes = 100_000;
    await subscribe(full, cacheChannel);
    node.hub.tick(2_000);
    await idle();
    assert.deepEqual(full.transport.messages, []);
    assert.equal(asked.lastEvents, 1);
    full.transport.roomBytes = Number.POSITIVE_INFINITY;
    node.hub.tick(3_000);
    await idle();
    assert.deepEqual(
      full.transport.messages.map(({ event }) => event),
      ["pusher_internal:subscription_succeeded", "e"],
    );
  });

  it("deferred requests are handled a slice per turn of the event loop", async () => {
    const turns: (() => void)[] = [];
    const node = createTestNode({ schedule: (run) => void turns.push(run) });
    const clients = Array.from({ length: 120 }, () => node.connect());
    for (const client of clients) await subscribe(client, cacheChannel, 4);
    for (const { transport } of clients) transport.take();
    node.hub.tick(1_000);
    const answered = [];
    while (turns.length > 0) {
      turns.shift()?.();
      await idle();
      answered.push(clients.filter(({ transport }) => transport.take().length > 0).length);
    }
    assert.deepEqual(answered, [50, 50, 20]);
  });

  it("a connection that closes takes with it what waits", async () => {
    const node = createTestNode();
    const client = node.connect();
    await subscribe(client, cacheChannel, 4);
    client.disconnect();
    node.hub.tick(1_000);
    await idle();
    assert.equal(node.hub.channel(cacheChannel), undefined);
  });
});

describe("U15: signing in again and again", () => {
  it("is done three times a second, and once at its end as the last one says", async () => {
    const node = createTestNode();
    const client = node.connect();
    for (let i = 0; i < 1_000; i++) {
      const userData = JSON.stringify({ id: `u${i}`, watchlist: ["a", "b"] });
      const auth = `app-key:${sign("app-secret", `${client.socketId}::user::${userData}`)}`;
      client.write({ event: "pusher:signin", data: { auth, user_data: userData } });
      await idle();
    }
    assert.equal(client.connection.user?.id, "u2");
    assert.equal(client.transport.take().length, 6);
    node.hub.tick(1_000);
    await idle();
    assert.equal(client.connection.user?.id, "u999");
    assert.equal(client.transport.take().length, 2);
  });
});

describe("P14: coming and going again and again", () => {
  const leave = { event: "pusher:unsubscribe", data: { channel: "presence-room" } };

  const came = "pusher_internal:member_added";
  const went = "pusher_internal:member_removed";
  const atOnce = [came, went, came, went, came];
  const announced = ({ transport }: Client) => transport.take().map(({ event }) => event);

  it("over one connection costs the others six messages a second, and comes to the truth", async () => {
    const { node, clients } = await createRoom(20);
    const flapper = node.connect();
    for (let i = 0; i < 1_000; i++) {
      flapper.write(join(flapper, 99));
      flapper.write(leave);
    }
    for (const client of clients) assert.deepEqual(announced(client), atOnce);
    node.hub.tick(1_000);
    for (const client of clients) assert.deepEqual(announced(client), [went]);
  });

  it("and over ever new ones no more", async () => {
    const { node, clients } = await createRoom(20);
    for (let i = 0; i < 200; i++) {
      const flapper = node.connect();
      flapper.write(join(flapper, 99));
      flapper.disconnect();
    }
    for (const client of clients) assert.deepEqual(announced(client), atOnce);
    node.hub.tick(1_000);
    for (const client of clients) assert.deepEqual(announced(client), [went]);
  });

  it("is nothing to the others where it ends as it began", async () => {
    const { node, clients } = await createRoom(3);
    const comeAndGo = (): Client => {
      const client = node.connect();
      client.write(join(client, 99));
      return client;
    };
    for (let i = 0; i < 2; i++) comeAndGo().disconnect();
    const third = comeAndGo();
    for (const client of clients) announced(client);
    third.disconnect();
    comeAndGo();
    node.hub.tick(1_000);
    for (const client of clients) assert.deepEqual(announced(client), []);
  });

  it("others come and go at once meanwhile, and so does who comes twice, as at a reload", async () => {
    const { clients, node } = await createRoom(3);
    const [watcher] = clients;
    assert.ok(watcher);
    for (let i = 0; i < 10; i++) {
      const flapper = node.connect();
      flapper.write(join(flapper, 99));
      flapper.disconnect();
    }
    announced(watcher);
    for (let i = 0; i < 2; i++) {
      const visitor = node.connect();
      visitor.write(join(visitor, 98));
      assert.deepEqual(announced(watcher), [came]);
      visitor.disconnect();
      assert.deepEqual(announced(watcher), [went]);
    }
  });

  it("U04: nor does a user who signs in and out cost the watchers more", async () => {
    const node = createTestNode();
    const watcher = node.connect();
    const signin = (client: Client, userData: string) => {
      const auth = `app-key:${sign("app-secret", `${client.socketId}::user::${userData}`)}`;
      return client.say({ event: "pusher:signin", data: { auth, user_data: userData } });
    };
    await signin(watcher, '{"id":"w","watchlist":["bob"]}');
    for (let i = 0; i < 100; i++) {
      const bob = node.connect();
      await signin(bob, '{"id":"bob"}');
      bob.disconnect();
    }
    assert.equal(watcher.transport.take().length, 5);
    const late = node.connect();
    const [, list] = await signin(late, '{"id":"x","watchlist":["bob"]}');
    assert.match(String(list?.["data"]), /online/, "as the others have it");
    node.hub.tick(1_000);
    for (const { transport } of [watcher, late]) {
      assert.match(String(transport.take().at(-1)?.["data"]), /offline/);
    }
  });
});
