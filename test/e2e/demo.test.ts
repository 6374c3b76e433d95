/** `npm run demo` as a reader runs it: in a browser with two tabs, ended with Ctrl-C. */

import assert from "node:assert/strict";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { chromium, type Browser, type BrowserContext, type Page } from "playwright-core";
import { startChild, waitUntilUp, type Child } from "../../sidecar/testing/child.ts";
import { chromiumPath, needsChromium } from "./support/needs.ts";

const skip = needsChromium();
const repository = join(import.meta.dirname, "../..");

let demo: Child;
let address: string;
let browser: Browser;
let context: BrowserContext;

before(async () => {
  if (skip) return;
  demo = startChild("npm", ["run", "demo"], { cwd: repository, env: {} });
  const output = (): string => demo.lines.join("\n");
  await waitUntilUp(demo, async () => /Open in two tabs/.test(output()));
  address = /Open in two tabs\s+(\S+)/.exec(output())?.[1] ?? "";
  browser = await chromium.launch({
    executablePath: chromiumPath() ?? "",
    args: ["--no-sandbox"], // root, as on many CI machines, has no sandbox
  });
  // One context: the tabs share their cookies, as a reader's do.
  context = await browser.newContext();
});

after(async () => {
  await browser?.close();
  await demo?.stop();
});

test("two tabs get two names and see each other in the presence list", { skip }, async () => {
  const ada = await openTab();
  const grace = await openTab();
  assert.equal(await ada.locator("#name").textContent(), "Ada");
  assert.equal(await grace.locator("#name").textContent(), "Grace");
  await ada.locator("#presence li", { hasText: "Grace" }).waitFor();
  await grace.locator("#presence li", { hasText: "Ada" }).waitFor();

  await grace.locator("#wave").click();
  await ada.locator("#waved", { hasText: "Grace waved" }).waitFor();

  await grace.close();
  await ada.locator("#presence .state", { hasText: "1 member" }).waitFor();
  await ada.close();
});

test("a message on the public and the private channel reaches every tab", { skip }, async () => {
  const ada = await openTab("Ada");
  const grace = await openTab("Grace");
  for (const panel of ["#public", "#private"]) {
    for (const tab of [ada, grace]) {
      await tab.locator(`${panel} .head .state[data-is="subscribed"]`).waitFor();
    }
    await ada.locator(`${panel} input`).fill(`to ${panel}`);
    await ada.locator(`${panel} form button`).click();
    for (const tab of [ada, grace]) {
      await tab.locator(`${panel} li`, { hasText: `Ada: to ${panel}` }).waitFor();
    }
  }
  await ada.close();
  await grace.close();
});

test(
  "the private channel is authorized by the sidecar's question, the presence channel by the browser's",
  {
    skip,
  },
  async () => {
    const tab = await openTab("Radia");
    await tab.locator('#private .head .state[data-is="subscribed"]').waitFor();
    await tab.locator("#presence li", { hasText: "Radia (you)" }).waitFor();
    const questions = demo.lines.filter((line) => line.includes("may Radia join"));
    assert.deepEqual(questions.toSorted(), [
      "app   the browser asks: may Radia join presence-room?  yes",
      "app   the sidecar asks: may Radia join private-orders?  yes",
    ]);
    await tab.close();
  },
);

test("a channel that the app refuses is shown as refused", { skip }, async () => {
  const tab = await openTab("Tony");
  await tab.locator("#connection", { hasText: "connected" }).waitFor();
  await tab.locator("#refused").click();
  await tab.locator("#private .row .state", { hasText: "refused (403)" }).waitFor();
  await tab.close();
});

test(
  "headings and states keep to one line, on a phone and beside each other",
  { skip },
  async () => {
    const tab = await openTab("Barbara");
    await tab.locator("#presence .state", { hasText: "1 member" }).waitFor();
    for (const width of [320, 390, 720, 1100]) {
      await tab.setViewportSize({ width, height: 800 });
      const heights = await tab
        .locator(".head h2, .head .state")
        .evaluateAll((elements) =>
          elements.map((element) => element.getBoundingClientRect().height),
        );
      assert.equal(heights.length, 6);
      assert.ok(Math.max(...heights) < 30, `${width} px: ${heights.join(", ")}`);
    }
    await tab.close();
  },
);

test("a second demo takes other ports, and ends with npm on SIGTERM", { skip }, async () => {
  const second = startChild("npm", ["run", "demo"], { cwd: repository, env: {} });
  await waitUntilUp(second, async () => /Open in two tabs/.test(second.lines.join("\n")));
  const other = /Open in two tabs\s+(\S+)/.exec(second.lines.join("\n"))?.[1] ?? "";
  assert.notEqual(other, address);
  assert.equal((await fetch(other)).status, 200);
  second.signal("SIGTERM");
  assert.deepEqual(await second.exited, { code: 0, signal: null });
  await assert.rejects(fetch(other));
});

test("Ctrl-C ends the app and the sidecar in order, with a tab open", { skip }, async () => {
  const tab = await openTab();
  await tab.locator("#connection", { hasText: "connected" }).waitFor();
  // The terminal sends it to npm and the demo alike.
  process.kill(-demo.pid, "SIGINT");
  assert.deepEqual(await demo.exited, { code: 0, signal: null });
  await assert.rejects(fetch(address));
});

async function openTab(name?: string): Promise<Page> {
  const page = await context.newPage();
  page.on("pageerror", (error) => assert.fail(error));
  await page.goto(name === undefined ? address : `${address}/?name=${name}`);
  return page;
}
