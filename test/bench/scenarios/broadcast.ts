/**
 * Clients among themselves: 1,000 of one private channel, of whom every fifth sends a client event each 200 ms with
 * probability 0.4, which all others get.
 */

import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { Scenario, Settings } from "../scenario.ts";
import type { MembersInput, MembersResult } from "../support/broadcast/members.ts";
import { cpuSeconds } from "../support/memory.ts";
import { lend, startPogo, type Server } from "../support/servers.ts";
import { decimal, mediansOf, percent, toTable, whole } from "../support/table.ts";
import { startWorker } from "../support/worker.ts";

const members = 1_000;
const channel = "private-broadcast";
/** Processes of the load. */
const processes = 2;
const sending = { senderEvery: 5, sendEveryMs: 200, probability: 0.4 };
const module = join(import.meta.dirname, "../support/broadcast/members.ts");

interface Measured {
  readonly sentPerSecond: number;
  readonly deliveriesPerSecond: number;
  readonly lost: number;
  readonly microsecondsPerDelivery: number;
  readonly p50Ms: number;
  readonly p95Ms: number;
  readonly p99Ms: number;
  readonly serverCpu: number;
  readonly loadCpu: number;
}

export const broadcast: Scenario = {
  name: "broadcast",
  needs: () => false,
  takesTarget: true,
  async run(settings) {
    const measured: Measured[] = [];
    for (let round = 0; round < settings.rounds; round++) {
      const server = settings.target ? lend(settings.target) : await startPogo(settings);
      try {
        measured.push(await measure(server, settings));
      } finally {
        await server.stop();
      }
    }
    return describe(measured, settings);
  },
};

async function measure(
  { target }: Server,
  { cores, scale, warmUpMs, measuredMs }: Settings,
): Promise<Measured> {
  const count = Math.max(2 * sending.senderEvery, Math.round(members * scale));
  const parts = await Promise.all(
    Array.from({ length: processes }, (_, index) =>
      startWorker<MembersInput, MembersResult>({
        module,
        input: {
          target,
          channel,
          members: Math.floor((count + index) / processes),
          ...sending,
          index,
        },
        core: cores?.load ?? null,
      }),
    ),
  );
  const startMs = performance.now();
  for (const part of parts) part.begin();
  await sleep(warmUpMs);
  const cpuBefore = cpuSeconds(target.pid);
  const cpuStartMs = performance.now();
  await sleep(measuredMs);
  const serverCpu = (cpuSeconds(target.pid) - cpuBefore) / ((performance.now() - cpuStartMs) / 1e3);
  const seconds = (performance.now() - startMs) / 1_000;
  const results = await Promise.all(parts.map((part) => part.end()));
  const sum = (read: (result: MembersResult) => number): number =>
    results.reduce((total, result) => total + read(result), 0);
  const sent = sum((result) => result.sent);
  const received = sum((result) => result.received);
  const slowest = (read: (result: MembersResult) => number): number =>
    Math.max(...results.map(read));
  return {
    sentPerSecond: sent / seconds,
    deliveriesPerSecond: received / seconds,
    lost: sent * (count - 1) - received,
    microsecondsPerDelivery: (serverCpu * 1e6) / Math.max(1, received / seconds),
    p50Ms: slowest((result) => result.p50Ms),
    p95Ms: slowest((result) => result.p95Ms),
    p99Ms: slowest((result) => result.p99Ms),
    serverCpu,
    loadCpu: sum((result) => result.cpu),
  };
}

function describe(measured: readonly Measured[], { rounds, measuredMs, scale }: Settings): string {
  const medians = mediansOf(measured, ["lost"]);
  const percentiles = [medians.p50Ms, medians.p95Ms, medians.p99Ms];
  const table = toTable(
    [medians],
    [
      ["clients", () => whole(Math.max(2 * sending.senderEvery, members * scale))],
      ["sent/s", () => whole(medians.sentPerSecond)],
      ["deliveries/s", () => whole(medians.deliveriesPerSecond)],
      ["lost", () => whole(medians.lost)],
      ["µs of CPU a delivery", () => decimal(medians.microsecondsPerDelivery, 2)],
      ["p50 / p95 / p99 ms", () => percentiles.map((ms) => ms.toFixed(1)).join(" / ")],
      ["server CPU", () => percent(medians.serverCpu)],
      ["load CPU", () => percent(medians.loadCpu)],
    ],
  );
  return [
    `Each number is the median of ${rounds} rounds of ${measuredMs / 1000} s. Every fifth client sends a client event ` +
      "each 200 ms with probability 0.4; a delivery is one that one other client has received. Latency is from the " +
      `sending to the arrival, of every hundredth, the slower of ${processes} processes of the load. CPU is of one core.`,
    table,
  ].join("\n\n");
}
