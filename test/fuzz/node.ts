/** A stand-alone sidecar in this process, what must hold of it whatever it was sent, and frames byte by byte. */

import assert from "node:assert/strict";
import { until } from "../../sidecar/testing/eventually.ts";
import { connectRaw, type RawSocket } from "../../sidecar/testing/raw-http.ts";
import { upgradeRequest } from "../../sidecar/testing/upgrade-request.ts";
import { endsItself } from "../kit/client.ts";
import { app, startSidecar } from "../kit/start.ts";

export async function startNode() {
  const sidecar = await startSidecar(endsItself, {
    POGO_HANDSHAKE_RATE: "100000",
    POGO_HANDSHAKE_BURST: "100000",
  });
  return {
    ...sidecar,
    /** Every connection has left, and nothing of it stayed behind. */
    async assertEmpty(): Promise<void> {
      const connections = () => sidecar.sum("pogo_websocket_connections_active");
      await until("every connection's end", async () => (await connections()) === 0);
      assert.equal(await sidecar.sum("pogo_websocket_subscriptions_active"), 0);
    },
  };
}

export function openSocket(port: number): Promise<RawSocket> {
  return connectRaw(endsItself, port);
}

export const handshake = upgradeRequest(`/app/${app.key}?protocol=7`);

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
