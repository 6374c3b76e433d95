import assert from "node:assert/strict";
import { createHmac } from "node:crypto";
import { after, before, describe, it } from "node:test";
import fc from "fast-check";
import { WebSocket } from "ws";
import { app, handshake, maskedFrame, openSocket, startNode, waitFor } from "./node.ts";

/** Seeds that once failed; each runs before a fresh one. */
const keptSeeds: number[] = [];
const freshSeed = Number(process.env["FUZZ_SEED"] ?? Date.now() % 2 ** 31);

let node: Awaited<ReturnType<typeof startNode>>;
before(async () => (node = await startNode()));
after(() => node.stop());

/** More by hand: `FUZZ_RUNS=5000 node --test test/fuzz/*.test.ts`. */
const numRuns = Number(process.env["FUZZ_RUNS"] ?? 300);

/** Close codes of the catalogue and of RFC 6455 that a client may see; 1006 never: nobody is cut without a word. */
const closeCodes = new Set([1000, 1002, 1005, 1007, 1009, 4001, 4100, 4201]);

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
const message = fc.oneof(
  fc.record({ kind: fc.constant("signed" as const), channel: name, member: memberData }),
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

/** Sends a script over one connection; every answer must be a message, every end a code of the catalogue. */
async function play(script: readonly Message[]): Promise<void> {
  const socket = new WebSocket(`ws://127.0.0.1:${node.port}/app/${app.key}`);
  socket.on("error", () => {});
  const answers: unknown[] = [];
  let established = (_socketId: string): void => {};
  const socketId = new Promise<string>((resolve) => (established = resolve));
  socket.on("message", (data) => {
    const answer = JSON.parse(String(data));
    assert.equal(typeof answer.event, "string");
    if (answers.push(answer) === 1) established(JSON.parse(answer.data).socket_id);
  });
  const closed = new Promise<number>((resolve) => socket.on("close", resolve));
  const id = await Promise.race([socketId, closed.then(() => assert.fail("refused"))]);
  for (const step of script) send(socket, step, id);
  socket.close(1000);
  const code = await closed;
  assert.ok(closeCodes.has(code), `closed with ${code}`);
}

function send(socket: WebSocket, step: Message, socketId: string): void {
  switch (step.kind) {
    case "text":
      return socket.send(step.text);
    case "ping":
      return socket.ping(step.bytes);
    case "json":
      return socket.send(JSON.stringify(step.value));
    case "signed": {
      const channelData = JSON.stringify(step.member);
      const text = `${socketId}:${String(step.channel)}:${channelData}`;
      const signature = createHmac("sha256", app.secret).update(text).digest("hex");
      const data = {
        channel: step.channel,
        auth: `${app.key}:${signature}`,
        channel_data: channelData,
      };
      return socket.send(JSON.stringify({ event: "pusher:subscribe", data }));
    }
  }
}

describe("whatever a client sends", () => {
  for (const seed of [...keptSeeds, freshSeed]) {
    it(`is answered from the catalogue, and leaves nothing behind (FUZZ_SEED=${seed})`, async () => {
      await fc.assert(
        fc.asyncProperty(
          fc.array(fc.array(message, { maxLength: 12 }), { minLength: 1, maxLength: 3 }),
          async (scripts) => void (await Promise.all(scripts.map(play))),
        ),
        { seed, numRuns },
      );
      await node.assertEmpty();
    });
  }

  it("bytes that are no frames end in 1002, 1007 or 1009, or in silence, never in a crash", async () => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ minLength: 1, maxLength: 200 }), async (bytes) => {
        const { socket, received, ended } = openSocket(node.port);
        socket.write(handshake);
        await waitFor(received, "connection_established");
        socket.end(bytes);
        await ended;
      }),
      { seed: freshSeed, numRuns },
    );
    await node.assertEmpty();
  });

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

  it("may be thousands of channels on one connection", async () => {
    const socket = new WebSocket(`ws://127.0.0.1:${node.port}/app/${app.key}`);
    const done = new Promise<void>((resolve) => {
      let succeeded = 0;
      socket.on("message", (data) => {
        if (!String(data).includes("subscription_succeeded")) return;
        if (++succeeded === 5000) resolve();
      });
    });
    await new Promise((resolve) => socket.on("open", resolve));
    for (let i = 0; i < 5000; i++) {
      socket.send(`{"event":"pusher:subscribe","data":{"channel":"channel-${i}"}}`);
    }
    await done;
    assert.equal(await node.metric("pogo_websocket_subscriptions_active"), 5000);
    socket.close();
    await node.assertEmpty();
  });
});
