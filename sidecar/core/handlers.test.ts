import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { createTestNode, errorMessage } from "./testing/doubles.ts";

const invalid = errorMessage(4200, "Invalid message format");

describe("messages of a client", () => {
  it("X01: pusher:ping is answered with pusher:pong, whatever its data", () => {
    const client = createTestNode().connect();
    for (const data of [undefined, {}, "{}", "text", 5]) {
      assert.deepEqual(client.say({ event: "pusher:ping", data }), [{ event: "pusher:pong" }]);
    }
  });

  it("pusher:pong is answered with nothing", () => {
    assert.deepEqual(createTestNode().connect().say({ event: "pusher:pong" }), []);
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
    '{"event":"pusher:signin"}',
    '{"event":"foo"}',
    '{"event":"__proto__"}',
    '{"event":"toString"}',
    `${"[".repeat(3000)}${"]".repeat(3000)}`,
    `{"event":"client-x","channel":"a","data":${"[".repeat(600)}${"]".repeat(600)}}`,
  ];
  for (const text of malformed) {
    it(`X03: ${text.slice(0, 40)} is answered 4200 and the connection stays`, () => {
      const client = createTestNode().connect();
      assert.deepEqual(client.sayText(text), [invalid]);
      assert.equal(client.transport.closed, null);
    });
  }

  it("E11: an unknown event with a channel is dropped in silence", () => {
    const client = createTestNode().connect();
    for (const event of ["foo", "pusher_internal:member_added", "clientx"]) {
      assert.deepEqual(client.say({ event, channel: "a", data: {} }), []);
    }
  });

  it("nothing that a client can send throws", () => {
    const node = createTestNode();
    const client = node.connect();
    client.subscribe("presence-a", '{"user_id":"1"}');
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
    fc.assert(
      fc.property(
        fc.oneof(
          anything.map((value) => JSON.stringify(value)),
          fc.string(),
        ),
        (text) => {
          client.sayText(text);
          assert.equal(client.transport.closed, null);
        },
      ),
      { numRuns: 500 },
    );
  });
});

describe("message rate (Reverb's rate_limiting)", () => {
  const app = { messageRate: { perSecond: 3 / 60, burst: 3 }, terminateOnLimit: false };

  it("L01: the fourth message of a window is answered 4301, the connection stays and works later", () => {
    const node = createTestNode({ app });
    const client = node.connect();
    for (let i = 0; i < 3; i++) client.say({ event: "foo", channel: "a" });
    assert.deepEqual(client.say({ event: "foo", channel: "a" }), [
      errorMessage(4301, "Rate limit exceeded"),
    ]);
    assert.equal(client.transport.closed, null);
    node.clock.nowMs += 60_000;
    assert.deepEqual(client.say({ event: "foo", channel: "a" }), []);
  });

  it("L02: with terminate_on_limit the error comes first, then a close that lets pusher-js come back", () => {
    const client = createTestNode({ app: { ...app, terminateOnLimit: true } }).connect();
    for (let i = 0; i < 3; i++) client.say({ event: "foo", channel: "a" });
    assert.deepEqual(client.say({ event: "foo", channel: "a" }), [
      errorMessage(4301, "Rate limit exceeded"),
    ]);
    assert.equal(client.transport.closed?.code, 4100);
  });

  it("L03: pings never count", () => {
    const client = createTestNode({ app }).connect();
    for (let i = 0; i < 100; i++) {
      assert.deepEqual(client.say({ event: "pusher:ping" }), [{ event: "pusher:pong" }]);
    }
    assert.deepEqual(client.say({ event: "foo", channel: "a" }), []);
  });

  it("garbage counts too", () => {
    const client = createTestNode({ app }).connect();
    for (let i = 0; i < 3; i++) assert.deepEqual(client.sayText("x"), [invalid]);
    assert.deepEqual(client.sayText("x"), [errorMessage(4301, "Rate limit exceeded")]);
  });
});
