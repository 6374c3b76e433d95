/** `npm run demo` as a reader runs it: in a browser with two tabs, ended with Ctrl-C. */

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { tmpdir } from "node:os";
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

test(
  "a channel that the app refuses is shown as refused, and why in the console",
  { skip },
  async () => {
    const tab = await openTab("Tony");
    await tab.locator("#connection", { hasText: "connected" }).waitFor();
    await tab.locator("#refused").click();
    await tab.locator("#joined", { hasText: "payroll: refused (403)" }).waitFor();
    const opened = context.waitForEvent("page");
    await tab.locator("#console").click();
    const page = await opened;
    const refusal = page.getByRole("listitem").filter({ hasText: "payroll" });
    await refusal.getByText("forbidden").first().waitFor();
    await page.close();
    await tab.close();
  },
);

test(
  "headings and states keep to one line, on a phone and beside each other",
  { skip },
  async () => {
    const tab = await openTab("Barbara");
    await tab.locator("#presence .state", { hasText: "1 member" }).waitFor();
    for (const width of [320, 390, 720, 1280]) {
      await tab.setViewportSize({ width, height: 800 });
      const pageWidth = await tab.evaluate("document.documentElement.scrollWidth");
      assert.ok(Number(pageWidth) <= width, `${width} px: nothing to scroll sideways`);
      const heights = await tab
        .locator("main .head h2, main .head .state")
        .evaluateAll((elements) =>
          elements.map((element) => element.getBoundingClientRect().height),
        );
      assert.equal(heights.length, 6);
      assert.ok(Math.max(...heights) < 30, `${width} px: ${heights.join(", ")}`);
    }
    await tab.close();
  },
);

test(
  "what app and sidecar say stands on the page, what stood before it came too",
  { skip },
  async () => {
    const tab = await openTab("Alan");
    const said = tab.locator("#story li");
    await said.filter({ hasText: "the sidecar asks: may Alan join private-orders?" }).waitFor();
    await tab.locator("#public input").fill("heard by all");
    await tab.locator("#public form button").click();
    await said.filter({ hasText: 'publishes "message" of Alan to lobby' }).first().waitFor();
    await said.filter({ hasText: "event published" }).first().waitFor();
    const late = await openTab("Edsger");
    const before = late.locator("#story li");
    await before.filter({ hasText: 'publishes "message" of Alan to lobby' }).first().waitFor();
    await late.close();
    await tab.close();
  },
);

test(
  "the app is stopped: connections stay, what is sent waits until it is back, and so does who joins",
  { skip },
  async () => {
    const tab = await openTab("Donald");
    await tab.locator('#private .head .state[data-is="subscribed"]').waitFor();
    await tab.locator("#stop").click();
    await tab.locator("#scene", { hasText: "the app is stopped" }).waitFor();
    await tab.locator("#public input").fill("sent while it was away");
    await tab.locator("#public form button").click();
    await tab.locator("#public li", { hasText: "away: waits for the app" }).waitFor();
    await tab.locator("#another").click();
    await tab.locator("#joined", { hasText: "orders.1: asking the app" }).waitFor();
    await tab.locator("#story li", { hasText: "is the app running" }).first().waitFor();
    assert.equal(await tab.locator("#connection").textContent(), "connected");
    await tab.locator("#stop", { hasText: "Start the app again" }).click();
    await tab.locator("#joined", { hasText: "orders.1: joined after" }).waitFor();
    await tab.locator("#public li", { hasText: "Donald: sent while it was away" }).waitFor();
    await tab.locator("#public li.note").waitFor({ state: "detached" });
    assert.equal(await tab.locator("#public li.bad").count(), 0);
    await tab.locator("#scene", { hasText: "all is well" }).waitFor();
    await tab.close();
  },
);

test("the app is slow, or says no: who joins waits, or is refused", { skip }, async () => {
  const tab = await openTab("Barbara");
  await tab.locator("#connection", { hasText: "connected" }).waitFor();
  await tab.locator("#slow").click();
  await tab.locator("#scene", { hasText: "the app is slow" }).waitFor();
  await tab.locator("#another").click();
  await tab.locator("#joined", { hasText: /joined after [2-9]/ }).waitFor();
  await tab.locator("#slow", { hasText: "Make it quick again" }).click();
  await tab.locator("#refuse").click();
  await tab.locator("#scene", { hasText: "the app says no" }).waitFor();
  await tab.locator("#another").click();
  await tab.locator("#joined", { hasText: "orders.2: refused (403)" }).waitFor();
  await tab.locator("#refuse", { hasText: "Let it say yes again" }).click();
  await tab.locator("#scene", { hasText: "all is well" }).waitFor();
  await tab.close();
});

test(
  "the sidecar is restarted: the page comes back by itself, with its channels",
  { skip },
  async () => {
    const tab = await openTab("Grace");
    await tab.locator('#private .head .state[data-is="subscribed"]').waitFor();
    await tab.locator("#restart").click();
    await tab.locator("#story li", { hasText: "Connected again after" }).waitFor();
    for (const panel of ["#public", "#private", "#presence"]) {
      await tab.locator(`${panel} .head .state[data-is="subscribed"]`).waitFor();
    }
    await tab.locator("#scene", { hasText: "all is well" }).waitFor();
    await tab.locator("#private form button").click();
    await tab.locator("#private li", { hasText: "Grace: Order 17 has shipped" }).waitFor();
    await tab.close();
  },
);

test(
  "the line is cut: what the app published meanwhile comes when it is whole again, in order and once",
  { skip },
  async () => {
    const tab = await openTab("Alan");
    await tab.locator('#public .head .state[data-is="subscribed"]').waitFor();
    await tab.locator("#cut").click();
    await tab.locator("#scene", { hasText: "the line is cut" }).waitFor();
    await tab.locator("#connection", { hasText: "connecting" }).waitFor();
    const missed = tab.locator("#public li span", { hasText: "while the line was cut" });
    await missed.nth(4).waitFor();
    await tab.locator("#scene", { hasText: "all is well" }).waitFor();
    await tab.locator("#public form button").click();
    await tab.locator("#public li", { hasText: "Alan: Hello, everybody" }).waitFor();
    assert.deepEqual(
      (await missed.allTextContents()).toReversed(),
      [1, 2, 3, 4, 5].map((time) => `The app: ${time} of 5, while the line was cut`),
    );
    await tab.close();
  },
);

test(
  "it leads on to one's own app, with a command that runs on this machine",
  { skip },
  async () => {
    const tab = await openTab("Tony");
    const command = (await tab.locator("#command").textContent()) ?? "";
    const [, node = "", main = ""] = /^(\S+) (\S+) env --write$/m.exec(command) ?? [];
    const { status, stdout } = spawnSync(node, [main, "env"], { cwd: tmpdir(), encoding: "utf8" });
    assert.equal(status, 0);
    assert.match(stdout, /^REVERB_APP_SECRET=/m);
    await tab.close();
  },
);

test("no page but the demo's may press its buttons", { skip }, async () => {
  const tab = await openTab("Radia");
  const stage = String(await tab.evaluate("`http://127.0.0.1:${boot.stagePort}`"));
  const press = (headers: Record<string, string>) =>
    fetch(`${stage}/do/slow-app`, { method: "POST", headers });
  assert.equal((await press({})).status, 403);
  assert.equal((await press({ origin: "http://evil.example" })).status, 403);
  assert.equal((await press({ origin: stage })).status, 403);
  assert.equal(
    (await fetch(`${stage}/do/other`, { method: "POST", headers: { origin: address } })).status,
    404,
  );
  await tab.close();
});

test("--host: a phone in the network gets page, events and buttons", { skip }, async () => {
  const second = startChild("npm", ["run", "demo", "--", "--host"], { cwd: repository, env: {} });
  const output = (): string => second.lines.join("\n");
  await waitUntilUp(second, async () => /On your phone/.test(output()));
  // Another address of this machine, on which a demo without the flag does not listen.
  const [elsewhere, port = ""] = ["127.0.0.2", /Open in two tabs\s+\S+:(\d+)/.exec(output())?.[1]];
  await assert.rejects(fetch(address.replace("127.0.0.1", elsewhere)));
  const tab = await context.newPage();
  await tab.goto(`http://${elsewhere}:${port}/?name=Ada`);
  await tab.locator('#private .head .state[data-is="subscribed"]').waitFor();
  await tab.locator("#story li", { hasText: "may Ada join private-orders?" }).first().waitFor();
  await tab.locator("#slow").click();
  await tab.locator("#scene", { hasText: "the app is slow" }).waitFor();
  await tab.locator("#counted").waitFor({ state: "hidden" });
  await tab.close();
  second.signal("SIGTERM");
  assert.deepEqual(await second.exited, { code: 0, signal: null });
});

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
