/** Stock Echo in Chromium over two nodes, behind a line that breaks in every way: what came, and what did not. */

import assert from "node:assert/strict";
import { afterEach, describe, test } from "node:test";
import { until } from "../../sidecar/testing/eventually.ts";
import { needsRedis } from "../../sidecar/testing/redis/redis-needs.ts";
import { needsChromium } from "../e2e/support/needs.ts";
import { createApi } from "../cluster/support/api.ts";
import type { Cluster } from "../kit/fleet.ts";
import { assertContinuedOnce, assertFaultless, judgeAll } from "./support/verdicts.ts";
import { clusterStage, type Stage } from "./support/stage.ts";

const channels = ["news", "private-orders", "presence-room"] as const;
const skip = needsRedis() || needsChromium();
const connections = 'pogo_websocket_connections_active{app_id="app-id"}';
const resumed = 'pogo_websocket_recovery_sessions_total{app_id="app-id",outcome="resumed"}';
const all = { POGO_RECOVERY: "all" };

describe("stock Echo in Chromium", { skip }, () => {
  let stage: Stage<Cluster>;
  afterEach(() => stage?.end());

  test("Y20: a drain: nothing is missed and nothing comes twice, and nobody in the room sees it", async () => {
    stage = await clusterStage(2);
    const ada = await stage.tab(await stage.profile("ada"), { channels, hasToken: true });
    stage.fleet.prefer(1);
    const bea = await stage.tab(await stage.profile("bea"), { channels, hasToken: true });
    stage.fleet.prefer(null);
    const load = stage.publish(channels);
    await load.untilTaken(5);
    await stage.fleet.restart();
    await load.untilTaken(20);
    for (const tab of [ada, bea]) assertFaultless(await judgeAll(load, tab.seen));
    assert.ok((await ada.subscribed("news")) > 1);
    for (const tab of [ada, bea]) {
      const changes = await tab.members("presence-room");
      assert.deepEqual(
        changes.filter((change) => change !== "+bea"),
        [],
      );
    }
  });

  test("Y17: a reset: nothing is missed; what comes twice is what was not acknowledged, the last of what had come", async () => {
    stage = await clusterStage(2, all);
    const tab = await stage.tab(await stage.profile("ada"), { channels, hasToken: true });
    const load = stage.publish(channels);
    await load.untilTaken(60);
    await tab.untilBack(() => stage.fleet.line.reset());
    await load.untilTaken(20);
    const verdicts = await judgeAll(load, tab.seen);
    for (const channel of channels) {
      const seen = await tab.seen(channel);
      assertContinuedOnce(seen);
      assert.deepEqual(verdicts[channel]?.missed, []);
      assert.deepEqual(await tab.gaps(channel), []);
      assert.equal(
        verdicts[channel]?.doubled.includes(1),
        false,
        "what was acknowledged came again",
      );
    }
  });

  test("Y19: a black hole: who gives the line up and comes by another gets all of it, while the node still has the first", async () => {
    stage = await clusterStage(2, all);
    const context = await stage.profile("ada");
    // The browser's kept connections are held too, so nothing is asked over them.
    const open = ["news", "cache-news"];
    const tab = await stage.tab(context, { channels: open, hasToken: true, isImpatient: true });
    const load = stage.publish(open);
    await load.untilTaken(40);
    await tab.untilBack(() => stage.fleet.line.stall());
    await load.untilTaken(20);
    const verdicts = await judgeAll(load, tab.seen);
    for (const channel of open) {
      assertContinuedOnce(await tab.seen(channel));
      assert.deepEqual(verdicts[channel]?.missed, []);
    }
  });

  test("Y05: Redis restarts, and the nodes after it: nothing is missed and nothing comes twice", async () => {
    stage = await clusterStage(2);
    const tab = await stage.tab(await stage.profile("ada"), { channels, hasToken: true });
    const load = stage.publish(channels);
    await load.untilTaken(5);
    await stage.fleet.redis.restart();
    await load.untilTaken(5);
    await stage.fleet.restart();
    await load.untilTaken(20);
    assertFaultless(await judgeAll(load, tab.seen));
  });

  test("Y05: two tabs of one browser, each with its token: each gets all of it once", async () => {
    stage = await clusterStage(2);
    const context = await stage.profile("ada");
    const tabs = [
      await stage.tab(context, { channels, hasToken: true }),
      await stage.tab(context, { channels, hasToken: true }),
    ];
    const load = stage.publish(channels);
    await load.untilTaken(5);
    await stage.fleet.restart();
    await load.untilTaken(20);
    for (const tab of tabs) assertFaultless(await judgeAll(load, tab.seen));
  });

  test("Y14: two tabs with the cookie alone: nothing comes twice, and who misses something gets pogo:gap", async () => {
    stage = await clusterStage(2);
    const context = await stage.profile("ada");
    const tabs = [
      await stage.tab(context, { channels, hasToken: false }),
      await stage.tab(context, { channels, hasToken: false }),
    ];
    const load = stage.publish(channels, { everyMs: 10 });
    await load.untilTaken(5);
    await stage.fleet.restart();
    await load.untilTaken(20);
    for (const tab of tabs) {
      const verdicts = await judgeAll(load, tab.seen);
      for (const channel of channels) {
        const { missed = [], doubled, late } = verdicts[channel] ?? {};
        assert.deepEqual({ doubled, late }, { doubled: [], late: [] });
        if (missed.length > 0) assert.notDeepEqual(await tab.gaps(channel), [], channel);
      }
    }
  });

  test("Y11: logout and login as another user in the same browser: nothing of the one reaches the other", async () => {
    stage = await clusterStage(2, all);
    const context = await stage.profile("ada");
    const own = ["private-user.ada", "private-orders"];
    const ada = await stage.tab(context, { channels: own, hasToken: false });
    const load = stage.publish(own);
    await load.untilTaken(5);
    // The page is gone without a goodbye, so its session waits; and then it is somebody else's browser.
    await ada.run("Object.defineProperty(window, 'WebSocket', { value: class {} })");
    stage.fleet.line.reset();
    await context.request.get(`${stage.url}/logout`);
    await context.request.get(`${stage.url}/login/bea`);
    await ada.close();
    const bea = await stage.tab(context, { channels: ["private-user.bea"], hasToken: false });
    await bea.run(
      `echo.private("user.ada").listen(".numbered", ({ n }) => seen["private-user.bea"].push(n))`,
    );
    await load.untilTaken(20);
    await load.stop();
    const refused = await bea.run(
      `echo.connector.channels["private-user.ada"].subscription.subscribed`,
    );
    assert.equal(refused, false);
    assert.deepEqual(await bea.seen("private-user.bea"), []);
  });

  test("Y07: a slow consumer that is closed for it begins anew, instead of being sent the same flood again", async () => {
    const slow = { POGO_OUTBOUND_QUEUE_BYTES: "65536", POGO_WRITE_WAIT: "500ms" };
    stage = await clusterStage(2, { ...all, ...slow });
    const tab = await stage.tab(await stage.profile("ada"), { channels, hasToken: true });
    const api = createApi(stage.url);
    stage.fleet.line.stall();
    await until("its close", async () => {
      await Promise.all(Array.from({ length: 50 }, () => api.publish("news", "x".repeat(9_000))));
      return (await stage.sum(connections)) === 0;
    });
    await tab.untilBack(() => stage.fleet.line.heal());
    assert.equal(await stage.sum(resumed), 0);
    const load = stage.publish(channels);
    await load.untilTaken(5);
    assertFaultless(await judgeAll(load, tab.seen));
  });
});
