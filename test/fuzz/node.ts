/** A stand-alone sidecar in this process, and what must hold of it whatever it was sent. */

import assert from "node:assert/strict";
import { connect, type Socket } from "node:net";
import { pino } from "pino";
import { loadConfig } from "../../sidecar/config.ts";
import { createSidecar } from "../../sidecar/sidecar.ts";

export const app = { id: "fuzz", key: "fuzz-key", secret: "fuzz-secret" };

export async function startNode(env: Record<string, string> = {}) {
  const loaded = loadConfig({
    argv: [],
    env: {
      POGO_APP_ID: app.id,
      POGO_APP_KEY: app.key,
      POGO_APP_SECRET: app.secret,
      POGO_HOST: "127.0.0.1",
      POGO_PORT: "0",
      POGO_ADMIN_PORT: "0",
      POGO_UPSTREAM: "none",
      POGO_HANDSHAKE_RATE: "100000",
      POGO_HANDSHAKE_BURST: "100000",
      ...env,
    },
    readFile: () => assert.fail("no file was named"),
  });
  assert.ok(loaded.ok);
  const log = pino({ level: "silent" });
  const sidecar = createSidecar(loaded.config, { version: "0.0.0-fuzz", log });
  const { port, adminPort } = await sidecar.start();

  /** Sum of a metric over its series. */
  async function metric(name: string): Promise<number> {
    const text = await (await fetch(`http://127.0.0.1:${adminPort}/metrics`)).text();
    const values = [...text.matchAll(new RegExp(`^${name}(?:\\{[^}]*\\})? (.+)$`, "gm"))];
    return values.reduce((sum, [, value]) => sum + Number(value), 0);
  }

  return {
    port,
    metric,
    stop: () => sidecar.stop(),
    /** Every connection has left, and nothing of it stayed behind. */
    async assertEmpty(): Promise<void> {
      const deadline = performance.now() + 10_000;
      while (
        (await metric("pogo_websocket_connections_active")) > 0 &&
        performance.now() < deadline
      ) {
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
      assert.equal(await metric("pogo_websocket_connections_active"), 0);
      assert.equal(await metric("pogo_websocket_subscriptions_active"), 0);
    },
  };
}

/** A TCP connection that gathers what it receives. */
export function openSocket(port: number): {
  socket: Socket;
  received: () => Buffer;
  ended: Promise<void>;
} {
  const socket = connect(port, "127.0.0.1");
  const chunks: Buffer[] = [];
  socket.on("data", (chunk: Buffer) => chunks.push(chunk));
  socket.on("error", () => {});
  const ended = new Promise<void>((resolve) => socket.on("close", () => resolve()));
  return { socket, received: () => Buffer.concat(chunks), ended };
}

export const handshake = [
  `GET /app/${app.key}?protocol=7 HTTP/1.1`,
  "Host: 127.0.0.1",
  "Connection: Upgrade",
  "Upgrade: websocket",
  "Sec-WebSocket-Version: 13",
  "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
  "",
  "",
].join("\r\n");

/** A client's frame, masked with a fixed key. */
export function maskedFrame(firstByte: number, payload: Buffer): Buffer {
  const mask = [0x12, 0x34, 0x56, 0x78];
  const masked = Buffer.from(payload.map((byte, index) => byte ^ (mask[index % 4] ?? 0)));
  const { length } = payload;
  const header =
    length < 126
      ? [firstByte, 0x80 | length]
      : [firstByte, 0x80 | 126, (length >> 8) & 0xff, length & 0xff];
  assert.ok(length < 65_536);
  return Buffer.concat([Buffer.from([...header, ...mask]), masked]);
}

/** Waits until `find` finds something in what was received. */
export async function waitFor(received: () => Buffer, find: string): Promise<void> {
  const deadline = performance.now() + 10_000;
  while (!received().includes(find)) {
    assert.ok(
      performance.now() < deadline,
      `${find} never came; got ${received().toString("latin1")}`,
    );
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
}
