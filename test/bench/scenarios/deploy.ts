/**
 * What people see of a deployment: 200 requests a second and 500 pages with pusher-js, while the app, the sidecar or both
 * restart. The sidecar is stopped and started; shares its port with its successor (POGO_REUSE_PORT); or finds it open,
 * as from a socket unit of systemd, and then there are 500 requests a second.
 */

import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { startChild, waitUntilUp, type Child } from "../../../sidecar/testing/child.ts";
import { until } from "../../../sidecar/testing/eventually.ts";
import { commandPath } from "../../../sidecar/testing/needs.ts";
import { freePort } from "../../../sidecar/testing/ports.ts";
import { repository, startSidecar, type Sidecar } from "../../kit/process.ts";
import { startRequests } from "../../kit/steady-requests.ts";
import type { Scenario, Settings } from "../scenario.ts";
import { openPages } from "../support/deploy/pages.ts";
import { bind } from "../support/machine.ts";
import { toTable, whole } from "../support/table.ts";

const appScript = join(import.meta.dirname, "../support/proxy/app.ts");
const unitScript = join(import.meta.dirname, "../../e2e/support/socket-unit.pl");
const stoppedAndStarted = "the sidecar, stopped and started";
const key = "bench-key";
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
  /** Until all pages are subscribed and no request waits any more; the longest of all restarts. */
  readonly backMs: number;
}

export const deploy: Scenario = {
  name: "deploy",
  needs: () => false,
  async run(settings) {
    const rows: Row[] = [];
    for (const [what, measure] of Object.entries(measurements)) {
      if (settings.only && !what.includes(settings.only)) continue;
      // pusher-js waits for fifteen seconds where nobody listens at its first attempt.
      if (settings.scale < 1 && what === stoppedAndStarted) continue;
      rows.push(await measure(what, settings));
    }
    return toTable(rows, [
      ["what restarts", ({ what }) => what],
      ["times", ({ restarts }) => String(restarts)],
      ["requests", ({ requests }) => whole(requests)],
      ["not 200", ({ answers }) => showOthers(answers)],
      ["longest wait, s", ({ longestMs }) => (longestMs / 1_000).toFixed(2)],
      ["sockets closed", ({ closed }) => String(closed)],
      ["lost", ({ lost }) => String(lost)],
      ["all back after, s", ({ backMs }) => (backMs / 1_000).toFixed(2)],
    ]);
  },
};

const measurements: Readonly<Record<string, (what: string, settings: Settings) => Promise<Row>>> = {
  "the app": (what, settings) =>
    measureRestarts(what, settings, async ({ app }) => {
      await app.stop();
      await sleep(settings.measuredMs / 2);
      await app.start();
    }),
  "the sidecar, its port shared": (what, settings) =>
    measureRestarts(what, settings, ({ node }) => node.replace()),
  ...(commandPath("perl") !== undefined && {
    "the sidecar, its socket kept": (what: string, settings: Settings) =>
      measureSocketUnit(what, settings, () => Promise.resolve()),
    "both, the socket kept": (what: string, settings: Settings) =>
      measureSocketUnit(what, settings, async (app) => {
        await app.stop();
        await sleep(settings.measuredMs / 2);
        await app.start();
      }),
  }),
  [stoppedAndStarted]: (what, settings) =>
    measureRestarts(what, settings, async ({ node }) => {
      await node.stop();
      await node.start();
    }),
};

interface Stage {
  readonly app: Restartable;
  readonly node: Restartable & {
    /** Starts the successor, then stops what ran so far. */
    replace(): Promise<void>;
  };
}

interface Restartable {
  readonly port: number;
  start(): Promise<void>;
  stop(): Promise<void>;
}

async function measureRestarts(
  what: string,
  settings: Settings,
  restart: (stage: Stage) => Promise<void>,
): Promise<Row> {
  const app = await startApp(settings);
  const node = await startNode(app.port, settings);
  try {
    return await measure(what, settings, {
      port: node.port,
      perSecond: 200 * settings.scale,
      restarts: settings.rounds,
      restart: () => restart({ app, node }),
    });
  } finally {
    await node.stop();
    await app.stop();
  }
}

/** 10,000 requests and five restarts, in full. */
async function measureSocketUnit(
  what: string,
  settings: Settings,
  meanwhile: (app: Restartable) => Promise<void>,
): Promise<Row> {
  const app = await startApp(settings);
  const port = await freePort();
  const unit = startChild("perl", [unitScript, `${port}`, process.execPath, "sidecar/main.ts"], {
    cwd: settings.checkout ?? repository,
    env: { ...environment(app.port), POGO_ADMIN_PORT: String(await freePort()) },
  });
  const logged = (text: string): string[] => unit.lines.filter((line) => line.includes(text));
  const listening = (times: number): Promise<unknown> =>
    until("the sidecar", () => logged('"msg":"listening"').length >= times, patienceMs);
  try {
    await listening(1);
    let starts = 1;
    return await measure(what, settings, {
      port,
      perSecond: 500 * settings.scale,
      restarts: settings.rounds === 1 ? 1 : 5,
      leastRequests: 10_000 * settings.scale * (settings.rounds === 1 ? 0.1 : 1),
      async restart() {
        starts += 1;
        process.kill(Number(logged("started ").at(-1)?.split(" ")[1]), "SIGTERM");
        await Promise.all([listening(starts), meanwhile(app)]);
      },
    });
  } finally {
    await unit.stop();
    await app.stop();
  }
}

interface Plan {
  readonly port: number;
  readonly perSecond: number;
  readonly restarts: number;
  /** Goes on until as many were sent. */
  readonly leastRequests?: number;
  readonly restart: () => Promise<void>;
}

async function measure(what: string, settings: Settings, plan: Plan): Promise<Row> {
  const { port, perSecond, restarts, leastRequests = 0, restart } = plan;
  const pages = await openPages(port, key, Math.ceil(500 * settings.scale));
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
  const { closed } = pages;
  pages.leave();
  const { sent, answers, longestMs } = await load.stop();
  return { what, restarts, requests: sent, answers, longestMs, closed, lost, backMs };
}

function showOthers(answers: Readonly<Record<string, number>>): string {
  const others = Object.entries(answers).filter(([outcome]) => outcome !== "200");
  const counts = others.map(([outcome, count]) => `${count} × ${outcome}`);
  return counts.length === 0 ? "0" : counts.join(", ");
}

async function startApp({ cores }: Settings): Promise<Restartable> {
  const port = await freePort();
  let child: Child | null = null;
  const app: Restartable = {
    port,
    async start() {
      const started = startChild(process.execPath, [appScript, String(port)], {
        cwd: import.meta.dirname,
        env: {},
      });
      child = started;
      if (cores) bind(started.pid, cores.load);
      await waitUntilUp(started, () => Promise.resolve(started.lines.includes("listening")));
    },
    stop: async () => void (await child?.stop()),
  };
  await app.start();
  return app;
}

async function startNode(appPort: number, { cores, checkout }: Settings): Promise<Stage["node"]> {
  const port = await freePort();
  let sidecar: Sidecar | null = null;
  const node: Stage["node"] = {
    port,
    async start() {
      const env = { ...environment(appPort), POGO_PORT: String(port), POGO_REUSE_PORT: "true" };
      sidecar = await startSidecar({ checkout: checkout ?? undefined, env });
      if (cores) bind(sidecar.pid, cores.servers);
    },
    stop: async () => void (await sidecar?.stop()),
    async replace() {
      const before = sidecar;
      await node.start();
      await before?.stop();
    },
  };
  await node.start();
  return node;
}

function environment(appPort: number): Record<string, string> {
  return {
    POGO_APP_ID: "bench",
    POGO_APP_KEY: key,
    POGO_APP_SECRET: "bench-secret",
    POGO_UPSTREAM: `http://127.0.0.1:${appPort}`,
    // All pages have one address.
    POGO_HANDSHAKE_RATE: "5000",
    POGO_HANDSHAKE_BURST: "5000",
  };
}
