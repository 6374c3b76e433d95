import assert from "node:assert/strict";
import { createHmac } from "node:crypto";
import { after, before, describe, it } from "node:test";
import fc from "fast-check";
import { WebSocket } from "ws";
import { assertInCatalogue, readFrames } from "./catalogue.ts";
import { app, handshake, maskedFrame, openSocket, startNode, waitFor } from "./node.ts";
import { runs, seeds } from "./seeds.ts";

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
  const socket = new WebSocket(`ws://127.0.0.1:${node.port}/app/${app.key}`);
  socket.on("error", () => {});
  const answers: string[] = [];
  const first = new Promise<string>((resolve) => {
    socket.once("message", (data) => resolve(JSON.parse(JSON.parse(String(data)).data).socket_id));
  });
  const last = new Promise<void>((resolve) => {
    socket.on("message", (data) => {
      answers.push(String(data));
      if (String(data).endsWith('"channel":"the-last-one"}')) resolve();
    });
  });
  const closed = new Promise<number>((resolve) => socket.on("close", resolve));
  const id = await Promise.race([first, closed.then(() => assert.fail("refused"))]);
  for (const step of script) send(socket, step, id);
  socket.send('{"event":"pusher:subscribe","data":{"channel":"the-last-one"}}');
  await Promise.race([last, closed]);
  socket.close(1000);
  const code = await closed;
  assert.ok(closeCodes.has(code), `closed with ${code}`);
  return answers.map(assertInCatalogue);
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
      const userData = JSON.stringify(step.user);
      const signature = hmac(`${socketId}::user::${userData}`);
      const data = { auth: `${app.key}:${signature}`, user_data: userData };
      return socket.send(JSON.stringify({ event: "pusher:signin", data }));
    }
    case "signed": {
      const channelData = JSON.stringify(step.member);
      const signature = hmac(`${socketId}:${String(step.channel)}:${channelData}`);
      const data = {
        channel: step.channel,
        auth: `${app.key}:${signature}`,
        channel_data: channelData,
      };
      return socket.send(JSON.stringify({ event: "pusher:subscribe", data }));
    }
  }
}

function hmac(text: string): string {
  return createHmac("sha256", app.secret).update(text).digest("hex");
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
    .integer({ min: 10_001, max: 2 ** 40 })
    .map((length) => ({ bytes: headerOf(length), codes: [1009] })),
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

/** Of a masked text frame of that length, with nothing behind it. */
function headerOf(length: number): Buffer {
  const header = Buffer.from([0x81, 0xff, 0, 0, 0, 0, 0, 0, 0, 0, 1, 2, 3, 4]);
  header.writeBigUInt64BE(BigInt(length), 2);
  return header;
}

/** The code of the close frame that ends the frames; null without one. */
async function closeCodeAfter(bytes: Uint8Array): Promise<number | null> {
  const { socket, received, ended } = openSocket(node.port);
  socket.write(handshake);
  await waitFor(received, "connection_established");
  socket.end(bytes);
  await ended;
  const frames = readFrames(received());
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
      for (const answer of reached) assert.ok(seen.has(answer), `never reached ${answer}`);
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
      const { socket, received, ended } = openSocket(node.port);
      socket.setNoDelay();
      socket.write(bytes.subarray(0, at));
      await new Promise((resolve) => setImmediate(resolve));
      socket.write(bytes.subarray(at));
      await waitFor(received, "pusher:pong");
      assert.ok(received().includes("Invalid channel name"));
      socket.destroy();
      await ended;
    }
    await node.assertEmpty();
  });

  it("may come byte by byte", async () => {
    const { socket, received, ended } = openSocket(node.port);
    socket.setNoDelay();
    const frame = maskedFrame(0x81, Buffer.from('{"event":"pusher:ping"}'));
    for (const byte of Buffer.concat([Buffer.from(handshake), frame])) {
      socket.write(Buffer.from([byte]));
      await new Promise((resolve) => setImmediate(resolve));
    }
    await waitFor(received, "pusher:pong");
    socket.destroy();
    await ended;
  });

  it("O05: may come over more than 1,024 connections at once", async () => {
    const clients = Array.from({ length: 1_500 }, () => openSocket(node.port));
    const subscribe = Buffer.from('{"event":"pusher:subscribe","data":{"channel":"crowd"}}');
    const opening = Buffer.concat([Buffer.from(handshake), maskedFrame(0x81, subscribe)]);
    for (const { socket } of clients) socket.write(opening);
    for (const { received } of clients) await waitFor(received, "subscription_succeeded");
    assert.equal(await node.metric("pogo_websocket_connections_active"), clients.length);
    for (const { socket } of clients) socket.destroy();
    await node.assertEmpty();
  });

  it("may be as many channels on one connection as there may be", async () => {
    const socket = new WebSocket(`ws://127.0.0.1:${node.port}/app/${app.key}`);
    const done = new Promise<void>((resolve) => {
      let succeeded = 0;
      socket.on("message", (data) => {
        if (!String(data).includes("subscription_succeeded")) return;
        if (++succeeded === 1000) resolve();
      });
    });
    await new Promise((resolve) => socket.on("open", resolve));
    for (let i = 0; i < 1000; i++) {
      socket.send(`{"event":"pusher:subscribe","data":{"channel":"channel-${i}"}}`);
    }
    await done;
    assert.equal(await node.metric("pogo_websocket_subscriptions_active"), 1000);
    socket.close();
    await node.assertEmpty();
  });
});
