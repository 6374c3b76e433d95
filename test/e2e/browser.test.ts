/** The app's own page in a real browser, every byte of it through the sidecar. */

import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import type { Browser, Page } from "playwright-core";
import { launchBrowser } from "./support/browser.ts";
import { readMetric } from "./support/metrics.ts";
import { laravelReleases } from "./support/laravel.ts";
import type { LaravelRelease } from "./support/laravel.ts";
import { needsChromium, needsLaravel } from "./support/needs.ts";
import { startSidecar } from "../kit/process.ts";
import { startStack } from "./support/stack.ts";
import type { Stack } from "./support/stack.ts";
import { startVite } from "./support/vite.ts";

/** How long a page may take; far above what it needs. */
const timeout = 15_000;

for (const release of laravelReleases) {
  const title = `the page of Laravel ${release.major} in Chromium`;
  describe(title, { skip: needsLaravel(release) || needsChromium() }, () => suite(release));
}

function suite(release: LaravelRelease): void {
  let stack: Stack;
  let browser: Browser;

  before(async () => {
    stack = await startStack({}, { release });
    browser = await launchBrowser();
  });
  after(async () => {
    await browser?.close();
    await stack?.stop();
  });

  /** A window of its own, with the page of a user who has logged in by its link. */
  async function open(name: string, query = ""): Promise<Page> {
    const context = await browser.newContext();
    const page = await context.newPage();
    page.setDefaultTimeout(timeout);
    await page.goto(stack.sidecar.url);
    await page.getByRole("link", { name }).click();
    await page.locator("#user", { hasText: name }).waitFor();
    if (query) await page.goto(stack.sidecar.url + query);
    return page;
  }

  const item = (page: Page, list: string, text: string) =>
    page.locator(`#${list} li`, { hasText: text }).first().waitFor();

  async function send(page: Page, kind: string, channel: string, text: string): Promise<void> {
    await page.locator("select[name=kind]").selectOption(kind);
    await page.locator("input[name=channel]").fill(channel);
    await page.locator("input[name=text]").fill(text);
    await page.getByRole("button", { name: "Broadcast" }).click();
  }

  for (const { title, query } of [
    { title: "proxy A25: with Laravel's auth endpoint", query: "" },
    {
      title: "proxy A25: without signatures, authorized by the sidecar's own question",
      query: "/?unsigned",
    },
  ]) {
    test(`${title}: connects, subscribes, is refused where Laravel says no, and receives events`, async () => {
      const ada = await open("Ada", query);
      await ada.locator("#state", { hasText: "connected" }).waitFor();
      for (const channel of ["news", "private-user.1", "private-orders.1", "presence-room.1"]) {
        await item(ada, "subscribed", channel);
      }
      await item(ada, "refused", "private-denied 403");
      await item(ada, "members", "Ada");

      const grace = await open("Grace", query);
      await item(ada, "members", "Grace");
      await item(grace, "members", "Ada");

      await send(grace, "presence", "room.1", "hello all");
      await item(ada, "events", "presence-room.1 hello all");
      await item(grace, "events", "presence-room.1 hello all");
      await send(ada, "private", "user.1", "only mine");
      await item(ada, "events", "private-user.1 only mine");
      assert.equal(await grace.locator("#events li", { hasText: "only mine" }).count(), 0);

      await grace.context().close();
      await ada.locator("#members li", { hasText: "Grace" }).waitFor({ state: "detached" });
      await ada.context().close();
    });
  }

  test("a guest receives public channels, and toOthers() leaves the sender's own window out", async () => {
    const context = await browser.newContext();
    const guest = await context.newPage();
    guest.setDefaultTimeout(timeout);
    await guest.goto(stack.sidecar.url);
    await item(guest, "subscribed", "news");
    const ada = await open("Ada");
    await item(ada, "subscribed", "news");
    await ada.locator("input[name=others]").check();
    await send(ada, "public", "news", "not to me");
    await item(guest, "events", "news not to me");
    await ada.locator("input[name=others]").uncheck();
    await send(ada, "public", "news", "to all");
    await item(ada, "events", "news to all");
    assert.equal(await ada.locator("#events li", { hasText: "not to me" }).count(), 0);
    await Promise.all([context.close(), ada.context().close()]);
  });
}

test(
  "W8: Vite's hot updates reach a page behind the sidecar, without a reload",
  { skip: needsChromium() },
  async () => {
    const vite = await startVite();
    const sidecar = await startSidecar({
      env: {
        REVERB_APP_ID: "1",
        REVERB_APP_KEY: "k",
        REVERB_APP_SECRET: "s",
        POGO_UPSTREAM: vite.url,
      },
    });
    const browser = await launchBrowser();
    try {
      const page = await browser.newPage();
      page.setDefaultTimeout(timeout);
      const connected = page.waitForEvent("console", (message) =>
        message.text().includes("[vite] connected."),
      );
      await page.goto(sidecar.url);
      await page.locator("#text", { hasText: "one" }).waitFor();
      await connected;
      // Through the sidecar: Vite's client would fall back to Vite's own port, and says so.
      assert.equal(await readMetric(sidecar.adminUrl, "pogo_proxy_tunnels_active"), 1);

      await page.evaluate("globalThis.isSamePage = true");
      await vite.save("two");
      await page.locator("#text", { hasText: "two" }).waitFor();
      assert.equal(await page.evaluate("globalThis.isSamePage"), true);
    } finally {
      await browser.close();
      await sidecar.stop();
      await vite.stop();
    }
  },
);
