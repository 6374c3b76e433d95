/** A tab of Chromium with the small app's page: stock Echo, and what came to it. */

import type { BrowserContext } from "playwright-core";
import { until } from "../../../sidecar/testing/eventually.ts";

export interface Tab {
  /** Numbers as they came. */
  seen(channel: string): Promise<readonly number[]>;
  /** Reasons of `pogo:gap`. */
  gaps(channel: string): Promise<readonly string[]>;
  /** `+user` and `-user` as Echo said it. */
  members(channel: string): Promise<readonly string[]>;
  /** How often it was subscribed. */
  subscribed(channel: string): Promise<number>;
  /** Resolves once every channel was subscribed so often. */
  untilSubscribed(times: number): Promise<void>;
  /** Resolves once every channel was subscribed once more, after `fault`. */
  untilBack<T>(fault: () => Promise<T> | T): Promise<T>;
  /** Runs in the page. */
  run(script: string): Promise<unknown>;
  close(): Promise<void>;
}

export interface TabOptions {
  readonly url: string;
  readonly channels: readonly string[];
  /** With Echo's `wsPath`; else by the cookie. */
  readonly hasToken: boolean;
  /** Gives a silent line up within two seconds. */
  readonly isImpatient?: boolean;
}

/** Resolves once all channels are subscribed. */
export async function openTab(context: BrowserContext, options: TabOptions): Promise<Tab> {
  const { url, channels, hasToken, isImpatient = false } = options;
  const query = new URLSearchParams();
  for (const channel of channels) query.append("channel", channel);
  if (hasToken) query.set("token", "");
  if (isImpatient) query.set("impatient", "");
  const page = await context.newPage();
  page.setDefaultTimeout(30_000);
  await page.goto(`${url}/?${query}`);
  const read = async (name: string, channel: string): Promise<unknown> =>
    page.evaluate(`${name}[${JSON.stringify(channel)}]`);
  const texts = async (name: string, channel: string): Promise<string[]> =>
    [await read(name, channel)].flat().map(String);
  const subscribed: Tab["subscribed"] = async (channel) =>
    Number(await read("subscribed", channel));
  const counts = (): Promise<number[]> => Promise.all(channels.map(subscribed));
  const tab: Tab = {
    seen: async (channel) => (await texts("seen", channel)).map(Number),
    gaps: (channel) => texts("gaps", channel),
    members: (channel) => texts("members", channel),
    subscribed,
    async untilSubscribed(times) {
      const isSo = async () => (await counts()).every((count) => count >= times);
      await until(`${times} subscriptions of each channel`, isSo, 30_000);
    },
    async untilBack(fault) {
      const before = Math.max(...(await counts()));
      const result = await fault();
      await tab.untilSubscribed(before + 1);
      return result;
    },
    run: (script) => page.evaluate(script),
    close: () => page.close(),
  };
  await tab.untilSubscribed(1);
  return tab;
}
