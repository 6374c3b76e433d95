/** The same pages in Chromium, each in a tab of its own. */

import { createRequire } from "node:module";
import { launchBrowser } from "../../../e2e/support/browser.ts";
import { channelOf, openPage, Tally, type PageOptions, type Pages } from "./pages.ts";

const libraryPath = createRequire(import.meta.url).resolve("pusher-js/dist/web/pusher.js");

/** Resolves once all of them are subscribed. */
export async function openChromiumPages(port: number, key: string, count: number): Promise<Pages> {
  const browser = await launchBrowser();
  const context = await browser.newContext();
  const tally = new Tally(count);
  await context.exposeFunction("onChange", tally.take);
  for (let index = 0; index < count; index += 1) {
    const page = await context.newPage();
    await page.goto(`http://127.0.0.1:${port}/`);
    await page.addScriptTag({ path: libraryPath });
    const options: PageOptions = { port, key, channel: channelOf(index) };
    await page.evaluate(`void (${openPage})(Pusher, ${JSON.stringify(options)}, onChange)`);
  }
  return tally.watch(() => browser.close());
}
