/** What hostile clients send over their WebSockets, against a whole sidecar: the rows of its table of attacks. */

import assert from "node:assert/strict";
import { describe, it, type TestContext } from "node:test";
import { deflateRawSync } from "node:zlib";
import { sign } from "../../sidecar/core/signature.ts";
import { send } from "../../sidecar/testing/http-api.ts";
import { createSigner } from "../kit/sign.ts";
import { connectRaw, parseMessage, type RawSocket } from "../../sidecar/testing/raw-http.ts";
import { needsRedis } from "../../sidecar/testing/redis/redis-needs.ts";
import { startRedis } from "../../sidecar/testing/redis/redis-server.ts";
import { connectClient, type Client } from "../kit/client.ts";
import { app, startSidecar } from "../kit/start.ts";
import { clientFrame, textFrame } from "../../sidecar/testing/client-frame.ts";
import { closeCodeIn, serverFrames } from "./support/frames.ts";
import { handshakeOf, openRaw } from "./support/raw-handshake.ts";
import { until, waitFor } from "../../sidecar/testing/eventually.ts";

const api = createSigner(app);
const active = "pogo_websocket_connections_active";
const none = { [`app_id="${app.id}"`]: 0 };
const closed = "pogo_websocket_connections_closed_total";
const closedWith = (code: number, count: number) => ({
  [`app_id="${app.id}",code="${code}"`]: count,
});
const text = (message: object): Buffer => textFrame(JSON.stringify(message));
const subscribe = (channel: string, more: object = {}): Buffer =>
  text({ event: "pusher:subscribe", data: { channel, ...more } });

describe("frames", () => {
  const longLength = (first: number): Buffer =>
    Buffer.from([0x81, 0xff, first, 0, 0, first === 0 ? 1 : 0, 0, 0, 0, 0, 0, 0, 0, 0]);
  const frames: readonly (readonly [what: string, bytes: Buffer, code: number])[] = [
    ["an unmasked frame", Buffer.from([0x81, 2, 0x7b, 0x7d]), 1002],
    ["a reserved bit", clientFrame(0xc1, "{}"), 1002],
    ["a reserved opcode", clientFrame(0x83, "{}"), 1002],
    ["a length of 2^63", longLength(0x80), 1009],
    ["a length of 2^40", longLength(0), 1009],
    ["a ping of 126 bytes", clientFrame(0x89, Buffer.alloc(126)), 1002],
    ["a fragmented ping", clientFrame(0x09, "x"), 1002],
    ["a continuation of nothing", clientFrame(0x80, "{}"), 1002],
    ["a message within a fragmented one", Buffer.concat([clientFrame(1), clientFrame(0x81)]), 1002],
    ["a close of one byte", clientFrame(0x88, "x"), 1002],
    ["a close with a code that may not be sent", clientFrame(0x88, Buffer.from([3, 0xed])), 1002],
    ["invalid UTF-8", clientFrame(0x81, Buffer.from([0xff, 0xfe])), 1007],
  ];

  it("row 78: what breaks RFC 6455 closes its own connection with the RFC's code", async (test) => {
    const sidecar = await startSidecar(test, {});
    for (const [what, bytes, code] of frames) {
      const { raw } = await openRaw(test, sidecar.port, []);
      raw.write(bytes);
      await raw.untilEnd();
      assert.equal(closeCodeIn(raw.bytes), code, what);
      raw.reset();
    }
    await sidecar.seriesBecome(active, none);
  });

  const offer = "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits";

  it("row 79: compression is not agreed to by default, and a compressed frame closes", async (test) => {
    const sidecar = await startSidecar(test, {});
    const { raw } = await openRaw(test, sidecar.port, [offer]);
    assert.deepEqual(parseMessage(raw.text).values("sec-websocket-extensions"), []);
    raw.write(clientFrame(0xc1, "x"));
    await raw.untilEnd();
    assert.equal(closeCodeIn(raw.bytes), 1002);
    raw.reset();
  });

  it("row 79: a bomb is inflated as far as a message may be long, and closes", async (test) => {
    const sidecar = await startSidecar(test, { POGO_ENABLE_COMPRESSION: "true" });
    const bystander = await openRaw(test, sidecar.port, [offer]);
    // 100 MB of zeros in 97 KB, and what fits into a message of them.
    const bomb = deflateRawSync(Buffer.alloc(100_000_000)).subarray(0, 19_000);
    const before = process.memoryUsage().rss;
    for (let round = 0; round < 50; round++) {
      const { raw } = await openRaw(test, sidecar.port, [offer]);
      raw.write(clientFrame(0xc1, bomb));
      await raw.untilEnd();
      assert.equal(closeCodeIn(raw.bytes), 1009);
      raw.reset();
    }
    assert.deepEqual(await sidecar.counted(closed), closedWith(1009, 50));
    assert.ok(process.memoryUsage().rss - before < 64 * 1_048_576);
    bystander.send('{"event":"pusher:ping"}');
    await bystander.raw.until("pusher:pong");
    bystander.raw.reset();
    await sidecar.seriesBecome(active, none);
  });

  it("row 79: a message of many small streams is inflated to the 16th", async (test) => {
    const sidecar = await startSidecar(test, { POGO_ENABLE_COMPRESSION: "true" });
    const ping = deflateRawSync('{"event":"pusher:ping"}');
    const { raw } = await openRaw(test, sidecar.port, [offer]);
    // Final blocks without content (RFC 7692 §7.2.3.4): a decompressor for every two bytes.
    const empty = (count: number): Buffer => Buffer.alloc(2 * count, Buffer.from([0x03, 0x00]));
    raw.write(clientFrame(0xc1, Buffer.concat([empty(15), ping])));
    await raw.until("pusher:pong");
    raw.write(clientFrame(0xc1, Buffer.concat([empty(4_000), ping])));
    await raw.untilEnd();
    assert.equal(closeCodeIn(raw.bytes), 1008);
    assert.deepEqual(await sidecar.counted(closed), closedWith(1008, 1));
    raw.reset();
    await sidecar.seriesBecome(active, none);
  });

  it("row 80: a message has 64 fragments at most, whatever comes between them", async (test) => {
    const sidecar = await startSidecar(test, {});
    const filler = clientFrame(0x8a, Buffer.alloc(125));
    const fragments = (count: number, begin: string): Buffer =>
      Buffer.concat(
        Array.from({ length: count }, (_, index) => [
          clientFrame(index === 0 ? 1 : index === count - 1 ? 0x80 : 0, index === 0 ? begin : " "),
          filler,
        ]).flat(),
      );
    const { raw } = await openRaw(test, sidecar.port, []);
    raw.write(fragments(64, '{"event":"pusher:ping"}'));
    await raw.until("pusher:pong");
    raw.write(fragments(65, '{"event":"pusher:ping"}'));
    await raw.untilEnd();
    assert.equal(closeCodeIn(raw.bytes), 1008);
    assert.deepEqual(await sidecar.counted(closed), closedWith(1008, 1));
    assert.equal(raw.text.split("pusher:pong").length - 1, 1);
    raw.reset();
  });

  it("row 97: odd messages are answered, and the next one is as ever", async (test) => {
    const sidecar = await startSidecar(test, {});
    const client = await openRaw(test, sidecar.port, []);
    const odd = ["", "null", "[]", "0", '"pusher:ping"', "{}", '{"event":1}', '{"event":""}', "\0"];
    odd.push('{"event":"pusher:x"}', '{"__proto__":{"event":"pusher:ping"}}', "[".repeat(5_000));
    client.send(...odd);
    client.send('{"event":"pusher:ping"}');
    await client.raw.until("pusher:pong");
    const answers = serverFrames(client.raw.bytes).map(({ payload }) => String(payload));
    assert.equal(answers.filter((answer) => answer.includes("4200")).length, odd.length);
    client.raw.reset();
  });
});

describe("floods", () => {
  const sockets = 20;
  const floods: readonly (readonly [row: string, one: (index: number) => Buffer, count: number])[] =
    [
      ["row 81: pings", () => clientFrame(0x89), 20_000],
      ["row 81: pusher:ping", () => text({ event: "pusher:ping" }), 5_000],
      ["row 82: one-byte garbage", () => clientFrame(0x81, "x"), 5_000],
      [
        "row 83: JSON 500 deep",
        () => textFrame(`{"a":${"[".repeat(500)}${"]".repeat(500)}}`),
        1_000,
      ],
      ["row 83: many exact numbers", () => textFrame(`{"a":[${"1.1,".repeat(2_000)}1]}`), 100],
      ["row 83: names of 9 KB", () => subscribe("n".repeat(9_000)), 100],
      ["row 83: wrong signatures", (i) => subscribe("private-a", { auth: `app-key:${i}` }), 500],
      [
        "row 83: wrong signins",
        (i) =>
          text({ event: "pusher:signin", data: { auth: `app-key:${i}`, user_data: '{"id":"1"}' } }),
        500,
      ],
      ["row 84: the same public channel again", () => subscribe("news"), 1_000],
    ];

  for (const [row, one, count] of floods) {
    it(`${row}, from ${sockets} sockets at once: others are served all the while`, async (test) => {
      const sidecar = await startSidecar(test, {});
      const bystander = await connectClient(test, sidecar.port);
      const attackers = [];
      for (let index = 0; index < sockets; index += 1) {
        attackers.push(await openRaw(test, sidecar.port, []));
      }
      const bytes = Buffer.concat(Array.from({ length: count }, (_, index) => one(index)));
      // How far it has come shows in the channel behind it.
      for (const { raw } of attackers) raw.write(Buffer.concat([bytes, subscribe("end")]));
      const isOver = async (): Promise<boolean> => {
        const { [`app_id="${app.id}"`]: subscribed = 0 } = await sidecar.series(
          "pogo_websocket_subscriptions_active",
        );
        return subscribed >= sockets * (row.includes("public channel") ? 2 : 1);
      };
      const flood = { isOver: false };
      const handled = until("the end of the flood", isOver).finally(() => (flood.isOver = true));
      let served = 0;
      // Not between questions of how far it has come, which take their time of the same process.
      do {
        bystander.say("pusher:ping");
        await bystander.next("pusher:pong");
        served += 1;
      } while (!flood.isOver);
      await handled;
      assert.ok(served >= 5, `${served} times`);
      for (const { raw } of attackers) raw.reset();
    });
  }
});

describe("answers that are long, or go to many", () => {
  it("row 84: of 200 subscribes to a channel with 100 KB in its cache a few a second are answered", async (test) => {
    const sidecar = await startSidecar(test, {});
    const publish = api("events", {
      body: { name: "e", channel: "cache-news", data: "x".repeat(100_000) },
    });
    await send(sidecar.port, publish.method, publish.target, publish.body);
    const { raw } = await openRaw(test, sidecar.port, []);
    const again = Buffer.concat(Array.from({ length: 200 }, () => subscribe("cache-news")));
    raw.write(Buffer.concat([again, text({ event: "pusher:ping" })]));
    await raw.until("pusher:pong");
    const long = serverFrames(raw.bytes).filter(({ payload }) => payload.length > 100_000);
    // Three a tick, of which this may have taken several.
    assert.ok(long.length >= 1 && long.length <= 15, String(long.length));
    raw.reset();
  });

  const stores = { "on one node": false, "between two nodes": true };
  for (const [where, isRedis] of Object.entries(stores)) {
    const needs = isRedis ? { skip: needsRedis() } : {};
    it(
      `row 86: who joins and leaves a presence channel 500 times is a few changes to its members, ${where}`,
      needs,
      async (test) => {
        const env: Record<string, string> = {};
        if (isRedis) {
          const redis = await startRedis();
          test.after(() => redis.stop());
          Object.assign(env, { POGO_REDIS_HOST: "127.0.0.1", POGO_REDIS_PORT: String(redis.port) });
        }
        const sidecar = await startSidecar(test, env);
        const other = isRedis ? await startSidecar(test, env) : sidecar;
        const channel = "presence-room";
        const proofOf = ({ established }: Client, id: string) => {
          const channel_data = JSON.stringify({ user_id: id });
          const signed = `${established.socket_id}:${channel}:${channel_data}`;
          return { auth: `${app.key}:${sign(app.secret, signed)}`, channel_data };
        };
        const member = await connectClient(test, other.port);
        await member.subscribe(channel, proofOf(member, "member"));
        const attacker = await connectClient(test, sidecar.port);
        const proof = proofOf(attacker, "attacker");
        for (let round = 0; round < 500; round += 1) {
          attacker.say("pusher:subscribe", { channel, ...proof });
          attacker.say("pusher:unsubscribe", { channel });
        }
        attacker.say("pusher:ping");
        await attacker.next("pusher:pong");
        // Behind the last of its changes comes what another member does.
        attacker.socket.close();
        const next = await connectClient(test, sidecar.port);
        await next.subscribe(channel, proofOf(next, "next"));
        const changes = () => member.messages.filter(({ text }) => text.includes("attacker"));
        await waitFor(() => member.messages.some(({ text }) => text.includes("next")));
        assert.ok(changes().length <= 20, `${changes().length} changes`);
      },
    );
  }
});

describe("what connections may hold", () => {
  it("row 85: a connection has 1,000 channels, and what is refused leaves nothing behind", async (test) => {
    const sidecar = await startSidecar(test, {});
    const client = await connectClient(test, sidecar.port);
    for (let index = 0; index < 1_000; index += 1) {
      client.say("pusher:subscribe", { channel: `${index}`.padStart(256, "c") });
    }
    await waitFor(() => client.messages.length === 1_000);
    client.messages.splice(0);
    assert.equal(await client.subscribe("one-more"), 403);
    assert.equal(await client.error(), 4302);
    for (const name of ["channels", "subscriptions"]) {
      const series = await sidecar.series(`pogo_websocket_${name}_active`);
      assert.equal(Object.values(series)[0], 1_000, name);
    }
  });

  it("row 87: clients that never read lose events beyond their queue, and nobody else does", async (test) => {
    const sidecar = await startSidecar(test, { POGO_OUTBOUND_QUEUE_BYTES: "100000" });
    const silent = await Promise.all(
      Array.from({ length: 20 }, async () => {
        const client = await openRaw(test, sidecar.port, []);
        await client.subscribe("news");
        client.raw.socket.pause();
        return client;
      }),
    );
    const reader = await connectClient(test, sidecar.port);
    await reader.subscribe("news");
    const data = "x".repeat(200_000);
    for (let index = 0; index < 60; index += 1) {
      const { method, target, body } = api("events", {
        body: { name: "e", channel: "news", data },
      });
      assert.equal((await send(sidecar.port, method, target, body)).status, 200);
      await reader.next("e");
    }
    const { "": queued = -1 } = await sidecar.series("pogo_websocket_queued_bytes");
    assert.ok(queued >= 0 && queued <= silent.length * (100_000 + 2 * 200_100), String(queued));
    const dropped = await sidecar.series("pogo_websocket_client_dropped_messages_total");
    assert.ok(Object.values(dropped).some((count) => count > 0));
    for (const { raw } of silent) raw.reset();
  });

  it("row 88: clients that ask and never read the answers take their queue, and no more", async (test) => {
    const sidecar = await startSidecar(test, { POGO_OUTBOUND_QUEUE_BYTES: "50000" });
    const bystander = await connectClient(test, sidecar.port);
    const pings = Buffer.concat(
      Array.from({ length: 20_000 }, () => clientFrame(0x89, Buffer.alloc(125))),
    );
    const silent = await Promise.all(
      Array.from({ length: 10 }, async () => {
        const client = await openRaw(test, sidecar.port, []);
        client.raw.socket.pause();
        client.raw.write(pings);
        return client;
      }),
    );
    let last = -1;
    let queued = 0;
    do {
      last = queued;
      for (let round = 0; round < 20; round += 1) {
        bystander.say("pusher:ping");
        await bystander.next("pusher:pong");
      }
      ({ "": queued = 0 } = await sidecar.series("pogo_websocket_queued_bytes"));
    } while (queued !== last);
    assert.ok(queued <= silent.length * 2 * 50_000, String(queued));
    for (const { raw } of silent) raw.reset();
  });

  it("rows 89, 90: connections that come, subscribe and go leave nothing", async (test) => {
    const sidecar = await startSidecar(test, {
      POGO_HANDSHAKE_RATE: "100000",
      POGO_HANDSHAKE_BURST: "1000",
    });
    for (let round = 0; round < 5; round += 1) {
      const clients = await Promise.all(
        Array.from({ length: 60 }, async () => {
          const client = await openRaw(test, sidecar.port, []);
          await client.subscribe("news");
          return client;
        }),
      );
      clients.forEach(({ raw }, index) => (index % 2 ? raw.reset() : raw.socket.end()));
    }
    await sidecar.seriesBecome(active, none);
    await sidecar.seriesBecome("pogo_websocket_subscriptions_active", none);
    const channels = await sidecar.series("pogo_websocket_channels_active");
    assert.ok(Object.values(channels).every((count) => count === 0));
  });
});

async function handshakeStatus(test: TestContext, port: number, chain: string): Promise<number> {
  const raw = await connectRaw(test, port);
  raw.write(handshakeOf(port, [`X-Forwarded-For: ${chain}`]));
  const { status } = parseMessage(await raw.until("\r\n\r\n"));
  raw.reset();
  return status;
}

async function openRefused(test: TestContext, port: number): Promise<RawSocket> {
  const raw = await connectRaw(test, port);
  raw.write(handshakeOf(port, []));
  await waitFor(() => closeCodeIn(raw.bytes) !== null);
  raw.reset();
  return raw;
}

describe("handshakes", () => {
  it("row 92: an IPv6 client has a /64, and an IPv4 address is one however it is spelt", async (test) => {
    const sidecar = await startSidecar(test, {
      POGO_TRUSTED_PROXIES: "127.0.0.1",
      POGO_HANDSHAKE_RATE: "0.001",
      POGO_HANDSHAKE_BURST: "1",
    });
    const statusOf = (chain: string) => handshakeStatus(test, sidecar.port, chain);
    for (const [first, same] of [
      ["2001:db8::1", "2001:db8::ffff:1"],
      ["6.6.6.6", "::ffff:6.6.6.6"],
      ["7.7.7.7", "1.1.1.1, 7.7.7.7"],
    ] as const) {
      assert.deepEqual([await statusOf(first), await statusOf(same)], [101, 429], same);
    }
    assert.equal(await statusOf("2001:db8:0:1::1"), 101, "another /64");
  });

  it("row 93: behind a proxy that is not trusted all are one address, and the log names the option", async (test) => {
    const sidecar = await startSidecar(test, {});
    await handshakeStatus(test, sidecar.port, "6.6.6.6");
    const lines = sidecar.lines.map((line) => JSON.stringify(line));
    assert.ok(lines.some((line) => line.includes("POGO_TRUSTED_PROXIES")));
  });

  it("row 91: when one address has all connections who comes is sent 4100, and who is there is served", async (test) => {
    const sidecar = await startSidecar(test, {
      POGO_MAX_CONNECTIONS: "11",
      POGO_TRUSTED_PROXIES: "127.0.0.1",
    });
    const visitor = await connectClient(test, sidecar.port);
    const attackers = await Promise.all(
      Array.from({ length: 10 }, () =>
        connectClient(test, sidecar.port, { "X-Forwarded-For": "6.6.6.6" }),
      ),
    );
    const late = await openRefused(test, sidecar.port);
    assert.equal(closeCodeIn(late.bytes), 4100);
    visitor.say("pusher:ping");
    await visitor.next("pusher:pong");
    attackers[0]?.socket.close();
    await sidecar.seriesBecome(active, { [`app_id="${app.id}"`]: 10 });
    await connectClient(test, sidecar.port);
  });

  it("C19: 300 clients that come at once from one address are all connected", async (test) => {
    const sidecar = await startSidecar(test, {});
    await Promise.all(Array.from({ length: 300 }, () => connectClient(test, sidecar.port)));
    await sidecar.seriesBecome(active, { [`app_id="${app.id}"`]: 300 });
  });

  it("row 91, C22: POGO_MAX_CONNECTIONS_PER_IP leaves room for others", async (test) => {
    const sidecar = await startSidecar(test, {
      POGO_MAX_CONNECTIONS_PER_IP: "2",
      POGO_TRUSTED_PROXIES: "127.0.0.1",
    });
    const attacker = { "X-Forwarded-For": "6.6.6.6" };
    await connectClient(test, sidecar.port, attacker);
    await connectClient(test, sidecar.port, attacker);
    await assert.rejects(connectClient(test, sidecar.port, attacker), /429/);
    await connectClient(test, sidecar.port, { "X-Forwarded-For": "7.7.7.7" });
  });

  it("row 94: who is refused and neither reads on nor answers the close is cut", async (test) => {
    const sidecar = await startSidecar(test, { POGO_MAX_CONNECTIONS: "1" });
    const only = await connectClient(test, sidecar.port);
    const refused = await Promise.all(
      Array.from({ length: 20 }, async () => {
        const raw = await connectRaw(test, sidecar.port);
        raw.write(handshakeOf(sidecar.port, []));
        return raw;
      }),
    );
    await waitFor(() => refused.every(({ hasEnded }) => hasEnded));
    for (const { bytes } of refused) assert.equal(closeCodeIn(bytes), 4100);
    only.say("pusher:ping");
    await only.next("pusher:pong");
  });

  it("row 96: who goes on after the close for its rate is not listened to, and is cut", async (test) => {
    const sidecar = await startSidecar(test, {
      POGO_RATE_LIMITING_ENABLED: "true",
      POGO_RATE_LIMIT_MAX_ATTEMPTS: "3",
      POGO_RATE_LIMIT_TERMINATE: "true",
    });
    const { raw } = await openRaw(test, sidecar.port, []);
    const flood = Buffer.concat(Array.from({ length: 10_000 }, (_, i) => subscribe(`c${i}`)));
    raw.write(flood);
    await raw.until("4301");
    await waitFor(() => raw.hasEnded);
    assert.equal(closeCodeIn(raw.bytes), 4100);
    assert.equal(raw.text.split("subscription_succeeded").length - 1, 3);
  });
});
