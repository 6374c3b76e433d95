/**
 * One channel with many subscribers: how many deliveries a second one core makes, what a delivery costs at an ordinary
 * rate, how late it is and how many bytes it takes on the wire. Beside it, in the same run, a bare `ws` server that calls
 * `send` for each subscriber.
 */

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { Scenario, Settings } from "../scenario.ts";
import type { Content } from "../support/fan-out/payload.ts";
import type { PublisherInput, PublisherResult } from "../support/fan-out/publisher-process.ts";
import type { SubscriberInput, SubscriberResult } from "../support/fan-out/subscriber.ts";
import { cpuSeconds, mebibytes, residentBytes } from "../support/memory.ts";
import { startBare, startPogo, targetOr, type Server, type Servers } from "../support/servers.ts";
import { decimal, mediansOf, percent, toTable, whole } from "../support/table.ts";
import type { Target } from "../support/target.ts";
import { startWorker, type Worker } from "../support/worker.ts";

const channel = "fan-out";
const supportFolder = join(import.meta.dirname, "../support/fan-out");
/** Processes with subscribers, besides the probe, which has one. */
const crowds = 2;

export interface FanOutLoad {
  readonly subscribers: number;
  readonly content: Content;
  readonly dataBytes: number;
  readonly isDeflated: boolean;
  /** Publishes a second; null: as fast as they are answered. */
  readonly perSecond: number | null;
}

const plain = { content: "text", isDeflated: false, perSecond: null } as const;
const json = { content: "JSON", isDeflated: false, perSecond: null } as const;
const deflated = { ...json, isDeflated: true } as const;

const loads: readonly FanOutLoad[] = [
  { ...plain, subscribers: 10, dataBytes: 200 },
  { ...plain, subscribers: 1_000, dataBytes: 200 },
  { ...plain, subscribers: 1_000, dataBytes: 1_024 },
  { ...plain, subscribers: 1_000, dataBytes: 4_096 },
  { ...plain, subscribers: 10_000, dataBytes: 200 },
  { ...plain, subscribers: 10_000, dataBytes: 1_024 },
  { ...plain, subscribers: 10_000, dataBytes: 4_096 },
  { ...plain, subscribers: 1_000, dataBytes: 200, perSecond: 40 },
  { ...plain, subscribers: 10_000, dataBytes: 200, perSecond: 4 },
  { ...json, subscribers: 1_000, dataBytes: 1_024 },
  { ...deflated, subscribers: 1_000, dataBytes: 1_024 },
  { ...json, subscribers: 1_000, dataBytes: 1_024, perSecond: 40 },
  { ...deflated, subscribers: 1_000, dataBytes: 1_024, perSecond: 40 },
  { ...json, subscribers: 1_000, dataBytes: 4_096 },
  { ...deflated, subscribers: 1_000, dataBytes: 4_096 },
];

export interface MeasuredFanOut {
  readonly deliveriesPerSecond: number;
  readonly publishesPerSecond: number;
  readonly megabytesPerSecond: number;
  readonly bytesPerDelivery: number;
  readonly microsecondsPerDelivery: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly serverCpu: number;
  /** Of the server, when the load has ended. */
  readonly memoryBytes: number;
  /** Of one core, all processes of the load together. */
  readonly loadCpu: number;
  /** Publishes that were not answered with 200. */
  readonly refused: number;
}

interface Row extends MeasuredFanOut {
  readonly server: string;
  readonly load: FanOutLoad;
}

export const fanOut: Scenario = {
  name: "fan-out",
  needs: () => false,
  takesTarget: true,
  async run(settings) {
    const rows: Row[] = [];
    for (const load of loads) {
      const name = nameOf(load);
      if (settings.only && !name.includes(settings.only)) continue;
      const rounds = new Map<string, MeasuredFanOut[]>();
      for (let round = 0; round < settings.rounds; round++) {
        for (const [server, start] of Object.entries(serversFor(load, settings))) {
          const measured = await measureOn(await start(), load, settings);
          rounds.set(server, [...(rounds.get(server) ?? []), measured]);
        }
      }
      for (const [server, measured] of rounds) {
        rows.push({ server, load, ...mediansOf(measured, ["refused"]) });
      }
    }
    return describe(rows, settings);
  },
};

function serversFor(
  { isDeflated, subscribers, dataBytes }: FanOutLoad,
  settings: Settings,
): Servers {
  const compressing = isDeflated ? { POGO_ENABLE_COMPRESSION: "true" } : {};
  return targetOr(settings.target, {
    "Pogo Sidecar": () => startPogo(settings, compressing),
    ...(subscribers === 1_000 && dataBytes === 200
      ? { "the same, with recovery": () => startRecovering(settings) }
      : {}),
    "bare ws.send": () => startBare(settings, isDeflated ? { DEFLATE: "1" } : {}),
  });
}

/** A lone node keeps events and sessions once it has a directory to leave them in. */
async function startRecovering(settings: Settings): Promise<Server> {
  const folder = mkdtempSync(join(tmpdir(), "pogo-recovery-"));
  const server = await startPogo(settings, {
    POGO_RECOVERY: "orderly",
    POGO_RECOVERY_STATE_DIR: folder,
  });
  return {
    ...server,
    stop: async () => {
      await server.stop();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

async function measureOn(
  server: Server,
  load: FanOutLoad,
  settings: Settings,
): Promise<MeasuredFanOut> {
  try {
    return await measureFanOut(server.target, load, settings);
  } finally {
    await server.stop();
  }
}

export async function measureFanOut(
  target: Target,
  load: FanOutLoad,
  settings: Settings,
): Promise<MeasuredFanOut> {
  const { scale, warmUpMs, measuredMs } = settings;
  const core = settings.cores?.load ?? null;
  const { dataBytes, content, isDeflated, perSecond } = load;
  const crowded = Math.max(crowds, Math.round(load.subscribers * scale)) - 1;
  const subscribe = (subscribers: number, isProbe: boolean, index: number) =>
    startWorker<SubscriberInput, SubscriberResult>({
      module: join(supportFolder, "subscriber.ts"),
      input: { target, channel, subscribers, isDeflated, isProbe, index },
      core,
    });
  const workers: Worker<unknown>[] = [];
  try {
    const probe = await subscribe(1, true, crowds);
    workers.push(probe);
    const others = await Promise.all(
      Array.from({ length: crowds }, (_, index) =>
        subscribe(Math.floor((crowded + index) / crowds), false, index),
      ),
    );
    workers.push(...others);
    const publisher = await startWorker<PublisherInput, PublisherResult>({
      module: join(supportFolder, "publisher-process.ts"),
      input: { target, channel, content, dataBytes, perSecond },
      core,
    });
    workers.push(publisher);
    publisher.begin();
    await sleep(warmUpMs);
    const startMs = performance.now();
    const startCpu = cpuSeconds(target.pid);
    const subscribers = [probe, ...others];
    for (const subscriber of subscribers) subscriber.begin();
    await sleep(measuredMs);
    const usedCpu = cpuSeconds(target.pid) - startCpu;
    const received = await Promise.all(subscribers.map((subscriber) => subscriber.end()));
    const seconds = (performance.now() - startMs) / 1_000;
    const published = await publisher.end();
    const memoryBytes = residentBytes(target.pid);
    const publishedSeconds = seconds + warmUpMs / 1_000;
    const sum = (read: (one: SubscriberResult) => number): number =>
      received.reduce((total, one) => total + read(one), 0);
    const deliveries = sum((one) => one.deliveries);
    return {
      deliveriesPerSecond: deliveries / seconds,
      publishesPerSecond: published.published / publishedSeconds,
      megabytesPerSecond: sum((one) => one.bytes) / seconds / 1e6,
      bytesPerDelivery: sum((one) => one.bytes) / Math.max(1, deliveries),
      microsecondsPerDelivery: (usedCpu * 1e6) / Math.max(1, deliveries),
      p50Ms: received[0]?.p50Ms ?? 0,
      p99Ms: received[0]?.p99Ms ?? 0,
      serverCpu: usedCpu / seconds,
      memoryBytes,
      loadCpu: sum((one) => one.cpu) / seconds + published.cpu / publishedSeconds,
      refused: published.refused,
    };
  } finally {
    for (const worker of workers) worker.kill();
  }
}

export function nameOf({
  subscribers,
  dataBytes,
  content,
  isDeflated,
  perSecond,
}: FanOutLoad): string {
  const rate = perSecond === null ? "saturated" : `${perSecond}/s`;
  const size = `${whole(dataBytes)} B${content === "JSON" ? " of JSON" : ""}`;
  return `${whole(subscribers)} × ${size}${isDeflated ? ", deflated" : ""}, ${rate}`;
}

function describe(rows: readonly Row[], { rounds, measuredMs, scale }: Settings): string {
  const table = toTable(rows, [
    ["subscribers × data", ({ load }) => nameOf(load)],
    ["server", ({ server }) => server],
    ["deliveries/s", (row) => whole(row.deliveriesPerSecond)],
    ["publishes/s", (row) => whole(row.publishesPerSecond)],
    ["MB/s", (row) => row.megabytesPerSecond.toFixed(1)],
    ["bytes a delivery", (row) => whole(row.bytesPerDelivery)],
    ["µs of CPU a delivery", (row) => decimal(row.microsecondsPerDelivery, 2)],
    ["p50 / p99 ms", (row) => `${row.p50Ms.toFixed(1)} / ${row.p99Ms.toFixed(1)}`],
    ["server CPU", (row) => percent(row.serverCpu)],
    ["MiB then", (row) => mebibytes(row.memoryBytes)],
    ["load CPU", (row) => percent(row.loadCpu)],
    ["lost", (row) => whole(row.refused)],
  ]);
  const scaled = scale === 1 ? "" : ` All numbers of subscribers times ${scale}.`;
  return [
    `One channel; each number is the median of ${rounds} rounds of ${measuredMs / 1000} s.${scaled} A delivery is one ` +
      "event's frame that one subscriber has received, its bytes those of the frame's payload on the wire; latency is from " +
      "the sending of the publish to the arrival of the frame at a subscriber with a process of its own. CPU is of one core; MiB " +
      "then: resident memory of the server, run from source, when the load has ended; lost: publishes that were not answered with 200.",
    table,
  ].join("\n\n");
}
