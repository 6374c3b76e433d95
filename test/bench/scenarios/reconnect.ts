/**
 * What clients miss over a reconnect, and what it costs the app: 1,000 clients with five private channels each, while
 * nodes restart one after the other, a lone node restarts, or all lines are cut. Beside each, with recovery off.
 */

import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { commandPath } from "../../../sidecar/testing/needs.ts";
import { needsRedis } from "../../../sidecar/testing/redis/redis-needs.ts";
import { startTcpProxy } from "../../../sidecar/testing/tcp-proxy.ts";
import { startCluster, startLoneNode, type Fleet, type FleetOptions } from "../../kit/fleet.ts";
import { startPageApp } from "../../kit/page-app.ts";
import { signChannel } from "../../kit/sign.ts";
import { askedAt, type Authorize } from "../../kit/subscriber.ts";
import type { Scenario, Settings } from "../scenario.ts";
import { bind } from "../support/machine.ts";
import { measureCrowd, type CrowdOptions, type CrowdResult } from "../support/reconnect/crowd.ts";
import { app } from "../support/servers.ts";
import { percent, toTable, whole } from "../support/table.ts";
import type { Target } from "../support/target.ts";

interface Row extends CrowdResult {
  readonly what: string;
  readonly recovery: string;
  readonly clients: number;
  /** Requests to `/broadcasting/auth` after the first of each subscription. */
  readonly askedAgain: number;
}

type Measure = (recovery: string, settings: Settings) => Promise<Omit<Row, "what" | "recovery">>;

interface Cell {
  readonly what: string;
  /** Of `POGO_RECOVERY`, and whether with `POGO_RECOVERY_AUTH`; "–" where the server knows no such setting. */
  readonly recovery: string;
  readonly measure: Measure;
}

const rolling: Measure = (recovery, settings) =>
  measureFleet(
    settings,
    (options) => startCluster(2, options),
    { POGO_RECOVERY: recovery },
    (fleet) => fleet.restart(),
  );

/** The sidecar answers for the app what that had granted before. */
const grantedAgain = "orderly, granted again";

const lone: Measure = async (recovery, settings) => {
  const folder = mkdtempSync(join(tmpdir(), "pogo-recovery-"));
  const isGrantedAgain = recovery === grantedAgain;
  const env = {
    POGO_RECOVERY: isGrantedAgain ? "orderly" : recovery,
    ...(isGrantedAgain && { POGO_RECOVERY_AUTH: "true" }),
    ...(recovery !== "off" && { POGO_RECOVERY_STATE_DIR: folder }),
  };
  try {
    return await measureFleet(settings, startLoneNode, env, (fleet) => fleet.restart());
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
};

const cut: Measure = (recovery, settings) =>
  measureFleet(
    settings,
    (options) => startCluster(2, options),
    { POGO_RECOVERY: recovery },
    (fleet) => Promise.resolve(fleet.line.reset()),
  );

const twoNodes = "two nodes, one after the other";
const loneNode = "a lone node, its socket kept";
const allLines = "all lines are cut";

export const reconnect: Scenario = {
  name: "reconnect",
  needs: needsRedis,
  takesTarget: true,
  async run(settings) {
    const rows: Row[] = [];
    for (const { what, recovery, measure } of cellsOf(settings)) {
      // What shows that it runs need not show it twice.
      if (settings.scale < 1 && recovery === "off") continue;
      if (settings.only && !`${what}, ${recovery}`.includes(settings.only)) continue;
      rows.push({ what, recovery, ...(await measure(recovery, settings)) });
    }
    return describe(rows, settings);
  },
};

function cellsOf({ target, restart }: Settings): readonly Cell[] {
  if (target) {
    const ofTarget = (fault: (cutLines: () => void) => void): Measure => {
      return (_, settings) => measureTarget(target, settings, fault);
    };
    const cutLines: Cell = { what: allLines, recovery: "–", measure: ofTarget((reset) => reset()) };
    if (restart === null) return [cutLines];
    const run = (): void => void execFileSync("sh", ["-c", restart]);
    return [{ what: "it restarts", recovery: "–", measure: ofTarget(run) }, cutLines];
  }
  const hasPerl = commandPath("perl") !== undefined;
  const alone = ["orderly", grantedAgain, "off"].map((recovery) => ({
    what: loneNode,
    recovery,
    measure: lone,
  }));
  return [
    { what: twoNodes, recovery: "orderly", measure: rolling },
    { what: twoNodes, recovery: "off", measure: rolling },
    ...(hasPerl ? alone : []),
    { what: allLines, recovery: "all", measure: cut },
    { what: allLines, recovery: "off", measure: cut },
  ];
}

async function measureFleet(
  settings: Settings,
  start: (options: FleetOptions) => Promise<Fleet>,
  env: Readonly<Record<string, string>>,
  fault: (fleet: Fleet) => Promise<unknown>,
): ReturnType<Measure> {
  const { cores, checkout } = settings;
  const pageApp = await startPageApp(app);
  const fleet = await start({
    env: {
      POGO_APP_ID: app.id,
      POGO_APP_KEY: app.key,
      POGO_APP_SECRET: app.secret,
      POGO_UPSTREAM: pageApp.url,
      // All clients have one address.
      POGO_HANDSHAKE_RATE: "100000",
      POGO_HANDSHAKE_BURST: "100000",
      ...env,
    },
    checkout: checkout ?? undefined,
    ...(cores && { onStart: (pid: number) => bind(pid, cores.servers) }),
  });
  const { port } = fleet.line;
  const origin = env["POGO_RECOVERY_AUTH"] === undefined ? null : `http://localhost:${port}`;
  let asked = 0;
  try {
    const size = sizeOf(settings);
    const result = await measureCrowd(
      {
        ...size,
        port,
        app,
        authorize: askedAt(port, "ada", origin ?? undefined),
        origin,
        hasToken: env["POGO_RECOVERY"] !== "off",
        fault: () => fault(fleet),
      },
      () => (asked = pageApp.authorizations),
    );
    return { ...result, clients: size.clients, askedAgain: pageApp.authorizations - asked };
  } finally {
    await fleet.stop();
    await pageApp.stop();
  }
}

/** Of a server that runs already: its clients come by a line that can be cut, and sign for themselves. */
async function measureTarget(
  target: Target,
  settings: Settings,
  fault: (cutLines: () => void) => void,
): ReturnType<Measure> {
  const line = await startTcpProxy(target.port);
  let asked = 0;
  let askedFirst = 0;
  const authorize: Authorize = (socketId, channel, done) => {
    asked += 1;
    done(null, signChannel(target.app, socketId, channel));
  };
  try {
    const size = sizeOf(settings);
    const result = await measureCrowd(
      {
        ...size,
        port: line.port,
        app: target.app,
        authorize,
        hasToken: false,
        origin: null,
        fault: () => Promise.resolve(fault(line.reset)),
      },
      () => (askedFirst = asked),
    );
    return { ...result, clients: size.clients, askedAgain: asked - askedFirst };
  } finally {
    await line.close();
  }
}

function sizeOf({ scale, rounds, warmUpMs }: Settings) {
  return {
    clients: Math.ceil(1_000 * scale),
    channels: Math.ceil(100 * scale),
    everyMs: 500,
    times: rounds,
    calmMs: warmUpMs * 2,
  } satisfies Partial<CrowdOptions>;
}

function describe(rows: readonly Row[], { rounds }: Settings): string {
  const table = toTable(rows, [
    ["what happens", ({ what }) => what],
    ["recovery", ({ recovery }) => recovery],
    ["clients", ({ clients }) => whole(clients)],
    ["reconnects", ({ absences }) => whole(absences)],
    ["events due", ({ due }) => whole(due)],
    ["missed", ({ missed }) => whole(missed)],
    ["twice", ({ doubled }) => whole(doubled)],
    ["out of order", ({ late }) => whole(late)],
    ["publishes refused", ({ refused }) => whole(refused)],
    ["requests at PHP", ({ askedAgain }) => whole(askedAgain)],
    ["lost", ({ lost }) => whole(lost)],
    ["all back after, s", ({ backMs }) => (backMs / 1_000).toFixed(2)],
    ["load CPU", ({ loadCpu }) => percent(loadCpu)],
  ]);
  return [
    `Each happens ${rounds === 1 ? "once" : `${rounds} times`}, with two events a second on each channel. An event is due ` +
      "once for each client that is in its channel; requests at PHP are those to `/broadcasting/auth` for clients that " +
      "come back; lost are clients that did not.",
    table,
  ].join("\n\n");
}
