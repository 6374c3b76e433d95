/**
 * What people see of a deployment: 200 requests a second and 500 pages with pusher-js, while the app, the sidecar or both
 * restart. The sidecar is stopped and started; shares its port with its successor (POGO_REUSE_PORT); or finds it open,
 * as from a socket unit of systemd, and then there are 500 requests a second. It runs from its build, as its users have it. How long a page in a browser is away is
 * measured in Chromium, with little else going on.
 */

import { setTimeout as sleep } from "node:timers/promises";
import { until } from "../../../sidecar/testing/eventually.ts";
import { commandPath } from "../../../sidecar/testing/needs.ts";
import { chromiumPath } from "../../e2e/support/needs.ts";
import { startRequests } from "../../kit/steady-requests.ts";
import type { Scenario, Settings } from "../scenario.ts";
import { openChromiumPages } from "../support/deploy/chromium-pages.ts";
import { openPages, type Pages } from "../support/deploy/pages.ts";
import {
  key,
  startApp,
  startNode,
  startUnit,
  type Node,
  type Restartable,
  type RestartSettings,
} from "../support/deploy/servers.ts";
import { build } from "../support/servers.ts";
import { median, toTable, whole } from "../support/table.ts";

const stoppedAndStarted = "the sidecar, stopped and started";
/** How long a page that does not come back is waited for. */
const patienceMs = 30_000;

interface Row {
  readonly what: string;
  readonly restarts: number;
  readonly requests: number;
  /** By status, or error. */
  readonly answers: Readonly<Record<string, number>>;
  readonly longestMs: number;
  readonly closed: number;
  readonly lost: number;
  /** Of each close: until its page was subscribed again. */
  readonly pagesBackMs: readonly number[];
  /** Until all pages are subscribed and no request waits any more; the longest of all restarts. */
  readonly backMs: number;
}

/** Who is there while something restarts. */
interface Visitors {
  readonly open: (port: number) => Promise<Pages>;
  readonly perSecond: number;
  /** They go on until as many were sent. @default 0 */
  readonly leastRequests?: number;
}

type Measure = (what: string, settings: RestartSettings) => Promise<Row>;

export const deploy: Scenario = {
  name: "deploy",
  needs: () => false,
  takesTarget: false,
  async run(settings) {
    const rows: Row[] = [];
    const { main, remove } = build(settings.checkout);
    try {
      for (const [what, measure] of Object.entries(measurements)) {
        if (settings.only && !what.includes(settings.only)) continue;
        // pusher-js waits for fifteen seconds where nobody listens at its first attempt.
        if (settings.scale < 1 && what.startsWith(stoppedAndStarted)) continue;
        rows.push(await measure(what, { ...settings, main }));
      }
    } finally {
      remove();
    }
    return toTable(rows, [
      ["what restarts", ({ what }) => what],
      ["times", ({ restarts }) => String(restarts)],
      ["requests", ({ requests }) => whole(requests)],
      ["not 200", ({ answers }) => showOthers(answers)],
      ["longest wait, s", ({ longestMs }) => seconds(longestMs)],
      ["sockets closed", ({ closed }) => String(closed)],
      ["lost", ({ lost }) => String(lost)],
      [
        "median back after, s",
        (row) => (row.closed === 0 ? "–" : seconds(median(row.pagesBackMs))),
      ],
      ["all back after, s", ({ backMs }) => seconds(backMs)],
    ]);
  },
};

const hasUnits = commandPath("perl") !== undefined;
const hasChromium = chromiumPath() !== undefined;

const measurements: Readonly<Record<string, Measure>> = {
  "the app": (what, settings) =>
    measureRestarts(what, settings, crowd(settings), async ({ app }) => {
      await app.stop();
      await sleep(settings.measuredMs / 2);
      await app.start();
    }),
  "the sidecar, its port shared": (what, settings) =>
    measureRestarts(what, settings, crowd(settings), ({ node }) => node.replace()),
  ...(hasUnits && {
    "the sidecar, its socket kept": (what, settings) =>
      measureUnit(what, settings, manyRequests(settings), () => Promise.resolve()),
    "both, the socket kept": (what, settings) =>
      measureUnit(what, settings, manyRequests(settings), async (app) => {
        await app.stop();
        await sleep(settings.measuredMs / 2);
        await app.start();
      }),
  }),
  [stoppedAndStarted]: (what, settings) =>
    measureRestarts(what, settings, crowd(settings), stopAndStart),
  ...(hasUnits &&
    hasChromium && {
      "the sidecar, its socket kept: pages in Chromium": (what, settings) =>
        measureUnit(what, settings, browser(settings), () => Promise.resolve()),
      [`${stoppedAndStarted}: pages in Chromium`]: (what, settings) =>
        measureRestarts(what, settings, browser(settings), stopAndStart),
    }),
};

function crowd({ scale }: Settings): Visitors {
  const open = (port: number): Promise<Pages> => openPages(port, key, Math.ceil(500 * scale));
  return { open, perSecond: 200 * scale };
}

/** 10,000 of them over five restarts, in full. */
function manyRequests(settings: Settings): Visitors {
  const { scale, rounds } = settings;
  const leastRequests = 10_000 * scale * (rounds === 1 ? 0.1 : 1);
  return { ...crowd(settings), perSecond: 500 * scale, leastRequests };
}

function browser({ scale }: Settings): Visitors {
  const open = (port: number): Promise<Pages> =>
    openChromiumPages(port, key, Math.ceil(20 * scale));
  return { open, perSecond: 20 };
}

interface Stage {
  readonly app: Restartable;
  readonly node: Node;
}

async function stopAndStart({ node }: Stage): Promise<void> {
  await node.stop();
  await node.start();
}

async function measureRestarts(
  what: string,
  settings: RestartSettings,
  visitors: Visitors,
  restart: (stage: Stage) => Promise<void>,
): Promise<Row> {
  const app = await startApp(settings);
  const node = await startNode(app.port, settings);
  try {
    return await measure(what, settings, {
      port: node.port,
      visitors,
      restarts: settings.rounds,
      restart: () => restart({ app, node }),
    });
  } finally {
    await node.stop();
    await app.stop();
  }
}

async function measureUnit(
  what: string,
  settings: RestartSettings,
  visitors: Visitors,
  meanwhile: (app: Restartable) => Promise<void>,
): Promise<Row> {
  const app = await startApp(settings);
  const unit = await startUnit(app.port, settings);
  try {
    return await measure(what, settings, {
      port: unit.port,
      visitors,
      restarts: settings.rounds === 1 ? 1 : 5,
      restart: async () => void (await Promise.all([unit.restart(), meanwhile(app)])),
    });
  } finally {
    await unit.stop();
    await app.stop();
  }
}

interface Plan {
  readonly port: number;
  readonly visitors: Visitors;
  readonly restarts: number;
  readonly restart: () => Promise<void>;
}

async function measure(what: string, settings: Settings, plan: Plan): Promise<Row> {
  const { port, visitors, restarts, restart } = plan;
  const { perSecond, leastRequests = 0 } = visitors;
  const pages = await visitors.open(port);
  const load = startRequests({ port, perSecond, path: () => "/" });
  let backMs = 0;
  let lost = 0;
  for (let time = 0; time < restarts; time += 1) {
    await sleep(settings.warmUpMs);
    const beganMs = performance.now();
    await restart();
    await pages.settled(patienceMs);
    await until("those that wait", () => load.open <= perSecond / 10 + 1, patienceMs);
    backMs = Math.max(backMs, performance.now() - beganMs);
    lost += pages.away;
  }
  await until("requests", () => load.answered >= leastRequests, 60_000);
  const { closed, backMs: pagesBackMs } = pages;
  await pages.leave();
  const { sent, answers, longestMs } = await load.stop();
  const counted = { requests: sent, answers, longestMs };
  return { what, restarts, ...counted, closed, lost, pagesBackMs, backMs };
}

function showOthers(answers: Readonly<Record<string, number>>): string {
  const others = Object.entries(answers).filter(([outcome]) => outcome !== "200");
  const counts = others.map(([outcome, count]) => `${count} × ${outcome}`);
  return counts.length === 0 ? "0" : counts.join(", ");
}

function seconds(ms: number): string {
  return (ms / 1_000).toFixed(2);
}
