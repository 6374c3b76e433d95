/** Stock Echo in Chromium with POGO_RECOVERY_AUTH: reconnects that cost PHP nothing, and those that must cost it something. */

import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, describe, test } from "node:test";
import { until } from "../../sidecar/testing/eventually.ts";
import { commandPath } from "../../sidecar/testing/needs.ts";
import { needsChromium } from "../e2e/support/needs.ts";
import type { Fleet } from "../kit/fleet.ts";
import { assertFaultless, judgeAll } from "./support/verdicts.ts";
import { loneStage, type Stage } from "./support/stage.ts";

const channels = ["private-orders", "private-user.ada", "presence-room"] as const;
const answered = 'pogo_websocket_recovery_authorizations_total{app_id="app-id",outcome="answered"}';
const skip = needsChromium() || (commandPath("perl") === undefined && "perl is missing");

describe("stock Echo in Chromium, with POGO_RECOVERY_AUTH", { skip }, () => {
  let stage: Stage<Fleet>;
  const folders: string[] = [];
  afterEach(async () => {
    await stage?.end();
    for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
  });

  async function start(env: Readonly<Record<string, string>>): Promise<void> {
    const folder = mkdtempSync(join(tmpdir(), "pogo-recovery-"));
    folders.push(folder);
    const common = { POGO_RECOVERY_AUTH: "true", POGO_RECOVERY_STATE_DIR: folder };
    stage = await loneStage({ ...common, ...env });
  }

  test("Y22: three restarts: 0 requests at PHP, nothing missed or twice, and nobody in the room sees it", async () => {
    await start({});
    const ada = await stage.tab(await stage.profile("ada"), { channels, hasToken: true });
    const others = ["private-orders", "presence-room"];
    const bea = await stage.tab(await stage.profile("bea"), { channels: others, hasToken: true });
    const load = stage.publish(channels);
    await load.untilTaken(5);
    const asked = stage.app.authorizations;
    assert.equal(asked, channels.length + others.length);
    for (let times = 1; times <= 3; times += 1) {
      await ada.untilBack(() => bea.untilBack(() => stage.fleet.restart()));
      assert.equal(stage.app.authorizations, asked);
      assert.equal(await stage.sum(answered), asked, `restart ${times}`);
    }
    await load.untilTaken(5);
    assertFaultless(await judgeAll(load, ada.seen));
    assert.deepEqual(await ada.members("presence-room"), ["+bea"]);
    assert.deepEqual(await bea.members("presence-room"), []);
    const members = await ada.run(
      `Object.keys(echo.connector.channels["presence-room"].subscription.members.members).sort()`,
    );
    assert.deepEqual(members, ["ada", "bea"]);
  });

  test("Y22: a cut: 0 requests at PHP", async () => {
    await start({ POGO_RECOVERY: "all" });
    const tab = await stage.tab(await stage.profile("ada"), { channels, hasToken: true });
    const asked = stage.app.authorizations;
    await tab.untilBack(() => stage.fleet.line.reset());
    assert.equal(stage.app.authorizations, asked);
    assert.equal(await stage.sum(answered), channels.length);
  });

  test("Y23: with the cookie alone the app is asked", async () => {
    await start({ POGO_RECOVERY: "all" });
    const tab = await stage.tab(await stage.profile("ada"), { channels, hasToken: false });
    const asked = stage.app.authorizations;
    await tab.untilBack(() => stage.fleet.line.reset());
    assert.equal(stage.app.authorizations, asked + channels.length);
  });

  test("Y23: after a logout the app is asked, and says no", async () => {
    await start({ POGO_RECOVERY: "all" });
    const context = await stage.profile("ada");
    const tab = await stage.tab(context, { channels: [...channels, "news"], hasToken: true });
    const asked = stage.app.authorizations;
    await context.request.get(`${stage.url}/logout`);
    stage.fleet.line.reset();
    await tab.run(`new Promise((resolve) => {
      const pending = new Set(${JSON.stringify(channels)});
      for (const name of pending) {
        echo.connector.channels[name].error(() => pending.delete(name) && pending.size === 0 && resolve());
      }
    })`);
    assert.equal(stage.app.authorizations, asked + channels.length);
    assert.equal(await stage.sum(answered), 0);
  });

  test("Y23: what the page has left with disconnect() is asked of the app when it connects again", async () => {
    await start({ POGO_RECOVERY: "all" });
    const context = await stage.profile("ada");
    const tab = await stage.tab(context, { channels, hasToken: true });
    const asked = stage.app.authorizations;
    await context.request.get(`${stage.url}/login/bea`);
    await tab.run(`echo.connector.pusher.disconnect()`);
    await tab.run(`echo.connector.pusher.connect()`);
    await until("the app's questions", () => stage.app.authorizations === asked + channels.length);
    assert.equal(await stage.sum(answered), 0);
  });
});
