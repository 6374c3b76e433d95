/** Ten rolling restarts under load, with stock Echo in Chromium: 0 events missed, 0 twice. */

import assert from "node:assert/strict";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { commandPath, lacking } from "../../sidecar/testing/needs.ts";
import { needsRedis } from "../../sidecar/testing/redis/redis-needs.ts";
import { needsChromium } from "../e2e/support/needs.ts";
import type { Fleet } from "../kit/fleet.ts";
import { clusterStage, loneStage, type Stage } from "./support/stage.ts";
import { assertFaultless, judgeAll } from "./support/verdicts.ts";

const channels = [
  "news",
  "private-orders",
  "private-user.ada",
  "presence-room",
  "private-cache-prices",
] as const;

for (const [size, restarts] of [
  [2, 10],
  [3, 3],
] as const) {
  const title = `Y05: ${size} nodes: ${restarts} rolling restarts under load, nothing is missed and nothing comes twice`;
  test(title, { skip: needsRedis() || needsChromium(), timeout: 300_000 }, async (t) => {
    await restartUnderLoad(t, await clusterStage(size), restarts);
  });
}

const needsPerl = commandPath("perl") === undefined && lacking("perl is not installed");
test(
  "Y04: a lone node: ten restarts under load, nothing is missed and nothing comes twice",
  { skip: needsPerl || needsChromium(), timeout: 300_000 },
  async (t) => {
    const folder = mkdtempSync(join(tmpdir(), "recovery-"));
    t.after(() => rmSync(folder, { recursive: true, force: true }));
    await restartUnderLoad(t, await loneStage({ POGO_RECOVERY_STATE_DIR: folder }), 10);
    assert.deepEqual(readdirSync(folder), [], "what the last one left was read, and deleted");
  },
);

test(
  "with POGO_RECOVERY=off the same restarts are seen: events are missed",
  { skip: needsRedis() || needsChromium(), timeout: 120_000 },
  async (t) => {
    const stage = await clusterStage(2, { POGO_RECOVERY: "off" });
    t.after(() => stage.end());
    const tab = await stage.tab(await stage.profile("ada"), { channels, hasToken: false });
    const load = stage.publish(channels, { everyMs: 10 });
    await load.untilTaken(5);
    for (let time = 0; time < 2; time += 1) await stage.fleet.restart();
    await load.untilTaken(20);
    const verdicts = await judgeAll(load, tab.seen);
    const missed = Object.values(verdicts).reduce((sum, verdict) => sum + verdict.missed.length, 0);
    assert.ok(missed > 0, "nothing was missed: the test would not see it");
  },
);

async function restartUnderLoad(
  t: TestContext,
  stage: Stage<Fleet>,
  restarts: number,
): Promise<void> {
  t.after(() => stage.end());
  const tabs = new Map([
    [
      "Echo with a token",
      await stage.tab(await stage.profile("ada"), { channels, hasToken: true }),
    ],
    ["Echo as it was", await stage.tab(await stage.profile("ada"), { channels, hasToken: false })],
  ]);
  const load = stage.publish(channels);
  await load.untilTaken(5);
  for (let time = 0; time < restarts; time += 1) {
    let restarted: Promise<void> | undefined;
    const restart = (): Promise<void> => (restarted ??= stage.fleet.restart());
    await Promise.all([...tabs.values()].map((tab) => tab.untilBack(restart)));
    await load.untilTaken(5);
  }
  await load.untilTaken(20);
  for (const [name, tab] of tabs) {
    assertFaultless(await judgeAll(load, tab.seen));
    const subscribed = await Promise.all(channels.map(tab.subscribed));
    const gaps = await Promise.all(channels.map(tab.gaps));
    assert.deepEqual(gaps.flat(), [], name);
    assert.ok(Math.min(...subscribed) > restarts, "it was away each time");
    const events = [...load.taken.values()].flat().length;
    t.diagnostic(
      `${name}: ${restarts} rolling restarts, ${subscribed[0]} times subscribed, ${events} events, 0 missed, 0 twice`,
    );
  }
  assert.deepEqual(load.failures, {}, "every publish was taken");
}
