/** The console in a browser: at two sizes and in both schemes, by keyboard, as a screen reader has it. */

import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import type { Browser, Page } from "playwright-core";
import { launchBrowser } from "./support/browser.ts";
import { asMember, startConsoleStage } from "../kit/console-stage.ts";
import { needsChromium } from "./support/needs.ts";
import { app, startSidecar } from "../kit/start.ts";
import { connectClient } from "../kit/client.ts";
import { freePort } from "../../sidecar/testing/ports.ts";
import { createScope, redisAt } from "../cluster/support/cluster.ts";
import { needsRedis } from "../../sidecar/testing/redis/redis-needs.ts";

const skip = needsChromium();
const timeout = 15_000;

const sizes = { wide: { width: 1280, height: 900 }, phone: { width: 390, height: 844 } };
const views = [
  "Overview",
  "Connections",
  "Channels",
  "Events",
  "Refusals",
  "Authorization",
  "Requests",
];

describe("the console in Chromium", { skip }, () => {
  let browser: Browser;
  let stage: Awaited<ReturnType<typeof startConsoleStage>>;
  /** Of the page: what it could not do, or should not have tried. */
  const complaints: string[] = [];
  const ends: (() => unknown)[] = [];

  before(async () => {
    browser = await launchBrowser();
    const cleanup = { after: (end: () => unknown) => void ends.unshift(end) };
    stage = await startConsoleStage(cleanup, { POGO_CONSOLE_PAYLOADS: "true" });
  });
  after(async () => {
    await browser?.close();
    for (const end of ends) await end();
  });

  async function open(hash = "", options: Parameters<Browser["newContext"]>[0] = {}) {
    const context = await browser.newContext(options);
    const page = await context.newPage();
    page.setDefaultTimeout(timeout);
    page.on("pageerror", (error) => void complaints.push(String(error)));
    page.on("console", (message) => {
      if (message.type() === "error") complaints.push(message.text());
    });
    page.on("request", (request) => {
      const url = request.url();
      if (!url.startsWith(stage.sidecar.adminUrl) && !url.startsWith("data:")) complaints.push(url);
    });
    await page.goto(`${stage.sidecar.adminUrl}/${hash}`);
    await page.getByRole("status").filter({ hasText: "live" }).waitFor();
    return page;
  }

  const close = async (page: Page): Promise<void> => page.context().close();

  test("why a subscribe was refused is on the first page, with what to do, and what the app answers now", async () => {
    const client = await stage.connect({ Cookie: "laravel_session=x" });
    assert.equal(await client.subscribe("private-denied"), 403);
    // Opened afterwards, as by somebody who has never seen it.
    const page = await open();
    const refusal = page.getByRole("listitem").filter({ hasText: "private-denied" });
    await refusal.getByText("the app was asked, and said no").waitFor();
    await refusal.getByText("forbidden", { exact: true }).waitFor();
    await refusal.getByText("Broadcast::channel('denied', fn ($user) => true);").waitFor();
    await refusal.getByRole("button", { name: "Ask the app again" }).click();
    const answer = refusal.getByRole("status");
    await answer.getByText("/broadcasting/auth answers 403").waitFor();
    await answer.getByText('callback for "denied" that returns true').waitFor();
    await close(page);
  });

  test("a refusal that comes while somebody looks is there without a reload, and found by its channel", async () => {
    const page = await open("#refusals");
    const client = await stage.connect();
    await client.subscribe("private-x", { auth: "other-key:00" });
    const refusal = page.getByRole("listitem").filter({ hasText: "private-x" });
    await refusal.getByText("signed with another app’s key").waitFor();
    assert.equal(await refusal.count(), 1, "said once");
    await client.subscribe("private-x", { auth: "other-key:00" });
    await refusal.getByText(/^2 times since /).waitFor();
    await page.getByRole("searchbox").fill("PRIVATE-X");
    await page.getByText("2 refusals", { exact: true }).waitFor();
    await close(page);
  });

  test("a connection is found by its channel, seen in detail and closed, by keyboard alone", async () => {
    const client = await stage.connect({ "User-Agent": "Ada's browser" });
    await client.join("presence-keys", asMember(client.socketId, "presence-keys", "ada"));
    const page = await open("#connections");
    await page.getByRole("searchbox", { name: /Filter by socket id/ }).focus();
    await page.keyboard.type("presence-keys");
    const row = page.getByRole("link", { name: client.socketId });
    await row.waitFor();
    await page.getByText("1–1 of 1 connection").waitFor();
    await row.focus();
    await page.keyboard.press("Enter");
    const detail = page.getByRole("complementary", { name: "Detail" });
    await detail.getByText("Ada's browser").waitFor();
    await detail.getByRole("link", { name: "presence-keys" }).waitFor();
    await detail.getByRole("button", { name: "Disconnect" }).focus();
    await page.keyboard.press("Enter");
    await detail.getByText("does not come back by itself").waitFor();
    assert.equal(client.socket.readyState, client.socket.OPEN, "asked first");
    await page.keyboard.press("Enter");
    assert.equal(await client.closed(), 4009);
    await detail.getByText("This connection has ended.").waitFor();
    await close(page);
    // Chromium's own words about the 404.
    complaints.splice(0, complaints.length, ...complaints.filter((each) => !/404/.test(each)));
  });

  test("a channel shows its members; a test event for it arrives, and passes in Events", async () => {
    const client = await stage.connect();
    await client.join("presence-room", asMember(client.socketId, "presence-room", "grace"));
    const page = await open(`#channels/${app.id}/presence-room`);
    const detail = page.getByRole("complementary", { name: "Detail" });
    await detail.getByText("1 on all nodes: grace").waitFor();
    await detail.getByText("Send a test event").click();
    await detail.getByLabel("Event").fill("Hello");
    await detail.getByLabel("Data").fill('{"n":1}');
    await detail.getByRole("button", { name: "Send" }).click();
    assert.deepEqual((await client.next("Hello")).data, { n: 1 });
    await detail.getByText("Published").waitFor();
    await page.getByRole("link", { name: "Events" }).click();
    const passed = page.getByRole("row").filter({ hasText: "delivered" });
    await passed.getByText("Hello").waitFor();
    await close(page);
  });

  test("an answer that comes late does not replace that of a later question", async () => {
    const client = await stage.connect();
    for (const channel of ["late-one", "late-two"]) await client.subscribe(channel);
    const page = await open("#channels");
    const { promise: held, resolve: hold } = Promise.withResolvers<() => void>();
    await page.route(/\/console\/channels\?.*late-one/, (route) =>
      hold(() => void route.continue()),
    );
    const filter = page.getByRole("searchbox");
    await filter.fill("late-one");
    const release = await held;
    await filter.fill("late-two");
    await page.getByText("1–1 of 1 channel").waitFor();
    const late = page.waitForResponse(/late-one/);
    release();
    await (await late).finished();
    // The page has had its turn with it.
    await page.evaluate('fetch("/livez").then((answer) => answer.text())');
    const shown = await page.getByRole("link", { name: /^late-/ }).allTextContents();
    assert.deepEqual(shown, ["late-two"]);
    await close(page);
  });

  test("what is in events is shown after a click, of those that come then; a filter and a pause leave out", async () => {
    const page = await open("#events");
    await stage.publish("orders", "Before", '{"n":"first"}');
    await page.getByText("Before").first().waitFor();
    await page.getByRole("button", { name: "Show what is in them" }).click();
    await page.getByRole("button", { name: "Without what is in them", pressed: true }).waitFor();
    await page.getByRole("status").filter({ hasText: "live" }).waitFor();
    await stage.publish("orders", "After", '{"n":"second"}');
    await page.getByText('{"n":"second"}').waitFor();
    assert.equal(await page.getByText('{"n":"first"}').count(), 0);
    await page.getByRole("searchbox").fill("invoices");
    await page.getByText("Nothing has passed yet").waitFor();
    await page.getByRole("status").filter({ hasText: "live" }).waitFor();
    await stage.publish("orders", "NotWanted");
    await stage.publish("invoices", "Wanted");
    await page.getByText("Wanted", { exact: true }).first().waitFor();
    assert.equal(await page.getByText("NotWanted").count(), 0);
    await page.getByRole("button", { name: "Pause" }).click();
    await page.getByRole("status").filter({ hasText: "paused" }).waitFor();
    await stage.publish("invoices", "Missed");
    await page.getByRole("button", { name: "Go on" }).click();
    await page.getByRole("status").filter({ hasText: "live" }).waitFor();
    await stage.publish("invoices", "Later");
    await page.getByText("Later").first().waitFor();
    assert.equal(await page.getByText("Missed").count(), 0);
    await close(page);
  });

  test("with the app down, a subscribe that is asked about again and again is said to wait", async (t) => {
    const sidecar = await startSidecar(t, {
      POGO_UPSTREAM: `http://127.0.0.1:${await freePort()}`,
    });
    const page = await (await browser.newContext()).newPage();
    page.setDefaultTimeout(timeout);
    await page.goto(sidecar.adminUrl);
    await page.getByRole("status").filter({ hasText: "live" }).waitFor();
    const client = await connectClient(t, sidecar.port, { Origin: sidecar.url });
    client.say("pusher:subscribe", { channel: "private-orders" });
    await page.getByText("1 subscribe or signin waits for the app’s answer").waitFor();
    await page.getByRole("link", { name: "How it answers" }).click();
    const question = page.getByRole("row").filter({ hasText: "private-orders" }).first();
    await question.getByText("dispatch error, tried again").waitFor();
    await question.getByText("is PHP running?").waitFor();
    await close(page);
  });

  test("what the app was asked, and requests to it, with status and time", async () => {
    const page = await open("#authorization");
    const client = await stage.connect({ Cookie: "laravel_session=x" });
    await client.join("private-asked");
    await page.getByRole("row", { name: /private-asked .* 200 ok/ }).waitFor();
    await page.getByRole("link", { name: "Requests" }).click();
    await (await fetch(`${stage.sidecar.url}/some/page?secret=1`)).text();
    await page
      .getByRole("row", { name: /GET \/some\/page 200/ })
      .first()
      .waitFor();
    assert.equal(await page.getByText("secret").count(), 0);
    await close(page);
  });

  for (const [size, viewport] of Object.entries(sizes)) {
    for (const colorScheme of ["light", "dark"] as const) {
      test(`${size}, ${colorScheme}: every view has its name, fits, and can be read`, async () => {
        const page = await open("", { viewport, colorScheme });
        for (const view of views) {
          await page.getByRole("navigation").getByRole("link", { name: view }).click();
          await page.getByRole("heading", { level: 1, name: view }).waitFor();
          const current = page.locator("nav [aria-current=page]");
          assert.match((await current.textContent()) ?? "", new RegExp(`^${view}`));
          await page.waitForFunction("!!document.querySelector('main .panel')");
          const width = await page.evaluate("document.documentElement.scrollWidth");
          assert.ok(Number(width) <= viewport.width, `${view}: nothing to scroll sideways`);
          assert.deepEqual(await page.evaluate(unnamed), [], `${view}: controls without a name`);
          assert.ok(Number(await page.evaluate(leastContrast)) >= 4.5, `${view}: contrast`);
        }
        await close(page);
      });
    }
  }

  test("with a token: a login by form, once more after a wrong one, and a logout", async (t) => {
    const token = "a-token-of-some-length";
    const sidecar = await startSidecar(t, { POGO_ADMIN_HOST: "0.0.0.0", POGO_ADMIN_TOKEN: token });
    const page = await (await browser.newContext()).newPage();
    page.setDefaultTimeout(timeout);
    await page.goto(sidecar.adminUrl);
    for (const tried of ["wrong", token]) {
      await page.getByLabel("Token").fill(tried);
      await page.keyboard.press("Enter");
      if (tried === "wrong") await page.getByRole("alert").waitFor();
    }
    await page.getByRole("status").filter({ hasText: "live" }).waitFor();
    await page.getByRole("button", { name: "Log out" }).click();
    await page.getByRole("heading", { name: "Log in to the console" }).waitFor();
    await close(page);
  });

  test(
    "with several workers: which one it is, a way to the others, and what any of them refused",
    {
      skip: needsRedis(),
    },
    async (t) => {
      const scope = createScope();
      t.after(() => scope.end());
      const redis = await scope.redis();
      const { supervisor, nodes } = await scope.workers(redisAt(redis.port));
      const first = await scope.client(nodes[0]);
      await first.subscribe("news");
      const second = await scope.client(nodes[1]);
      second.send("pusher:subscribe", { channel: "private-unsigned" });
      await second.first("its refusal", ({ event }) => event === "pusher:subscription_error");
      const page = await (await browser.newContext({ viewport: sizes.phone })).newPage();
      page.setDefaultTimeout(timeout);
      await page.goto(`${supervisor.adminUrl}/#connections`);
      await page.getByText(/^worker 1 of 2 · node /).waitFor();
      await page.getByText(/^All together: 2 connections, 1 subscription\./).waitFor();
      await page.getByRole("link", { name: first.socketId }).waitFor();
      assert.equal(await page.getByRole("link", { name: second.socketId }).count(), 0);
      const width = await page.evaluate("document.documentElement.scrollWidth");
      assert.ok(Number(width) <= sizes.phone.width, "nothing to scroll sideways");

      await page.getByRole("link", { name: "Refusals" }).click();
      const refusal = page.getByRole("listitem").filter({ hasText: "private-unsigned" });
      await refusal.getByText("without a signature", { exact: false }).waitFor();
      await refusal.getByText("worker 2").waitFor();
      // To where the connection is.
      await refusal.getByRole("link", { name: second.socketId }).click();
      await page.getByText(/^worker 2 of 2 · node /).waitFor();
      await page.getByRole("complementary").getByText("It is subscribed to nothing.").waitFor();
      const workers = page.getByRole("navigation", { name: "Workers" });
      assert.match((await workers.locator("[aria-current]").textContent()) ?? "", /^Worker 2 /);
      await workers.getByRole("link", { name: "Worker 1" }).click();
      await page.getByText(/^worker 1 of 2 · node \S+, one of 2 · /).waitFor();

      // How many there are nobody knows then.
      await redis.stop();
      await page.getByText("not ready: Redis is lost").waitFor();
      await page.getByText(/^worker 1 of 2 · node \S+ · /).waitFor();
      await close(page);
    },
  );

  test("all of it without a complaint of the browser, nor a request to elsewhere", () => {
    assert.deepEqual(complaints, []);
  });
});

/** Controls of the page that a screen reader would only call button or field. */
const unnamed = `[...document.querySelectorAll("button, input, select, textarea, a")]
  .filter((each) => each.checkVisibility())
  .filter((each) => !(each.textContent.trim() || each.labels?.[0]?.textContent.trim() || each.ariaLabel))
  .map((each) => each.outerHTML)`;

/** The least contrast of any text that is seen with what is behind it (WCAG 2.2, 1.4.3). */
const leastContrast = `(() => {
  const canvas = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
  const rgb = (color) => {
    canvas.clearRect(0, 0, 1, 1);
    canvas.fillStyle = color;
    canvas.fillRect(0, 0, 1, 1);
    return [...canvas.getImageData(0, 0, 1, 1).data];
  };
  const luminance = ([r, g, b]) => {
    const [x, y, z] = [r, g, b].map((value) => value / 255)
      .map((value) => value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4);
    return 0.2126 * x + 0.7152 * y + 0.0722 * z;
  };
  const behind = (element) => {
    for (let each = element; each; each = each.parentElement) {
      const color = rgb(getComputedStyle(each).backgroundColor);
      if (color[3] === 255) return color;
    }
    return [255, 255, 255];
  };
  const seen = [...document.querySelectorAll("body *")].filter((each) => each.checkVisibility() &&
    !each.disabled && [...each.childNodes].some((node) => node.nodeType === 3 && node.data.trim()));
  return Math.min(...seen.map((each) => {
    const [one, other] = [rgb(getComputedStyle(each).color), behind(each)].map(luminance);
    return (Math.max(one, other) + 0.05) / (Math.min(one, other) + 0.05);
  }));
})()`;
