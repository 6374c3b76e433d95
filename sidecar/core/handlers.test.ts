import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { refuseTooLong } from "./handlers.ts";
import { createTestNode, errorMessage, refusalMessage } from "./testing/doubles.ts";

const invalid = errorMessage(4200, "Invalid message format");

describe("messages of a client", () => {
  it("X01: pusher:ping is answered with pusher:pong, whatever its data", async () => {
    const client = createTestNode().connect();
    for (const data of [undefined, {}, "{}", "text", 5]) {
      assert.deepEqual(await client.say({ event: "pusher:ping", data }), [
        { event: "pusher:pong" },
      ]);
    }
  });

  it("pusher:pong is answered with nothing", async () => {
    assert.deepEqual(await createTestNode().connect().say({ event: "pusher:pong" }), []);
  });

  const malformed = [
    "not json",
    "",
    "5",
    "null",
    "[]",
    '"pusher:ping"',
    "{}",
    '{"event":""}',
    '{"event":5}',
    '{"event":"pusher:foo"}',
    '{"event":"pusher:connection_established"}',
    '{"event":"foo"}',
    '{"event":"__proto__"}',
    '{"event":"toString"}',
    `${"[".repeat(3000)}${"]".repeat(3000)}`,
    `{"event":"client-x","channel":"a","data":${"[".repeat(600)}${"]".repeat(600)}}`,
  ];
  for (const text of malformed) {
    it(`X03: ${text.slice(0, 40)} is answered 4200 and the connection stays`, async () => {
      const client = createTestNode().connect();
      assert.deepEqual(await client.sayText(text), [invalid]);
      assert.equal(client.transport.closed, null);
    });
  }

  it("E11: an unknown event with a channel is dropped in silence", async () => {
    const client = createTestNode().connect();
    for (const event of ["foo", "pusher_internal:member_added", "clientx"]) {
      assert.deepEqual(await client.say({ event, channel: "a", data: {} }), []);
    }
  });

  it("nothing that a client can send throws", async () => {
    const node = createTestNode();
    const client = node.connect();
    await client.subscribe("presence-a", '{"user_id":"1"}');
    const event = fc.oneof(
      fc.constantFrom(
        "pusher:subscribe",
        "pusher:unsubscribe",
        "pusher:signin",
        "client-x",
        "pusher:ping",
      ),
      fc.string(),
    );
    const message = fc.record({ event, channel: fc.jsonValue(), data: fc.jsonValue() });
    const anything = fc.oneof(message, fc.jsonValue());
    await fc.assert(
      fc.asyncProperty(
        fc.oneof(
          anything.map((value) => JSON.stringify(value)),
          fc.string(),
        ),
        async (text) => {
          await client.sayText(text);
          assert.equal(client.transport.closed, null);
        },
      ),
      { numRuns: 500 },
    );
  });
});

describe("messages that are longer than the app allows", () => {
  const tooLong = errorMessage(4306, "Message is too long");
  const refusal = { type: "LimitReached", error: "Message is too long", status: 413 };

  it("a subscribe is refused on its channel, a signin as such, and the connection stays", () => {
    const client = createTestNode().connect();
    const channelData = JSON.stringify({ user_id: "1", user_info: "x".repeat(12_000) });
    const subscribe = client.signed("presence-room", channelData);
    refuseTooLong(client.connection, JSON.stringify(subscribe), 0);
    assert.deepEqual(client.transport.take(), [tooLong, refusalMessage(refusal, "presence-room")]);
    const signin = { event: "pusher:signin", data: { user_data: "x".repeat(12_000) } };
    refuseTooLong(client.connection, JSON.stringify(signin), 0);
    assert.deepEqual(client.transport.take(), [tooLong, refusalMessage(refusal)]);
    refuseTooLong(client.connection, JSON.stringify({ event: "client-x", channel: "a" }), 0);
    assert.deepEqual(client.transport.take(), [tooLong]);
    assert.equal(client.transport.closed, null);
  });

  it("it counts as a message", () => {
    const messageRate = { perSecond: 1, burst: 1 };
    const client = createTestNode({ app: { messageRate } }).connect();
    for (let i = 0; i < 2; i++) refuseTooLong(client.connection, "x", 0);
    assert.deepEqual(client.transport.take(), [tooLong, errorMessage(4301, "Rate limit exceeded")]);
  });
});

describe("message rate (Reverb's rate_limiting)", () => {
  const app = { messageRate: { perSecond: 3 / 60, burst: 3 }, terminateOnLimit: false };

  it("L01: the fourth message of a window is answered 4301, the connection stays and works later", async () => {
    const node = createTestNode({ app });
    const client = node.connect();
    for (let i = 0; i < 3; i++) await client.say({ event: "foo", channel: "a" });
    assert.deepEqual(await client.say({ event: "foo", channel: "a" }), [
      errorMessage(4301, "Rate limit exceeded"),
    ]);
    assert.equal(client.transport.closed, null);
    node.clock.nowMs += 60_000;
    assert.deepEqual(await client.say({ event: "foo", channel: "a" }), []);
  });

  it("L01: a subscribe or signin over the limit is refused on its channel too", async () => {
    const node = createTestNode({ app });
    const client = node.connect();
    for (const channel of ["a", "b", "c"]) await client.subscribe(channel);
    const error = "Rate limit exceeded";
    const refusal = { type: "LimitReached", error, status: 429 };
    for (const channel of ["private-d", "presence-e", "f"]) {
      assert.deepEqual(
        await client.subscribe(channel, JSON.stringify({ user_id: "1", x: "x".repeat(2_000) })),
        [errorMessage(4301, error), refusalMessage(refusal, channel)],
      );
    }
    assert.deepEqual(await client.say({ event: "pusher:signin", data: {} }), [
      errorMessage(4301, error),
      refusalMessage(refusal),
    ]);
  });

  it("L01: a long message over the limit is not parsed", async (t) => {
    const node = createTestNode({ app });
    const client = node.connect();
    for (let i = 0; i < 3; i++) await client.sayText("x");
    const parse = t.mock.method(JSON, "parse");
    node.dependencies.hub.tick(0);
    client.write({ event: "pusher:subscribe", data: { channel: "a", x: "x".repeat(500) } });
    client.write({ event: "foo", channel: "a", data: "x".repeat(5_000) });
    // Once by the recording client for each of the three answers.
    assert.equal(parse.mock.callCount(), 3);
  });

  it("L02: with terminate_on_limit the error comes first, then a close that lets pusher-js come back", async () => {
    const client = createTestNode({ app: { ...app, terminateOnLimit: true } }).connect();
    for (let i = 0; i < 3; i++) await client.say({ event: "foo", channel: "a" });
    assert.deepEqual(await client.say({ event: "foo", channel: "a" }), [
      errorMessage(4301, "Rate limit exceeded"),
    ]);
    assert.equal(client.transport.closed?.code, 4100);
  });

  it("L02: the channel of a subscribe is named before the close", async () => {
    const client = createTestNode({ app: { ...app, terminateOnLimit: true } }).connect();
    for (let i = 0; i < 3; i++) await client.say({ event: "foo", channel: "a" });
    const answers = await client.say({ event: "pusher:subscribe", data: { channel: "news" } });
    assert.deepEqual(
      answers.map(({ event, channel }) => [event, channel]),
      [
        ["pusher:error", undefined],
        ["pusher:subscription_error", "news"],
      ],
    );
    assert.equal(client.transport.closed?.code, 4100);
  });

  it("L03: pings never count", async () => {
    const client = createTestNode({ app }).connect();
    for (let i = 0; i < 100; i++) {
      assert.deepEqual(await client.say({ event: "pusher:ping" }), [{ event: "pusher:pong" }]);
    }
    assert.deepEqual(await client.say({ event: "foo", channel: "a" }), []);
  });

  it("garbage counts too", async () => {
    const client = createTestNode({ app }).connect();
    for (let i = 0; i < 3; i++) assert.deepEqual(await client.sayText("x"), [invalid]);
    assert.deepEqual(await client.sayText("x"), [errorMessage(4301, "Rate limit exceeded")]);
  });
});
