/** Compression, as real clients decode it: pusher-js in Chromium, which offers permessage-deflate, and in Node, which does not. */

import assert from "node:assert/strict";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { chromium, type Browser, type Page } from "playwright-core";
import { send } from "../../sidecar/testing/http-api.ts";
import { repository, startSidecar, type Sidecar } from "../kit/process.ts";
import { createSigner } from "../kit/sign.ts";
import { inbox } from "./support/inbox.ts";
import { readMetric } from "./support/metrics.ts";
import { chromiumPath, needsChromium } from "./support/needs.ts";
import { Pusher } from "./support/pusher-js.ts";

const app = { id: "1", key: "k", secret: "s" };
const library = join(repository, "node_modules/pusher-js/dist/web/pusher.min.js");
const windows = 3;

describe("compression, in Chromium", { skip: needsChromium() }, () => {
  let sidecar: Sidecar;
  let browser: Browser;
  let page: Page;

  before(async () => {
    sidecar = await startSidecar({
      env: {
        POGO_APP_ID: app.id,
        POGO_APP_KEY: app.key,
        POGO_APP_SECRET: app.secret,
        POGO_UPSTREAM: "none",
        POGO_ENABLE_COMPRESSION: "true",
      },
    });
    browser = await chromium.launch({
      executablePath: chromiumPath() ?? "",
      args: process.getuid?.() === 0 ? ["--no-sandbox", "--disable-gpu"] : ["--disable-gpu"],
    });
    page = await browser.newPage();
    page.setDefaultTimeout(15_000);
    await page.addScriptTag({ path: library });
  });
  after(async () => {
    await browser?.close();
    await sidecar?.stop();
  });

  test("C08, X11, X12: events and client events arrive as they were sent, in few bytes", async () => {
    // Several sockets of one page: each is sent the same frame.
    await page.evaluate(
      `(async () => {
        globalThis.received = [];
        globalThis.channels = await Promise.all(Array.from({ length: ${windows} }, async (_, index) => {
          const pusher = new Pusher(${JSON.stringify(app.key)}, {
            cluster: "", wsHost: "127.0.0.1", wsPort: ${sidecar.port}, forceTLS: false,
            enabledTransports: ["ws"], disableStats: true,
          });
          const channel = pusher.subscribe("news");
          channel.bind("order", (data) => received.push([index, data]));
          channel.bind("client-order", (data) => received.push([index, data]));
          await new Promise((resolve) => channel.bind("pusher:subscription_succeeded", resolve));
          return channel;
        }));
      })()`,
    );
    const plain = new Pusher(app.key, {
      cluster: "",
      wsHost: "127.0.0.1",
      wsPort: sidecar.port,
      forceTLS: false,
      enabledTransports: ["ws"],
    });
    const events = inbox<unknown>("the event of the one that does not compress");
    const news = plain.subscribe("news");
    news.bind("order", events.take);
    await new Promise<void>((resolve) => {
      news.bind("pusher:subscription_succeeded", () => resolve());
    });

    const rows = Array.from({ length: 60 }, (_, id) => ({
      id,
      status: "shipped",
      title: "Grüße 🎉",
    }));
    const data = JSON.stringify(rows);
    const written = "pogo_websocket_sent_bytes_total";
    const before = await readMetric(sidecar.adminUrl, written);
    const { method, target, body } = createSigner(app)("events", {
      body: { name: "order", channels: ["news"], data },
    });
    assert.equal((await send(sidecar.port, method, target, body)).status, 200);
    assert.deepEqual(await events.next(), rows);
    const all = Array.from({ length: windows }, (_, index) => [index, rows]);
    assert.deepEqual(await received(windows), all);
    const bytes = (await readMetric(sidecar.adminUrl, written)) - before;
    // One has it plain, the others at less than a third.
    assert.ok(bytes > data.length && bytes < data.length * (1.3 + windows / 3), String(bytes));

    // Chromium compresses what it sends.
    await page.evaluate(
      (sent) => Reflect.get(globalThis, "channels")[0].trigger("client-order", sent),
      rows,
    );
    assert.deepEqual(await received(windows - 1), all.slice(1));
    plain.disconnect();
  });

  /** So many events, sorted by who got them. */
  async function received(count: number): Promise<unknown> {
    await page.waitForFunction(`received.length >= ${count}`);
    return page.evaluate("received.splice(0).sort(([one], [other]) => one - other)");
  }
});
