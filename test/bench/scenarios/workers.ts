/**
 * Several workers against one process, with the same two cores for all of it: sidecar, Redis, app and load. What one
 * process leaves of the second core is what workers can win.
 */

import { needsRedis } from "../../../sidecar/testing/redis/redis-needs.ts";
import { startRedis } from "../../../sidecar/testing/redis/redis-server.ts";
import type { Scenario, Settings } from "../scenario.ts";
import { bind } from "../support/machine.ts";
import { cpuSeconds, mebibytes, residentBytes } from "../support/memory.ts";
import { startPogo, type Server } from "../support/servers.ts";
import { mediansOf, percent, toTable, whole } from "../support/table.ts";
import { measureFanOut } from "./fan-out.ts";
import { measureRequests, startScript } from "./proxy.ts";

type Env = Readonly<Record<string, string>>;

interface Setup {
  readonly name: string;
  readonly hasRedis: boolean;
  readonly env: Env;
}

const setups: readonly Setup[] = [
  { name: "1 process", hasRedis: false, env: {} },
  { name: "1 process, Redis", hasRedis: true, env: {} },
  { name: "2 workers, Redis", hasRedis: true, env: { POGO_WORKERS: "2" } },
];

interface Measured {
  readonly perSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** CPU of the sidecar's processes for each. */
  readonly microseconds: number;
  readonly lost: number;
  readonly loadCpu: number;
}

interface Work {
  readonly name: string;
  /** What is counted. */
  readonly unit: string;
  readonly run: (server: Server, settings: Settings) => Promise<Measured>;
}

const works: readonly Work[] = [
  {
    name: "1,000 subscribers × 200 B, saturated",
    unit: "deliveries",
    async run({ target }, settings) {
      const load = {
        subscribers: 1_000,
        content: "text",
        dataBytes: 200,
        isDeflated: false,
      } as const;
      const measured = await measureFanOut(target, { ...load, perSecond: null }, settings);
      const { deliveriesPerSecond: perSecond, microsecondsPerDelivery: microseconds } = measured;
      return { ...measured, perSecond, microseconds, lost: measured.refused };
    },
  },
  {
    name: "GET of 1 KB, 50 connections",
    unit: "requests",
    async run({ target }, settings) {
      const input = { port: target.port, method: "GET", connections: 50 } as const;
      const measured = await measureRequests(target.pid, input, settings);
      return { ...measured, microseconds: measured.cpuMicroseconds };
    },
  },
];

interface Row extends Measured {
  readonly work: Work;
  readonly setup: Setup;
  /** Of one core. */
  readonly sidecarCpu: number;
  readonly redisCpu: number;
  readonly memoryBytes: number;
}

export const workers: Scenario = {
  name: "workers",
  needs: needsRedis,
  takesTarget: false,
  async run(settings) {
    const rows: Row[] = [];
    for (let round = 0; round < settings.rounds; round += 1) {
      // In turn, so that a busy minute of the machine meets all of them.
      for (const setup of setups) {
        if (settings.only && !setup.name.includes(settings.only)) continue;
        rows.push(...(await measureSetup(setup, settings)));
      }
    }
    return describe(rows, settings);
  },
};

async function measureSetup(setup: Setup, settings: Settings): Promise<Row[]> {
  const { cores } = settings;
  const all = cores ? [cores.servers, cores.load] : [];
  // Whatever is started from here on may use both.
  if (cores) bind(process.pid, ...all);
  const redis = setup.hasRedis ? await startRedis() : null;
  const app = await startScript("app.ts");
  const anyCore = { ...settings, cores: null };
  const server = await startPogo(anyCore, {
    POGO_UPSTREAM: `http://127.0.0.1:${app.port}`,
    ...(redis && { POGO_REDIS_HOST: `127.0.0.1:${redis.port}` }),
    ...setup.env,
  });
  try {
    const rows: Row[] = [];
    for (const work of works) {
      const { pid } = server.target;
      const before = { ms: performance.now(), sidecar: cpuSeconds(pid), redis: cpuOf(redis) };
      const measured = await work.run(server, anyCore);
      const seconds = (performance.now() - before.ms) / 1_000;
      rows.push({
        work,
        setup,
        ...measured,
        sidecarCpu: (cpuSeconds(pid) - before.sidecar) / seconds,
        redisCpu: (cpuOf(redis) - before.redis) / seconds,
        memoryBytes: residentBytes(pid),
      });
    }
    return rows;
  } finally {
    await server.stop();
    await app.stop();
    await redis?.stop();
    if (cores) bind(process.pid, cores.load);
  }
}

function cpuOf(process: { readonly pid: number } | null): number {
  return process ? cpuSeconds(process.pid) : 0;
}

function describe(rows: readonly Row[], { rounds, measuredMs }: Settings): string {
  const table = toTable(medians(rows), [
    ["load", ({ work }) => work.name],
    ["sidecar", ({ setup }) => setup.name],
    ["a second", ({ perSecond, work }) => `${whole(perSecond)} ${work.unit}`],
    ["of 1 process", (row) => ofOne(row, medians(rows))],
    ["µs of CPU each", ({ microseconds }) => microseconds.toFixed(2)],
    ["p50 / p99 ms", ({ p50Ms, p99Ms }) => `${p50Ms.toFixed(1)} / ${p99Ms.toFixed(1)}`],
    ["sidecar CPU", ({ sidecarCpu }) => percent(sidecarCpu)],
    ["Redis CPU", ({ redisCpu }) => percent(redisCpu)],
    ["load CPU", ({ loadCpu }) => percent(loadCpu)],
    ["MiB", ({ memoryBytes }) => mebibytes(memoryBytes)],
    ["lost", ({ lost }) => whole(lost)],
  ]);
  return [
    `Two cores for everything; each number is the median of ${rounds} rounds of ${measuredMs / 1000} s. CPU is of one ` +
      "core, all processes of a kind together, that of the sidecar and of Redis with the start of the load in it; " +
      "the app's, some 20 µs a request, is not shown. MiB: resident memory of all processes of the sidecar, pages that they share counted for each.",
    table,
  ].join("\n\n");
}

function ofOne({ work, perSecond }: Row, rows: readonly Row[]): string {
  const one = rows.find((row) => row.work === work && row.setup === setups[0]);
  return one ? (perSecond / one.perSecond).toFixed(2) : "–";
}

function medians(rows: readonly Row[]): Row[] {
  return works.flatMap((work) =>
    setups.flatMap((setup) => {
      const own = rows.filter((row) => row.work === work && row.setup === setup);
      if (own.length === 0) return [];
      return mediansOf(own, ["lost"]);
    }),
  );
}
