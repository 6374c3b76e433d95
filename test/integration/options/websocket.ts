/** Of connections, and what waits for them. */

import assert from "node:assert/strict";
import type { TestContext } from "node:test";
import type { websocket } from "../../../sidecar/config/table/websocket.ts";
import { waitFor } from "../../../sidecar/testing/eventually.ts";
import { serverFrames } from "../../hostile/support/frames.ts";
import { openRaw } from "../../hostile/support/raw-handshake.ts";
import type { RunningSidecar } from "../../kit/start.ts";
import { publish, refusal, type Rows } from "./stage.ts";

export const websocketRows: Rows<typeof websocket> = {
  async POGO_MAX_CONNECTIONS({ test, start, connect }) {
    const sidecar = await start("1");
    await connect(sidecar);
    assert.equal(await refusal(test, sidecar), 4100);
  },
  async POGO_MAX_SUBSCRIPTIONS({ start, connect }) {
    const sidecar = await start("1");
    assert.equal(await (await connect(sidecar)).subscribe("one"), 200);
    const second = await connect(sidecar);
    assert.equal(await second.subscribe("one"), 503);
    assert.equal(await second.error(), 4100);
  },
  async POGO_HANDSHAKE_RATE({ test, start, connect }) {
    const sidecar = await start("0.1", { POGO_HANDSHAKE_BURST: "1" });
    await connect(sidecar);
    // It would have to wait for 10 s.
    assert.equal(await refusal(test, sidecar), 429);
  },
  async POGO_HANDSHAKE_BURST({ test, start, connect }) {
    const sidecar = await start("1", { POGO_HANDSHAKE_RATE: "0.1" });
    await connect(sidecar);
    assert.equal(await refusal(test, sidecar), 429);
  },
  async POGO_MAX_CONNECTIONS_PER_IP({ test, start, connect }) {
    const sidecar = await start("1");
    await connect(sidecar);
    assert.equal(await refusal(test, sidecar), 429);
  },
  async POGO_ENABLE_COMPRESSION({ test, start }) {
    assert.equal(await isEventCompressed(test, await start("true")), true);
  },
  async POGO_COMPRESSION_THRESHOLD({ test, start }) {
    const sidecar = await start("2000", { POGO_ENABLE_COMPRESSION: "true" });
    assert.equal(await isEventCompressed(test, sidecar), false);
  },
  async POGO_OUTBOUND_QUEUE_BYTES({ start, connect }) {
    const sidecar = await start("1024");
    await (await connect(sidecar)).subscribe("news");
    // All in one turn of the event loop, so that they wait for one write.
    await publish(sidecar, 5, 400);
    await sidecar.seriesBecome("pogo_websocket_client_dropped_messages_total", {
      'app_id="app-id",reason="queue_full",kind="prepared"': 3,
    });
  },
  async POGO_OUTBOUND_TOTAL_BYTES({ start, connect }) {
    const sidecar = await start("1MiB", { POGO_OUTBOUND_QUEUE_BYTES: "100MiB" });
    const client = await connect(sidecar);
    await client.subscribe("news");
    client.socket.pause();
    await publishUntilCounted(sidecar, "pogo_websocket_connections_cut_total");
    await sidecar.seriesBecome("pogo_websocket_connections_active", { 'app_id="app-id"': 0 });
  },
  async POGO_WRITE_WAIT({ start, connect, clock }) {
    const sidecar = await start("1s", { POGO_OUTBOUND_QUEUE_BYTES: "1024" });
    const client = await connect(sidecar);
    await client.subscribe("news");
    client.socket.pause();
    await publishUntilCounted(sidecar, "pogo_websocket_client_dropped_messages_total");
    // One look each second: the first finds it full, a later one that it still is. By default it would have 10 s.
    for (let seconds = 0; seconds < 3; seconds += 1) {
      await new Promise((resolve) => setTimeout(resolve, 700));
      clock.nowMs += 1_001;
    }
    await sidecar.seriesBecome("pogo_websocket_connections_active", { 'app_id="app-id"': 0 });
  },
};

/** More than a client that reads nothing has room for: until the metric has counted something. */
async function publishUntilCounted(sidecar: RunningSidecar, metric: string): Promise<void> {
  for (let isCounted = false; !isCounted;) {
    await publish(sidecar, 10, 250_000, 1);
    isCounted = Object.values(await sidecar.series(metric)).some((count) => count > 0);
  }
}

/** Whether an event of 1,000 bytes is, for a client that offers it. */
async function isEventCompressed(test: TestContext, sidecar: RunningSidecar): Promise<boolean> {
  const offer = "Sec-WebSocket-Extensions: permessage-deflate";
  const { raw, subscribe } = await openRaw(test, sidecar.port, [offer]);
  await subscribe("news");
  await publish(sidecar, 1, 1_000);
  await waitFor(() => serverFrames(raw.bytes).length === 3);
  raw.reset();
  return serverFrames(raw.bytes)[2]?.isCompressed ?? false;
}
