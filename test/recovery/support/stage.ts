/** Nodes, the app behind them, what publishes to them and who watches: with the end that a test may forget. */

import type { Browser, BrowserContext } from "playwright-core";
import { until } from "../../../sidecar/testing/eventually.ts";
import { launchBrowser } from "../../e2e/support/browser.ts";
import { loadPusherJs } from "../../e2e/matrix/pusher-js-client.ts";
import { readMetric } from "../../e2e/support/metrics.ts";
import { startCluster, startLoneNode, type Cluster, type Fleet } from "../../kit/fleet.ts";
import { startNumbered, type NumberedLoad } from "../../kit/numbered.ts";
import { startPageApp, type PageApp } from "../../kit/page-app.ts";
import { app } from "../../kit/sign.ts";
import { askedAt, openSubscriber, type Subscriber } from "../../kit/subscriber.ts";
import { openTab, type Tab, type TabOptions } from "./tab.ts";

type Env = Readonly<Record<string, string>>;

export interface Stage<Nodes extends Fleet> {
  readonly fleet: Nodes;
  readonly app: PageApp;
  /** Everybody's address: the line before the nodes. */
  readonly url: string;
  /** Events without a pause. Ends with the stage at the latest. */
  publish(
    channels: readonly string[],
    options?: { everyMs?: number; padding?: string },
  ): NumberedLoad;
  /** A browser's profile in which somebody has logged in. */
  profile(user: string): Promise<BrowserContext>;
  tab(context: BrowserContext, options: Omit<TabOptions, "url">): Promise<Tab>;
  /** pusher-js in Node; resolves once it is subscribed. */
  subscriber(options: SubscriberOptions): Promise<Subscriber>;
  /** Of a metric, over all nodes that run. */
  sum(series: string): Promise<number>;
  end(): Promise<void>;
}

export interface SubscriberOptions {
  /** The name in node_modules: `pusher-js`, or an older one's. */
  readonly library: string;
  readonly channels: readonly string[];
  readonly hasToken?: boolean;
  readonly impatienceMs?: number | undefined;
}

export function clusterStage(size: number, env: Env = {}): Promise<Stage<Cluster>> {
  return startStage((all) => startCluster(size, { env: all }), env);
}

export function loneStage(env: Env = {}): Promise<Stage<Fleet>> {
  return startStage((all) => startLoneNode({ env: all }), env);
}

async function startStage<Nodes extends Fleet>(
  start: (env: Env) => Promise<Nodes>,
  env: Env,
): Promise<Stage<Nodes>> {
  const cleanups: (() => unknown)[] = [];
  const pageApp = await startPageApp(app);
  cleanups.push(() => pageApp.stop());
  const fleet = await start({
    POGO_APP_ID: app.id,
    POGO_APP_KEY: app.key,
    POGO_APP_SECRET: app.secret,
    POGO_UPSTREAM: pageApp.url,
    POGO_DRAIN_WINDOW: "200ms",
    ...env,
  }).catch(async (error: unknown) => {
    await pageApp.stop();
    throw error;
  });
  cleanups.push(() => fleet.stop());
  const { port } = fleet.line;
  const url = `http://127.0.0.1:${port}`;
  let browser: Promise<Browser> | undefined;

  function launch(): Promise<Browser> {
    if (browser) return browser;
    const launched = (browser = launchBrowser());
    cleanups.push(async () => (await launched).close());
    return launched;
  }

  return {
    fleet,
    app: pageApp,
    url,
    publish(channels, options = {}) {
      const load = startNumbered({ port, app, channels, everyMs: 50, ...options });
      cleanups.push(() => load.stop());
      return load;
    },
    async profile(user) {
      const context = await (await launch()).newContext();
      await context.request.get(`${url}/login/${user}`);
      return context;
    },
    tab: (context, options) => openTab(context, { url, ...options }),
    async subscriber({ library, hasToken = true, ...options }) {
      const { key } = app;
      const Library = loadPusherJs(library);
      const authorize = askedAt(port, "ada");
      const common = { Library, port, key, hasToken, authorize };
      const subscriber = openSubscriber({ ...common, ...options });
      cleanups.push(() => subscriber.leave());
      await until("its subscriptions", () => subscriber.isBack);
      return subscriber;
    },
    async sum(series) {
      const values = fleet.adminUrls.map((adminUrl) => readMetric(adminUrl, series));
      return (await Promise.all(values)).reduce((sum, value) => sum + value, 0);
    },
    async end() {
      for (const cleanup of cleanups.splice(0).toReversed()) await cleanup();
    },
  };
}
