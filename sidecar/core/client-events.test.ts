import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { table } from "../config/table/table.ts";
import type { App } from "./app.ts";
import { createTestNode, errorMessage, idle } from "./testing/doubles.ts";

async function createRoom(app: Partial<App> = {}, channel = "room") {
  const node = createTestNode({ app });
  const [sender, other] = [node.connect(), node.connect()];
  await sender.subscribe(channel, '{"user_id":5}');
  await other.subscribe(channel, '{"user_id":6}');
  sender.transport.take();
  return { node, sender, other };
}

describe("client events", () => {
  it("E01: reach the others in the channel, never the sender", async () => {
    const { node, sender, other } = await createRoom();
    const message = { event: "client-t", channel: "room", data: { id: 1 } };
    assert.deepEqual(await sender.say(message), []);
    assert.deepEqual(other.transport.take(), [message]);
    assert.deepEqual(
      node.relayed.map(({ event }) => event),
      ["client-t"],
    );
  });

  it("E02: carry the sender's user_id on presence channels", async () => {
    const { sender, other } = await createRoom({}, "presence-room");
    await sender.say({ event: "client-t", channel: "presence-room", data: { id: 1 } });
    assert.deepEqual(other.transport.take(), [
      { event: "client-t", channel: "presence-room", data: { id: 1 }, user_id: 5 },
    ]);
  });

  it("E03: a sender who is not in the channel is refused", async () => {
    const { node, other } = await createRoom();
    const guest = node.connect();
    assert.deepEqual(await guest.say({ event: "client-t", channel: "room", data: {} }), [
      errorMessage(4009, "The client is not a member of the specified channel."),
    ]);
    assert.deepEqual(other.transport.take(), []);
  });

  it("E04: none: nobody may send", async () => {
    const { sender } = await createRoom({ acceptClientEventsFrom: "none" });
    assert.deepEqual(await sender.say({ event: "client-t", channel: "room", data: {} }), [
      errorMessage(4301, "The app does not have client messaging enabled."),
    ]);
    assert.equal(sender.transport.closed, null);
  });

  it("E05: all: who is not in the channel may send too", async () => {
    const { node, other } = await createRoom({ acceptClientEventsFrom: "all" });
    await node.connect().say({ event: "client-t", channel: "room", data: {} });
    assert.equal(other.transport.take().length, 1);
  });

  it("E05: all: but nobody can speak for the app on a user's own channel", async () => {
    const { node, sender } = await createRoom({ acceptClientEventsFrom: "all" });
    const user = node.connect();
    node.hub.users.signIn(user.connection, { id: "7", info: {}, watchlist: [] }, () => {});
    await idle();
    const message = { event: "client-t", channel: "#server-to-user-7", data: {} };
    assert.deepEqual(await sender.say(message), [errorMessage(4200, "Invalid channel name")]);
    assert.deepEqual(user.transport.take(), []);
  });

  it("E14: private: only in private and presence channels, as Pusher has it", async () => {
    const app = { acceptClientEventsFrom: "private" } as const;
    const { sender } = await createRoom(app);
    const refusal = errorMessage(
      4009,
      "Client events are only allowed on private and presence channels without encryption.",
    );
    assert.deepEqual(await sender.say({ event: "client-t", channel: "room", data: {} }), [refusal]);
    const encrypted = (await createRoom(app, "private-encrypted-room")).sender;
    assert.deepEqual(
      await encrypted.say({ event: "client-t", channel: "private-encrypted-room", data: {} }),
      [refusal],
    );
    const inPrivate = await createRoom(app, "private-room");
    await inPrivate.sender.say({ event: "client-t", channel: "private-room", data: {} });
    assert.equal(inPrivate.other.transport.take().length, 1);
    const [notIn] = await inPrivate.node
      .connect()
      .say({ event: "client-t", channel: "private-room" });
    assert.deepEqual(
      notIn,
      errorMessage(4009, "The client is not a member of the specified channel."),
    );
  });

  it("E06: additional fields of a client are stripped, above all a forged user_id", async () => {
    const { sender, other } = await createRoom();
    await sender.say({
      event: "client-t",
      channel: "room",
      data: {},
      user_id: 1,
      channels: ["x"],
      a: 1,
    });
    assert.deepEqual(other.transport.take(), [{ event: "client-t", channel: "room", data: {} }]);
  });

  const payloads: [title: string, sent: unknown, relayed: unknown][] = [
    ["E07: no data is null", undefined, null],
    ["E08: a JSON string of an object is relayed as object", '{"a":1}', { a: 1 }],
    ["E09: a plain string stays a string", "text", "text"],
    ["E09: so does one that looks like a number", "5", "5"],
    ["E09: a number stays a number", 5, 5],
    ["E13: {} stays {}", {}, {}],
    ["X09: a JSON string of an array is relayed as that array", "[1]", [1]],
    ["X09: one of null stays a string", "null", "null"],
    ["X09: one of a string stays as it was sent", '"text"', '"text"'],
    ["unicode, quotes and slashes arrive as sent", { t: 'ü"/\\\u2028😀' }, { t: 'ü"/\\\u2028😀' }],
  ];
  for (const [title, sent, relayed] of payloads) {
    it(title, async () => {
      const { sender, other } = await createRoom();
      await sender.say({ event: "client-t", channel: "room", data: sent });
      assert.deepEqual(other.transport.take(), [
        { event: "client-t", channel: "room", data: relayed },
      ]);
    });
  }

  it("E16: numbers are relayed as they were sent, and so they are in webhooks", async () => {
    const { node, sender, other } = await createRoom({}, "presence-room");
    const big = node.connect();
    await big.subscribe("presence-room", '{"user_id":9007199254740993}');
    other.transport.texts.splice(0);
    const data = '{"id":9007199254740993,"f":1.0,"e":[1e3,-0,0.0000001,1e999],"t":"1.0"}';
    await big.sayText(`{"event":"client-t","channel":"presence-room","data":${data}}`);
    const text = JSON.stringify(data);
    await sender.sayText(`{"event":"client-t","channel":"presence-room","data":${text}}`);
    await sender.sayText('{"event":"client-t","channel":"presence-room","data":9007199254740993}');
    const head = '{"event":"client-t","channel":"presence-room","data":';
    assert.deepEqual(other.transport.texts, [
      `${head}${data},"user_id":9007199254740993}`,
      `${head}${data},"user_id":5}`,
      `${head}9007199254740993,"user_id":5}`,
    ]);
    const sent = node.webhookEvents.flatMap((event) =>
      event.name === "client_event" ? [[event.data, event.user_id]] : [],
    );
    assert.deepEqual(sent, [
      [data, "9007199254740993"],
      [data, "5"],
      ["9007199254740993", "5"],
    ]);
  });

  it("E09: a string that looks like a long number stays a string", async () => {
    const { sender, other } = await createRoom();
    await sender.say({ event: "client-t", channel: "room", data: "9007199254740993" });
    assert.equal(other.transport.take()[0]?.["data"], "9007199254740993");
  });

  it("E10: without a channel they are answered 4200", async () => {
    const { sender } = await createRoom();
    for (const channel of [undefined, null, 5, ["room"]]) {
      assert.deepEqual(await sender.say({ event: "client-t", channel, data: {} }), [
        errorMessage(4200, "Invalid message format"),
      ]);
    }
  });

  it("E12, C17: apps never meet: a channel of the same name in another app gets nothing", async () => {
    const { sender } = await createRoom();
    const { other } = await createRoom({ id: "other-app", key: "other-key" });
    await sender.say({ event: "client-t", channel: "room", data: {} });
    assert.deepEqual(other.transport.take(), []);
  });

  it("a client event may be called just client-", async () => {
    const { sender, other } = await createRoom();
    await sender.say({ event: "client-", channel: "room" });
    assert.equal(other.transport.take().length, 1);
  });

  it("E17: name and data of a client event have the limits of what the app publishes", async () => {
    const { node, sender, other } = await createRoom({
      maxEventNameLength: 10,
      maxEventDataBytes: 20,
    });
    const send = (event: string, data: unknown) => sender.say({ event, channel: "room", data });
    assert.deepEqual(await send("client-1234", null), [
      errorMessage(4307, "Event name is too long"),
    ]);
    for (const data of ["ü".repeat(11), { text: "0123456789" }]) {
      assert.deepEqual(await send("client-123", data), [
        errorMessage(4308, "Event data is too large"),
      ]);
    }
    assert.equal(sender.transport.closed, null);
    assert.deepEqual(
      [other.transport.take(), node.relayed, node.webhookEvents.length],
      [[], [], 1],
    );
    for (const data of ["ü".repeat(10), { text: "012345678" }]) {
      assert.deepEqual(await send("client-123", data), []);
    }
    assert.equal(other.transport.take().length, 2);
  });

  for (const perSecond of [144, 200]) {
    it(`E15: the default rate lets ${perSecond} a second pass, as a mouse makes them`, async () => {
      const { perSecond: rate, burst } = table.app.clientEventRate;
      const clientEventRate = { perSecond: rate.fallback, burst: burst.fallback };
      const { node, sender, other } = await createRoom({ clientEventRate });
      for (let i = 0; i < 10 * perSecond; i++) {
        node.clock.nowMs = (i * 1000) / perSecond;
        assert.deepEqual(await sender.say({ event: "client-t", channel: "room", data: { i } }), []);
      }
      assert.equal(other.transport.take().length, 10 * perSecond);
    });
  }

  it("E15: a client whose whispers were delayed may send a second's worth at once", async () => {
    const { perSecond, burst } = table.app.clientEventRate;
    const clientEventRate = { perSecond: perSecond.fallback, burst: burst.fallback };
    const { sender } = await createRoom({ clientEventRate });
    const message = { event: "client-t", channel: "room", data: {} };
    for (let i = 0; i < 200; i++) assert.deepEqual(await sender.say(message), []);
  });

  it("E15: too many of them are answered 4301, and work again later; pings and subscribes don't count", async () => {
    const { node, sender, other } = await createRoom({
      clientEventRate: { perSecond: 1, burst: 2 },
    });
    const message = { event: "client-t", channel: "room", data: {} };
    assert.deepEqual(await sender.say(message), []);
    assert.deepEqual(await sender.say(message), []);
    assert.deepEqual(await sender.say(message), [errorMessage(4301, "Rate limit exceeded")]);
    for (let i = 0; i < 50; i++) {
      const data = { channel: `c${i}` };
      assert.equal(
        (await sender.say({ event: "pusher:subscribe", data }))[0]?.["channel"],
        `c${i}`,
      );
    }
    node.clock.nowMs += 1000;
    assert.deepEqual(await sender.say(message), []);
    assert.equal(other.transport.take().length, 3);
    assert.equal(sender.transport.closed, null);
  });
});
