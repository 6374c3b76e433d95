/** What clients are sent when they come back. */

import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { statSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { recovery } from "../../../sidecar/config/table/recovery.ts";
import { openRaw } from "../../hostile/support/raw-handshake.ts";
import { openPage, startGrantingApp } from "../../kit/returning-page.ts";
import { app, type RunningSidecar } from "../../kit/start.ts";
import { publish, type Rows, type Stage } from "./stage.ts";

export const recoveryRows: Rows<typeof recovery> = {
  async POGO_RECOVERY(stage) {
    assert.deepEqual(await missed(stage, await stage.start("all"), 2), ["x", "x"]);
    assert.deepEqual(await missed(stage, await stage.start("orderly"), 2), []);
  },
  async POGO_RECOVERY_WINDOW(stage) {
    const sidecar = await stage.start("20s", { POGO_RECOVERY: "all" });
    assert.deepEqual(await missed(stage, sidecar, 1, 19_000), ["x"]);
    assert.deepEqual(await missed(stage, sidecar, 1, 21_000), []);
  },
  async POGO_RECOVERY_COOKIE({ test, start }) {
    const { port } = await start("false", { POGO_RECOVERY: "all" });
    const { raw } = await openRaw(test, port, ["Origin: http://127.0.0.1"]);
    assert.doesNotMatch(raw.text, /Set-Cookie/);
  },
  async POGO_RECOVERY_AUTH({ test, start }) {
    const granting = await startGrantingApp(test);
    const env = { POGO_RECOVERY: "all", POGO_UPSTREAM: granting.url };
    const { port, seriesBecome } = await start("true", env);
    const page = { port, browser: { recovery: null }, token: randomUUID() };
    const before = await openPage(test, page);
    await before.enter("private-orders");
    before.terminate();
    await seriesBecome("pogo_websocket_connections_active", {});
    assert.equal(await (await openPage(test, page)).enter("private-orders"), true);
    assert.deepEqual(granting.asked(), ["private-orders"]);
  },
  async POGO_RECOVERY_MAX_EVENTS(stage) {
    const sidecar = await stage.start("2", { POGO_RECOVERY: "all" });
    assert.deepEqual(await missed(stage, sidecar, 2), ["x", "x"]);
    assert.deepEqual(await missed(stage, sidecar, 3), ["pogo:gap"]);
  },
  async POGO_RECOVERY_MAX_BYTES(stage) {
    const sidecar = await stage.start("1024", { POGO_RECOVERY: "all" });
    assert.deepEqual(await missed(stage, sidecar, 1), ["x"]);
    assert.deepEqual(await missed(stage, sidecar, 4), ["pogo:gap"]);
  },
  async POGO_RECOVERY_TOTAL_EVENTS(stage) {
    const sidecar = await stage.start("2", { POGO_RECOVERY: "all" });
    assert.deepEqual(await missed(stage, sidecar, 3), ["pogo:gap"]);
  },
  async POGO_RECOVERY_TOTAL_BYTES(stage) {
    const sidecar = await stage.start("1024", { POGO_RECOVERY: "all" });
    assert.deepEqual(await missed(stage, sidecar, 4), ["pogo:gap"]);
  },
  async POGO_RECOVERY_STATE_DIR({ test, start }) {
    const directory = await mkdtemp(join(tmpdir(), "pogo-recovery-"));
    test.after(() => rm(directory, { recursive: true }));
    const sidecar = await start(directory);
    await sidecar.stop();
    assert.equal(statSync(join(directory, "pogo-recovery.json")).mode & 0o777, 0o600);
  },
};

/** What a client is sent that was cut off, and for which so many events were published until it came back. */
async function missed(
  { connect, clock }: Stage,
  sidecar: RunningSidecar,
  events: number,
  awayMs = 0,
): Promise<string[]> {
  const path = `/r/${randomUUID()}/app/${app.key}`;
  const before = await connect(sidecar, path);
  await before.subscribe("news");
  before.terminate();
  await sidecar.seriesBecome("pogo_websocket_connections_active", { 'app_id="app-id"': 0 });
  await publish(sidecar, events, 2);
  clock.nowMs += awayMs;
  // The tick that ends what is over.
  if (awayMs > 0) await new Promise((resolve) => setTimeout(resolve, 1_100));
  const after = await connect(sidecar, path);
  await after.subscribe("news");
  await after.roundTrip();
  after.terminate();
  await sidecar.seriesBecome("pogo_websocket_connections_active", { 'app_id="app-id"': 0 });
  return after.messages.map(({ event }) => event);
}
