import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import fc from "fast-check";
import type { WebSocket } from "ws";
import { connectClient, endsItself, openClient } from "../kit/client.ts";
import { signChannel, signUser } from "../kit/sign.ts";
import { app } from "../kit/start.ts";
import { assertInCatalogue, readFrames } from "./catalogue.ts";
import { handshake, maskedFrame, openSocket, startNode } from "./node.ts";
import { isKept, runs, seeds } from "./seeds.ts";

let node: Awaited<ReturnType<typeof startNode>>;
before(async () => (node = await startNode()));
after(() => node.stop());

const numRuns = runs(300);

/** Close codes of the catalogue and of RFC 6455 that a client may see; 1006 never: nobody is cut without a word. */
const closeCodes = new Set([1000, 1009]);

/** What a run comes across: else it would prove little. */
const reached = [
  "pusher:error 4009",
  "pusher:error 4200",
  "pusher:pong",
  "pusher:signin_success",
  "pusher:signin_error",
  "pusher:subscription_error",
  "pusher:cache_miss",
  "pusher_internal:subscription_succeeded",
  "pusher_internal:member_added",
  "client-*",
];

const name = fc.oneof(
  fc.constantFrom("a", "private-a", "presence-a", "cache-a", "private-cache-b", "presence-cache-c"),
  fc.constantFrom("", "#server-to-user-1", "private-", "__proto__", "x".repeat(257)),
  fc.string(),
  fc.jsonValue(),
);
const memberData = fc.oneof(
  fc.record({
    user_id: fc.oneof(fc.string(), fc.integer(), fc.jsonValue()),
    user_info: fc.jsonValue(),
  }),
  fc.jsonValue(),
);
/** Where connections meet. */
const room = fc.constantFrom("private-room", "presence-room");
const message = fc.oneof(
  fc.record({
    kind: fc.constant("signed" as const),
    channel: room,
    member: fc.record({ user_id: fc.constantFrom("1", "2", 3), user_info: fc.jsonValue() }),
  }),
  fc.record({
    kind: fc.constant("json" as const),
    value: fc.record({ event: fc.constant("client-x"), channel: room, data: fc.jsonValue() }),
  }),
  fc.record({ kind: fc.constant("signed" as const), channel: name, member: memberData }),
  fc.record({
    kind: fc.constant("signin" as const),
    user: fc.oneof(
      fc.record({
        id: fc.oneof(fc.constantFrom("1", "2", ""), fc.jsonValue()),
        watchlist: fc.oneof(fc.constant(["1", "2"]), fc.jsonValue()),
      }),
      fc.jsonValue(),
    ),
  }),
  fc.record({
    kind: fc.constant("json" as const),
    value: fc.record(
      {
        event: fc.oneof(
          fc.constantFrom(
            "pusher:subscribe",
            "pusher:unsubscribe",
            "pusher:signin",
            "pusher:ping",
            "pusher:pong",
            "client-x",
            "pusher_internal:member_added",
          ),
          fc.jsonValue(),
        ),
        channel: name,
        data: fc.oneof(fc.record({ channel: name, auth: fc.jsonValue() }), fc.jsonValue()),
      },
      { requiredKeys: [] },
    ),
  }),
  fc.record({ kind: fc.constant("text" as const), text: fc.string({ unit: "binary" }) }),
  fc.record({ kind: fc.constant("ping" as const), bytes: fc.uint8Array({ maxLength: 125 }) }),
);
type Message = typeof message extends fc.Arbitrary<infer T> ? T : never;

/** Sends a script over one connection; every answer and the end must be of the catalogue. Returns what came. */
async function play(script: readonly Message[]): Promise<readonly string[]> {
  const client = openClient(endsItself, node.port);
  const { data } = await client.next("pusher:connection_established");
  for (const step of script) send(client.socket, step, Object(data).socket_id);
  client.say("pusher:subscribe", { channel: "the-last-one" });
  await Promise.race([
    client.first("the end", () =>
      client.frames.find(({ text }) => text.endsWith('"channel":"the-last-one"}')),
    ),
    client.close,
  ]);
  client.socket.close(1000);
  const code = await client.closed();
  assert.ok(closeCodes.has(code), `closed with ${code}`);
  return client.frames.map(({ text }) => assertInCatalogue(text));
}

function send(socket: WebSocket, step: Message, socketId: string): void {
  switch (step.kind) {
    case "text":
      return socket.send(step.text);
    case "ping":
      return socket.ping(step.bytes);
    case "json":
      return socket.send(JSON.stringify(step.value));
    case "signin": {
      const data = signUser(app, socketId, JSON.stringify(step.user));
      return socket.send(JSON.stringify({ event: "pusher:signin", data }));
    }
    case "signed": {
      const proof = signChannel(app, socketId, String(step.channel), JSON.stringify(step.member));
      const data = { channel: step.channel, ...proof };
      return socket.send(JSON.stringify({ event: "pusher:subscribe", data }));
    }
  }
}

/** Bytes behind the handshake, and the close codes that may answer them; null is the end of the connection without a word. */
interface Garbage {
  readonly bytes: Uint8Array;
  readonly codes: readonly (number | null)[];
}

const byte = fc.integer({ min: 0, max: 255 });
const payload = fc.uint8Array({ maxLength: 100 }).map((bytes) => Buffer.from(bytes));
const garbage: fc.Arbitrary<Garbage> = fc.oneof(
  fc
    .uint8Array({ minLength: 1, maxLength: 200 })
    // A close frame is echoed with the client's own code.
    .filter(([first = 0]) => (first & 0x0f) !== 0x08)
    .map((bytes) => ({ bytes, codes: [1002, 1007, 1009, null] })),
  fc
    .tuple(payload, fc.constantFrom([0xff], [0xc0, 0x80], [0xed, 0xa0, 0x80], [0xf5, 0x80]))
    .map(([text, broken]) => ({
      bytes: maskedFrame(0x81, Buffer.concat([text, Buffer.from(broken)])),
      codes: [1007],
    })),
  fc
    .integer({ min: 20_001, max: 2 ** 40 })
    .map((length) => ({ bytes: headerOf(length, length > 0xffff), codes: [1009] })),
  // A length has to take the fewest bytes that it can (RFC 6455 §5.2).
  fc
    .integer({ min: 0, max: 0xffff })
    .map((length) => ({ bytes: headerOf(length, true), codes: [1002] })),
  fc
    .tuple(fc.constantFrom(0x83, 0x87, 0x8b, 0x8f, 0x91, 0xa1, 0xc1, 0x09, 0x80), payload)
    .map(([first, text]) => ({ bytes: maskedFrame(first, text), codes: [1002] })),
  fc
    .tuple(fc.constantFrom(0x81, 0x82, 0x89), fc.integer({ min: 0, max: 125 }), byte)
    .map(([first, length, filler]) => ({
      bytes: Buffer.concat([Buffer.from([first, length]), Buffer.alloc(length, filler)]),
      codes: [1002],
    })),
);

/** Of a masked text frame of that length, in eight bytes or in two, with nothing behind it. */
function headerOf(length: number, inEight: boolean): Buffer {
  const digits = Buffer.alloc(inEight ? 8 : 2);
  if (inEight) digits.writeBigUInt64BE(BigInt(length));
  else digits.writeUInt16BE(length);
  return Buffer.concat([
    Buffer.from([0x81, inEight ? 0xff : 0xfe]),
    digits,
    Buffer.from([1, 2, 3, 4]),
  ]);
}

/** The code of the close frame that ends the frames; null without one. */
async function closeCodeAfter(bytes: Uint8Array): Promise<number | null> {
  const raw = await openSocket(node.port);
  await raw.write(handshake).until("connection_established");
  raw.socket.end(bytes);
  await raw.untilEnd();
  const frames = readFrames(raw.bytes);
  const closes = frames.filter(({ opcode }) => opcode === 0x8);
  for (const { opcode, payload } of frames) {
    assert.ok([0x1, 0x8, 0xa].includes(opcode), `opcode ${opcode}`);
    if (opcode === 0x1) assertInCatalogue(payload.toString());
  }
  assert.ok(closes.length < 2 && (closes.length === 0 || closes[0] === frames.at(-1)));
  return closes[0]?.payload.readUInt16BE(0) ?? null;
}

describe("whatever a client sends", () => {
  for (const seed of seeds) {
    it(`is answered from the catalogue, and leaves nothing behind (FUZZ_SEED=${seed})`, async () => {
      const seen = new Set<string>();
      await fc.assert(
        fc.asyncProperty(
          fc.array(fc.array(message, { maxLength: 12 }), { minLength: 1, maxLength: 3 }),
          async (scripts) => {
            const answers = await Promise.all(scripts.map(play));
            for (const answer of answers.flat()) seen.add(answer);
          },
        ),
        { seed, numRuns },
      );
      await node.assertEmpty();
      for (const answer of isKept(seed) ? reached : []) {
        assert.ok(seen.has(answer), `never reached ${answer}`);
      }
    });

    it(`bytes that are no frames end in 1002, 1007 or 1009, or in silence, never in a crash (FUZZ_SEED=${seed})`, async () => {
      const seen = new Set<number | null>();
      await fc.assert(
        fc.asyncProperty(garbage, async ({ bytes, codes }) => {
          const code = await closeCodeAfter(bytes);
          seen.add(code);
          assert.ok(codes.includes(code), `${code}, not ${codes.join(" or ")}`);
        }),
        { seed, numRuns },
      );
      await node.assertEmpty();
      for (const code of [1002, 1007, 1009, null]) assert.ok(seen.has(code), String(code));
    });
  }

  it("may be split at every byte", async () => {
    const subscribe = Buffer.from('{"event":"pusher:subscribe","data":{"channel":"split-ü"}}');
    const ping = Buffer.from('{"event":"pusher:ping"}');
    const bytes = Buffer.concat([
      Buffer.from(handshake),
      maskedFrame(0x81, subscribe),
      maskedFrame(0x81, ping),
    ]);
    for (let at = 1; at < bytes.length; at += 1) {
      const raw = await openSocket(node.port);
      raw.socket.setNoDelay();
      raw.write(bytes.subarray(0, at));
      await new Promise((resolve) => setImmediate(resolve));
      assert.match(
        await raw.write(bytes.subarray(at)).until("pusher:pong"),
        /Invalid channel name/,
      );
      raw.socket.destroy();
    }
    await node.assertEmpty();
  });

  it("may come byte by byte", async () => {
    const raw = await openSocket(node.port);
    raw.socket.setNoDelay();
    const frame = maskedFrame(0x81, Buffer.from('{"event":"pusher:ping"}'));
    for (const byte of Buffer.concat([Buffer.from(handshake), frame])) {
      raw.write(Buffer.from([byte]));
      await new Promise((resolve) => setImmediate(resolve));
    }
    await raw.until("pusher:pong");
    raw.socket.destroy();
  });

  it("O05: may come over more than 1,024 connections at once", async () => {
    const clients = await Promise.all(Array.from({ length: 1_500 }, () => openSocket(node.port)));
    const subscribe = Buffer.from('{"event":"pusher:subscribe","data":{"channel":"crowd"}}');
    const opening = Buffer.concat([Buffer.from(handshake), maskedFrame(0x81, subscribe)]);
    for (const raw of clients) raw.write(opening);
    for (const raw of clients) await raw.until("subscription_succeeded");
    assert.equal(await node.sum("pogo_websocket_connections_active"), clients.length);
    for (const { socket } of clients) socket.destroy();
    await node.assertEmpty();
  });

  it("may be as many channels on one connection as there may be", async (test) => {
    const client = await connectClient(test, node.port);
    const channels = Array.from({ length: 1_000 }, (_, index) => `channel-${index}`);
    await Promise.all(channels.map((channel) => client.join(channel)));
    assert.equal(await node.sum("pogo_websocket_subscriptions_active"), 1_000);
    client.terminate();
    await node.assertEmpty();
  });
});
