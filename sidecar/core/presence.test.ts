import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { createTestNode, errorMessage } from "./testing/doubles.ts";
import { sign } from "./signature.ts";

const room = "presence-room";

function listed(answer: Record<string, unknown> | undefined): unknown {
  return JSON.parse(String(answer?.["data"])).presence;
}

function memberAdded(data: object) {
  return { event: "pusher_internal:member_added", data: JSON.stringify(data), channel: room };
}

function memberRemoved(userId: string | number) {
  const data = JSON.stringify({ user_id: userId });
  return { event: "pusher_internal:member_removed", data, channel: room };
}

describe("presence channels", () => {
  it("P01: the first member is listed alone", async () => {
    const [answer] = await createTestNode()
      .connect()
      .subscribe(room, '{"user_id":"1","user_info":{"name":"x"}}');
    assert.deepEqual(listed(answer), { count: 1, ids: ["1"], hash: { 1: { name: "x" } } });
  });

  it("P02: ids keep their JSON type, hash keys are strings", async () => {
    const [answer] = await createTestNode()
      .connect()
      .subscribe(room, '{"user_id":1,"user_info":{}}');
    assert.deepEqual(listed(answer), { count: 1, ids: [1], hash: { "1": {} } });
  });

  it("P02: long ids keep their digits, so that two stay two; user_info keeps its own", async () => {
    const node = createTestNode();
    const [watcher, one, two, again] = Array.from({ length: 4 }, () => node.connect());
    await watcher?.subscribe(room, '{"user_id":"w"}');
    watcher?.transport.texts.splice(0);
    await one?.subscribe(room, '{"user_id":9007199254740993,"user_info":{"n":1.0}}');
    await two?.subscribe(
      room,
      '{"user_id":9007199254740992,"user_info":{"id":12345678901234567890}}',
    );
    const data = JSON.stringify(
      '{"presence":{"count":3,"ids":["w",9007199254740993,9007199254740992],"hash":{' +
        '"w":{},"9007199254740993":{"n":1.0},"9007199254740992":{"id":12345678901234567890}}}}',
    );
    assert.ok(two?.transport.texts.at(-1)?.includes(data), two?.transport.texts.at(-1));
    await again?.subscribe(room, '{"user_id":"9007199254740993"}');
    node.hub.tick(0);
    one?.disconnect();
    two?.disconnect();
    again?.disconnect();
    const sent = (watcher?.transport.take() ?? []).map(({ data }) => data);
    assert.deepEqual(sent, [
      '{"user_id":9007199254740993,"user_info":{"n":1.0}}',
      '{"user_id":9007199254740992,"user_info":{"id":12345678901234567890}}',
      '{"user_id":9007199254740992}',
      '{"user_id":9007199254740993}',
    ]);
    const added = node.webhookEvents.filter(({ name }) => name === "member_added");
    assert.deepEqual(
      added.map((event) => "user_id" in event && event.user_id),
      ["w", "9007199254740993", "9007199254740992"],
    );
  });

  it("S13: an id that is no number of anybody's is answered 4200", async () => {
    for (const id of ["1e999", "-1e999"]) {
      const client = createTestNode().connect();
      const [answer] = await client.subscribe(room, `{"user_id":${id}}`);
      assert.deepEqual(answer, errorMessage(4200, "Invalid message format"));
    }
  });

  it("P03, P12: others are sent a new member, the joiner is not", async () => {
    const node = createTestNode();
    const [ann, bob] = [node.connect(), node.connect()];
    await ann.subscribe(room, '{"user_id":"a","user_info":{"n":1}}');
    const answers = await bob.subscribe(room, '{"user_id":"b","user_info":{"n":2},"extra":true}');
    assert.equal(answers.length, 1);
    assert.deepEqual(listed(answers[0]), {
      count: 2,
      ids: ["a", "b"],
      hash: { a: { n: 1 }, b: { n: 2 } },
    });
    assert.deepEqual(ann.transport.take(), [memberAdded({ user_id: "b", user_info: { n: 2 } })]);
  });

  it("P04, P05, P06: a user is one member, however many connections", async () => {
    const node = createTestNode();
    const [watcher, first, second] = [node.connect(), node.connect(), node.connect()];
    await watcher.subscribe(room, '{"user_id":"w"}');
    await first.subscribe(room, '{"user_id":"u","user_info":{"n":1}}');
    watcher.transport.take();
    const [answer] = await second.subscribe(room, '{"user_id":"u","user_info":{"n":2}}');
    assert.deepEqual(listed(answer), {
      count: 2,
      ids: ["w", "u"],
      hash: { w: {}, u: { n: 1 } },
    });
    assert.deepEqual(watcher.transport.take(), []);
    node.hub.tick(0);
    first.disconnect();
    assert.deepEqual(watcher.transport.take(), []);
    second.disconnect();
    assert.deepEqual(watcher.transport.take(), [memberRemoved("u")]);
  });

  it("a member leaves with its unsubscribe too", async () => {
    const node = createTestNode();
    const [watcher, client] = [node.connect(), node.connect()];
    await watcher.subscribe(room, '{"user_id":"w"}');
    await client.subscribe(room, '{"user_id":5}');
    watcher.transport.take();
    node.hub.tick(0);
    await client.say({ event: "pusher:unsubscribe", data: { channel: room } });
    assert.deepEqual(watcher.transport.take(), [memberRemoved(5)]);
  });

  it("P07: without channel_data one is subscribed, though no member, and gets an empty list", async () => {
    const node = createTestNode();
    const [member, guest] = [node.connect(), node.connect()];
    await member.subscribe(room, '{"user_id":"m"}');
    const [answer] = await guest.subscribe(room);
    assert.deepEqual(listed(answer), { count: 0, ids: [], hash: {} });
    assert.deepEqual(member.transport.take(), []);
  });

  it("P08, P09: user_info that is missing or empty is {}", async () => {
    for (const data of [
      '{"user_id":"1"}',
      '{"user_id":"1","user_info":{}}',
      '{"user_id":"1","user_info":null}',
    ]) {
      const [answer] = await createTestNode().connect().subscribe(room, data);
      assert.deepEqual(listed(answer), { count: 1, ids: ["1"], hash: { 1: {} } });
    }
  });

  it("P10: user id 0 is a member like any other", async () => {
    const node = createTestNode();
    const [watcher, zero] = [node.connect(), node.connect()];
    await watcher.subscribe(room, '{"user_id":"w"}');
    await zero.subscribe(room, '{"user_id":0,"user_info":{}}');
    node.hub.tick(0);
    zero.disconnect();
    assert.deepEqual(watcher.transport.take(), [
      memberAdded({ user_id: 0, user_info: {} }),
      memberRemoved(0),
    ]);
  });

  it("P11: a wrong signature adds nobody", async () => {
    const node = createTestNode();
    const [watcher, guest] = [node.connect(), node.connect()];
    await watcher.subscribe(room, '{"user_id":"w"}');
    await guest.say({
      event: "pusher:subscribe",
      data: { channel: room, auth: "app-key:00", channel_data: '{"user_id":"s"}' },
    });
    assert.deepEqual(watcher.transport.take(), []);
  });

  it("a connection that comes back as another user takes the old one out", async () => {
    const node = createTestNode();
    const [watcher, client] = [node.connect(), node.connect()];
    await watcher.subscribe(room, '{"user_id":"w"}');
    await client.subscribe(room, '{"user_id":"1"}');
    node.hub.tick(0);
    await client.subscribe(room, '{"user_id":"2"}');
    assert.deepEqual(watcher.transport.take(), [
      memberAdded({ user_id: "1", user_info: {} }),
      memberRemoved("1"),
      memberAdded({ user_id: "2", user_info: {} }),
    ]);
  });

  it("a user called __proto__ is a member like any other", async () => {
    const [answer] = await createTestNode().connect().subscribe(room, '{"user_id":"__proto__"}');
    assert.match(String(answer?.["data"]), /"hash":\{"__proto__":\{\}\}/);
  });

  it("a signed-in user is a member without channel_data", async () => {
    const client = createTestNode().connect();
    const userData = '{"id":"42","user_info":{"name":"Ann"}}';
    const auth = `app-key:${sign("app-secret", `${client.socketId}::user::${userData}`)}`;
    await client.say({ event: "pusher:signin", data: { auth, user_data: userData } });
    const [answer] = await client.subscribe(room);
    assert.deepEqual(listed(answer), { count: 1, ids: ["42"], hash: { 42: { name: "Ann" } } });
  });

  it("P13: with a grace, who is back in time was never away, and who unsubscribes leaves at once", async () => {
    const node = createTestNode({ app: { presenceGraceMs: 2_000 } });
    const [watcher, tab, back] = [node.connect(), node.connect(), node.connect()];
    await watcher.subscribe(room, '{"user_id":"w"}');
    await tab.subscribe(room, '{"user_id":"1"}');
    watcher.transport.take();
    node.hub.tick(1_000);
    tab.disconnect();
    node.hub.tick(2_500);
    await back.subscribe(room, '{"user_id":"1"}');
    node.hub.tick(5_000);
    assert.deepEqual(watcher.transport.take(), []);
    back.disconnect();
    node.hub.tick(6_999);
    assert.deepEqual(watcher.transport.take(), []);
    node.hub.tick(7_000);
    const removed = (id: string) => ({
      event: "pusher_internal:member_removed",
      data: JSON.stringify({ user_id: id }),
      channel: room,
    });
    assert.deepEqual(watcher.transport.take(), [removed("1")]);
    const other = node.connect();
    await other.subscribe(room, '{"user_id":"2"}');
    watcher.transport.take();
    node.hub.tick(8_000);
    await other.say({ event: "pusher:unsubscribe", data: { channel: room } });
    assert.deepEqual(watcher.transport.take(), [removed("2")]);
    await node.connect().subscribe(room, '{"user_id":"3"}');
    watcher.transport.take();
    node.hub.tick(9_000);
    node.hub.terminateUser("3");
    assert.deepEqual(watcher.transport.take(), [removed("3")]);
  });
});
