/** The app and the sidecar restart while people are there: Laravel under load, and its page with Echo in Chromium. */

import assert from "node:assert/strict";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import type { Browser, Page } from "playwright-core";
import { startChild, type Child } from "../../sidecar/testing/child.ts";
import { until } from "../../sidecar/testing/eventually.ts";
import { freePort } from "../../sidecar/testing/ports.ts";
import { connectClient, type Client } from "../kit/client.ts";
import { repository, startSidecar } from "../kit/process.ts";
import { startRequests } from "../kit/steady-requests.ts";
import { launchBrowser } from "./support/browser.ts";
import { laravel12, laravelEnv, startLaravel, type Laravel } from "./support/laravel.ts";
import { readMetric } from "./support/metrics.ts";
import { needsChromium, needsLaravel } from "./support/needs.ts";
import { startStack, type Stack } from "./support/stack.ts";

describe("php artisan serve restarts", { skip: needsLaravel(laravel12) }, () => {
  let stack: Stack;
  const cleanups: (() => unknown)[] = [];
  const scope = { after: (clean: () => unknown) => void cleanups.push(clean) };

  before(async () => {
    // Addresses are taken from X-Forwarded-For, so that requests are of many visitors.
    stack = await startStack({ POGO_TRUSTED_PROXIES: "127.0.0.1" }, { release: laravel12 });
  });
  after(async () => {
    for (const cleanup of cleanups) cleanup();
    await stack?.stop();
  });

  test("proxy E12: 200 requests a second meet no 5xx, and no WebSocket closes", async () => {
    const { sidecar, laravel } = stack;
    const clients: Client[] = await Promise.all(
      Array.from({ length: 20 }, () => connectClient(scope, stack.socketUrl)),
    );
    await Promise.all(clients.map((client) => client.join("news")));
    const load = startRequests({
      port: sidecar.port,
      perSecond: 200,
      // PHP's own server has the file. Two a second are Laravel's: as many as a busy machine has time for beside all else.
      path: (index) => (index % 100 === 0 ? "/headers" : "/robots.txt"),
      headers: (index) => ({ "X-Forwarded-For": `10.0.${index % 50}.1` }),
    });
    cleanups.push(() => void load.stop());
    await until("a first second", () => load.answered >= 200, 20_000);

    const posts: Promise<Response>[] = [];
    await laravel.restart(async () => {
      await until("those that wait", () => load.open >= 400, 20_000);
      // What changes something waits too, and its body with it.
      for (let index = 0; index < 10; index += 1) {
        posts.push(fetch(`${sidecar.url}/headers`, { method: "POST", body: "x".repeat(100_000) }));
      }
      await until(
        "a metric",
        async () => (await readMetric(sidecar.adminUrl, "pogo_upstream_up")) === 0,
        5_000,
      );
    });
    for (const post of posts) {
      const answer = await post;
      assert.equal(answer.status, 200);
      assert.equal(Object(await answer.json()).body.bytes, 100_000);
    }
    await until("those that waited", () => load.open < 50, 30_000);
    const { sent, answers } = await load.stop();
    const warnings = sidecar.lines.filter((line) => line.includes('"warn"')).join("\n");
    assert.deepEqual(answers, { 200: sent }, `${JSON.stringify(answers)}\n${warnings}`);
    assert.equal(await readMetric(sidecar.adminUrl, "pogo_upstream_up"), 1);
    const connections = `pogo_websocket_connections_active{app_id="${stack.app.id}"}`;
    assert.equal(await readMetric(sidecar.adminUrl, connections), 20);
    const texts = sidecar.lines.filter((line) =>
      /"msg":"the app (does not answer|is back)/.test(line),
    );
    assert.ok(texts.length >= 2, texts.join("\n"));
    for (const client of clients) client.terminate();
  });
});

test("proxy E13: with an app that is gone for good the answer is 503, and memory is bounded", async () => {
  const sidecar = await startSidecar({
    env: {
      POGO_APP_ID: "1",
      POGO_APP_KEY: "k",
      POGO_APP_SECRET: "s",
      POGO_UPSTREAM: `http://127.0.0.1:${await freePort()}`,
      POGO_UPSTREAM_WAIT: "2s",
      POGO_MAX_UPSTREAM_WAITING: "300",
    },
  });
  try {
    const load = startRequests({ port: sidecar.port, perSecond: 200, path: () => "/" });
    const memory: number[] = [];
    let mostWaiting = 0;
    for (let second = 0; second < 8; second += 1) {
      await pause(1_000);
      const waiting = await readMetric(sidecar.adminUrl, "pogo_proxy_requests_waiting_for_app");
      mostWaiting = Math.max(mostWaiting, waiting);
      memory.push(await readMetric(sidecar.adminUrl, "process_resident_memory_bytes"));
    }
    const { sent, answers } = await load.stop();
    assert.deepEqual(answers, { 503: sent });
    assert.ok(mostWaiting > 250 && mostWaiting <= 300, String(mostWaiting));
    const [, , settled = 0] = memory;
    assert.ok((memory.at(-1) ?? 0) - settled < 32 * 1_048_576, memory.join(" "));
    assert.equal(await readMetric(sidecar.adminUrl, "pogo_proxy_requests_waiting_for_app"), 0);
  } finally {
    await sidecar.stop();
  }
});

describe(
  "a page with Echo in Chromium",
  { skip: needsLaravel(laravel12) || needsChromium() },
  () => {
    let laravel: Laravel;
    let browser: Browser;
    let unit: Child;
    let url: string;
    let adminUrl: string;
    const { REVERB_APP_ID = "", REVERB_APP_KEY = "", REVERB_APP_SECRET = "" } = laravelEnv();

    before(async () => {
      const port = await freePort();
      const adminPort = await freePort();
      url = `http://127.0.0.1:${port}`;
      adminUrl = `http://127.0.0.1:${adminPort}`;
      laravel = await startLaravel({ sidecarPort: port, release: laravel12 });
      // As systemd does: the port outlives the sidecar.
      const script = join(import.meta.dirname, "support/socket-unit.pl");
      unit = startChild("perl", [script, `${port}`, process.execPath, "sidecar/main.ts"], {
        cwd: repository,
        env: {
          REVERB_APP_ID,
          REVERB_APP_KEY,
          REVERB_APP_SECRET,
          POGO_ADMIN_PORT: String(adminPort),
          POGO_UPSTREAM: laravel.url,
        },
      });
      await hasStarted(1);
      browser = await launchBrowser();
    });
    after(async () => {
      await browser?.close();
      await unit?.stop();
      await laravel?.stop();
    });

    const lines = (text: string): string[] => unit.lines.filter((line) => line.includes(text));
    const hasStarted = (times: number): Promise<unknown> =>
      until("the sidecar", () => lines('"msg":"listening"').length >= times);

    async function open(query = ""): Promise<Page> {
      const page = await (await browser.newContext()).newPage();
      page.setDefaultTimeout(30_000);
      await page.goto(url);
      await page.getByRole("link", { name: "Ada" }).click();
      await page.locator("#user", { hasText: "Ada" }).waitFor();
      if (query) await page.goto(url + query);
      await subscriptions(page, channels.length);
      return page;
    }

    /** Public, two private, presence; a fifth one is refused. */
    const channels = ["news", "private-user.1", "private-orders.1", "presence-room.1"];

    /** Resolves once Echo has been told of so many. */
    const subscriptions = (page: Page, count: number): Promise<void> =>
      page.locator(`#subscribed li:nth-child(${count})`).waitFor();

    test("PHP restarts: the next page waits for it, and a subscribe without a signature too; nothing is refused", async () => {
      const page = await open("/?unsigned");
      const refused = await page.locator("#refused li").count();
      const other = await page.context().newPage();
      other.setDefaultTimeout(30_000);
      let visit: ReturnType<Page["goto"]> = Promise.resolve(null);
      await laravel.restart(async () => {
        visit = other.goto(url);
        await page.evaluate(`
          echo.leave("user.1");
          watch("private-user.1", echo.private("user.1"));
        `);
        const waits = async (name: string) => (await readMetric(adminUrl, name)) > 0;
        await until("the page", () => waits("pogo_proxy_requests_waiting_for_app"), 10_000);
        await until(
          "the subscribe",
          () => waits(`pogo_websocket_auth_waiting{app_id="${REVERB_APP_ID}"}`),
          10_000,
        );
      });
      assert.equal((await visit)?.status(), 200);
      await subscriptions(page, channels.length + 1);
      assert.equal(await page.locator("#refused li").count(), refused);
      assert.equal(await page.locator("#state").textContent(), "connected");
      await page.context().close();
    });

    test("the only node restarts: pages come back with their first attempt, subscribed to everything, and receive", async () => {
      const pages = await Promise.all([open(), open("/?unsigned")]);
      const opened: string[] = [];
      for (const page of pages) {
        page.on("websocket", (socket) => opened.push(socket.url()));
        await page.evaluate(`
          globalThis.codes = [];
          echo.connector.pusher.connection.bind("error", ({ data }) => data && codes.push(data.code));
        `);
      }
      process.kill(Number(lines("started ").at(-1)?.split(" ")[1]), "SIGTERM");
      await hasStarted(2);
      for (const page of pages) {
        await subscriptions(page, 2 * channels.length);
        assert.deepEqual(await page.evaluate("codes.slice(0, 1)"), [4100]);
      }
      assert.equal(opened.length, pages.length, opened.join("\n"));
      const [page] = pages;
      await page?.getByRole("button", { name: "Broadcast" }).click();
      for (const each of pages) {
        await each.locator("#events li", { hasText: "news hello" }).first().waitFor();
      }
      await Promise.all(pages.map((each) => each.context().close()));
    });

    test("with an app that is gone a page says so, in words for people", async () => {
      const away = await startSidecar({
        env: {
          POGO_APP_ID: "1",
          POGO_APP_KEY: "k",
          POGO_APP_SECRET: "s",
          POGO_UPSTREAM: `http://127.0.0.1:${await freePort()}`,
          POGO_UPSTREAM_WAIT: "100ms",
        },
      });
      try {
        const page = await browser.newPage();
        const answer = await page.goto(away.url);
        assert.equal(answer?.status(), 503);
        await page.getByRole("heading", { name: "can't be reached at the moment" }).waitFor();
        await page.getByText("This page tries again by itself.").waitFor();
        await page.close();
      } finally {
        await away.stop();
      }
    });
  },
);
