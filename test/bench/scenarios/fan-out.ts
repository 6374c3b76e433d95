/**
 * One channel with many subscribers: how many deliveries a second one core makes, what a delivery costs at an ordinary
 * rate, and how late it is. Beside it, in the same run, a bare `ws` server that calls `send` for each subscriber.
 */

import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { startChild, waitUntilUp } from "../../../sidecar/testing/child.ts";
import { freePort } from "../../../sidecar/testing/ports.ts";
import { repository, startSidecar } from "../../kit/process.ts";
import type { Scenario, Settings } from "../scenario.ts";
import { cpuSeconds } from "../support/memory.ts";
import { bind } from "../support/machine.ts";
import type { PublisherInput, PublisherResult } from "../support/fan-out/publisher-process.ts";
import type { SubscriberInput, SubscriberResult } from "../support/fan-out/subscriber.ts";
import { median, percent, toTable, whole } from "../support/table.ts";
import type { Target } from "../support/target.ts";
import { startWorker } from "../support/worker.ts";

const app = { id: "bench", key: "bench-key", secret: "bench-secret" };
const channel = "fan-out";
const supportFolder = join(import.meta.dirname, "../support/fan-out");

interface Load {
  readonly subscribers: number;
  readonly dataBytes: number;
  /** Publishes a second; null: as fast as they are answered. */
  readonly perSecond: number | null;
}

const loads: readonly Load[] = [
  { subscribers: 10, dataBytes: 200, perSecond: null },
  { subscribers: 1_000, dataBytes: 200, perSecond: null },
  { subscribers: 1_000, dataBytes: 1_024, perSecond: null },
  { subscribers: 1_000, dataBytes: 4_096, perSecond: null },
  { subscribers: 1_000, dataBytes: 200, perSecond: 40 },
  { subscribers: 10_000, dataBytes: 200, perSecond: null },
  { subscribers: 10_000, dataBytes: 200, perSecond: 4 },
];

interface Measured {
  readonly deliveriesPerSecond: number;
  readonly publishesPerSecond: number;
  readonly megabytesPerSecond: number;
  readonly microsecondsPerDelivery: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly serverCpu: number;
  readonly loadCpu: number;
  /** Publishes that were not answered with 200. */
  readonly refused: number;
}

interface Row extends Measured {
  readonly server: string;
  readonly load: Load;
}

export const fanOut: Scenario = {
  name: "fan-out",
  needs: () => false,
  async run(settings) {
    const rows: Row[] = [];
    for (const load of loads) {
      const name = nameOf(load);
      if (settings.only && !name.includes(settings.only)) continue;
      const servers = settings.target
        ? ([["the target", lend(settings.target)]] as const)
        : ([
            ["Pogo Sidecar", () => startPogo(settings)],
            ["bare ws.send", () => startBare(settings)],
          ] as const);
      const rounds = new Map<string, Measured[]>();
      for (let round = 0; round < settings.rounds; round++) {
        for (const [server, start] of servers) {
          const measured = await measureOn(await start(), load, settings);
          rounds.set(server, [...(rounds.get(server) ?? []), measured]);
        }
      }
      for (const [server, measured] of rounds) {
        rows.push({ server, load, ...medians(measured) });
      }
    }
    return describe(rows, settings);
  },
};

interface Server {
  readonly target: Target;
  stop(): Promise<unknown>;
}

async function startPogo({ cores, checkout }: Settings): Promise<Server> {
  const sidecar = await startSidecar({
    checkout: checkout ?? undefined,
    env: {
      POGO_APP_ID: app.id,
      POGO_APP_KEY: app.key,
      POGO_APP_SECRET: app.secret,
      POGO_UPSTREAM: "none",
      POGO_MAX_CONNECTIONS: "20000",
      POGO_HANDSHAKE_RATE: "100000",
      POGO_HANDSHAKE_BURST: "100000",
    },
  });
  if (cores) bind(sidecar.pid, cores.servers);
  return { target: targetOf(sidecar.port, sidecar.pid), stop: () => sidecar.stop() };
}

async function startBare({ cores }: Settings): Promise<Server> {
  const port = await freePort();
  const child = startChild(process.execPath, [join(supportFolder, "bare-server.ts")], {
    cwd: repository,
    env: { PORT: String(port) },
  });
  await waitUntilUp(child, async () => (await fetch(`http://127.0.0.1:${port}/`)).ok);
  if (cores) bind(child.pid, cores.servers);
  return { target: targetOf(port, child.pid), stop: () => child.stop() };
}

function lend(target: Target): () => Promise<Server> {
  return () => Promise.resolve({ target, stop: () => Promise.resolve() });
}

function targetOf(port: number, pid: number): Target {
  return { host: "127.0.0.1", port, app, healthUrl: null, pid };
}

async function measureOn(server: Server, load: Load, settings: Settings): Promise<Measured> {
  try {
    return await measure(server.target, load, settings);
  } finally {
    await server.stop();
  }
}

async function measure(target: Target, load: Load, settings: Settings): Promise<Measured> {
  const { cores, scale, warmUpMs, measuredMs } = settings;
  const core = cores?.load ?? null;
  const subscribers = Math.max(2, Math.round(load.subscribers * scale));
  const { dataBytes, perSecond } = load;
  const subscriber = await startWorker<SubscriberInput, SubscriberResult>({
    module: join(supportFolder, "subscriber.ts"),
    input: { target, channel, subscribers },
    core,
  });
  const publisher = await startWorker<PublisherInput, PublisherResult>({
    module: join(supportFolder, "publisher-process.ts"),
    input: { target, channel, dataBytes, perSecond },
    core,
  });
  try {
    publisher.begin();
    await sleep(warmUpMs);
    const startMs = performance.now();
    const startCpu = cpuSeconds(target.pid);
    subscriber.begin();
    await sleep(measuredMs);
    const usedCpu = cpuSeconds(target.pid) - startCpu;
    const received = await subscriber.end();
    const seconds = (performance.now() - startMs) / 1_000;
    const { published, refused } = await publisher.end();
    const publishedSeconds = seconds + warmUpMs / 1_000;
    return {
      deliveriesPerSecond: received.deliveries / seconds,
      publishesPerSecond: published / publishedSeconds,
      megabytesPerSecond: received.bytes / seconds / 1e6,
      microsecondsPerDelivery: (usedCpu * 1e6) / Math.max(1, received.deliveries),
      p50Ms: received.p50Ms,
      p99Ms: received.p99Ms,
      serverCpu: usedCpu / seconds,
      loadCpu: received.cpu,
      refused,
    };
  } finally {
    subscriber.kill();
    publisher.kill();
  }
}

/** Of each number by itself. */
function medians(measured: readonly Measured[]): Measured {
  const of = (read: (one: Measured) => number): number => median(measured.map(read));
  return {
    deliveriesPerSecond: of((one) => one.deliveriesPerSecond),
    publishesPerSecond: of((one) => one.publishesPerSecond),
    megabytesPerSecond: of((one) => one.megabytesPerSecond),
    microsecondsPerDelivery: of((one) => one.microsecondsPerDelivery),
    p50Ms: of((one) => one.p50Ms),
    p99Ms: of((one) => one.p99Ms),
    serverCpu: of((one) => one.serverCpu),
    loadCpu: of((one) => one.loadCpu),
    refused: of((one) => one.refused),
  };
}

function nameOf({ subscribers, dataBytes, perSecond }: Load): string {
  const rate = perSecond === null ? "saturated" : `${perSecond}/s`;
  return `${whole(subscribers)} × ${dataBytes} B, ${rate}`;
}

function describe(rows: readonly Row[], { rounds, measuredMs, scale }: Settings): string {
  const table = toTable(rows, [
    ["subscribers × data", ({ load }) => nameOf(load)],
    ["server", ({ server }) => server],
    ["deliveries/s", (row) => whole(row.deliveriesPerSecond)],
    ["publishes/s", (row) => whole(row.publishesPerSecond)],
    ["MB/s", (row) => row.megabytesPerSecond.toFixed(1)],
    ["µs of CPU a delivery", (row) => row.microsecondsPerDelivery.toFixed(2)],
    ["p50 / p99 ms", (row) => `${row.p50Ms.toFixed(1)} / ${row.p99Ms.toFixed(1)}`],
    ["server CPU", (row) => percent(row.serverCpu)],
    ["load CPU", (row) => percent(row.loadCpu)],
    ["lost", (row) => whole(row.refused)],
  ]);
  const scaled = scale === 1 ? "" : ` All numbers of subscribers times ${scale}.`;
  return [
    `One channel; each number is the median of ${rounds} rounds of ${measuredMs / 1000} s.${scaled} A delivery is one ` +
      "event's frame that one subscriber has received; latency is from the sending of the publish to the arrival of the " +
      "frame, of a tenth of the deliveries. CPU is of one core; lost: publishes that were not answered with 200.",
    table,
  ].join("\n\n");
}
