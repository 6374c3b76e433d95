/**
 * A crowd that comes at once, as when another node has died: all connect, subscribe to one channel and leave. Beside it,
 * in the same run, a bare `ws` server.
 */

import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { Scenario, Settings } from "../scenario.ts";
import type { CrowdInput, CrowdResult } from "../support/avalanche/crowd.ts";
import { cpuSeconds, mebibytes, residentBytes, watchMemory } from "../support/memory.ts";
import { startBare, startPogo, targetOr, type Server } from "../support/servers.ts";
import { mediansOf, percent, toTable, whole } from "../support/table.ts";
import { startWorker } from "../support/worker.ts";

const crowds = [1_000, 5_000, 10_000, 17_500] as const;
const channel = "avalanche";
/** Processes of the load. */
const processes = 4;
/** Before the memory afterwards is looked at. */
const restMs = 3_000;
const module = join(import.meta.dirname, "../support/avalanche/crowd.ts");

interface Measured {
  readonly failed: number;
  readonly p50Ms: number;
  readonly p95Ms: number;
  readonly maxMs: number;
  /** Of the server: to connect, to subscribe and to leave. */
  readonly microsecondsPerClient: number;
  readonly peakBytes: number;
  readonly afterBytes: number;
  /** Of one core, all processes of the load together. */
  readonly loadCpu: number;
}

interface Row extends Measured {
  readonly server: string;
  readonly clients: number;
}

export const avalanche: Scenario = {
  name: "avalanche",
  needs: () => false,
  takesTarget: true,
  async run(settings) {
    const servers = targetOr(settings.target, {
      "Pogo Sidecar": () => startPogo(settings),
      "bare ws": () => startBare(settings),
    });
    const rows: Row[] = [];
    for (const crowd of crowds) {
      const clients = Math.max(processes, Math.round(crowd * settings.scale));
      if (settings.only && !whole(crowd).includes(settings.only)) continue;
      const rounds = new Map<string, Measured[]>();
      for (let round = 0; round < settings.rounds; round++) {
        for (const [server, start] of Object.entries(servers)) {
          const measured = await measureOn(await start(), clients, settings);
          rounds.set(server, [...(rounds.get(server) ?? []), measured]);
        }
      }
      for (const [server, measured] of rounds) {
        rows.push({ server, clients, ...mediansOf(measured, ["failed"]) });
      }
    }
    return describe(rows, settings);
  },
};

async function measureOn(server: Server, clients: number, settings: Settings): Promise<Measured> {
  try {
    return await measure(server, clients, settings);
  } finally {
    await server.stop();
  }
}

async function measure(
  { target }: Server,
  clients: number,
  { cores, scale }: Settings,
): Promise<Measured> {
  const crowd = await Promise.all(
    Array.from({ length: processes }, (_, index) =>
      startWorker<CrowdInput, CrowdResult>({
        module,
        input: { target, channel, clients: Math.floor((clients + index) / processes), index },
        core: cores?.load ?? null,
      }),
    ),
  );
  const memory = watchMemory(target.pid);
  const startMs = performance.now();
  const startCpu = cpuSeconds(target.pid);
  for (const part of crowd) part.begin();
  const parts = await Promise.all(crowd.map((part) => part.end()));
  const seconds = (performance.now() - startMs) / 1_000;
  await sleep(restMs * Math.min(1, scale * 2));
  const usedCpu = cpuSeconds(target.pid) - startCpu;
  const peakBytes = memory.stop();
  const latencies = parts.flatMap((part) => part.latencies).toSorted((a, b) => a - b);
  const at = (part: number): number => latencies[Math.floor(latencies.length * part)] ?? 0;
  return {
    failed: parts.reduce((sum, { failed }) => sum + failed, 0),
    p50Ms: at(0.5),
    p95Ms: at(0.95),
    maxMs: latencies.at(-1) ?? 0,
    microsecondsPerClient: (usedCpu * 1e6) / clients,
    peakBytes,
    afterBytes: residentBytes(target.pid),
    loadCpu: parts.reduce((sum, { cpu }) => sum + cpu, 0) / seconds,
  };
}

function describe(rows: readonly Row[], { rounds }: Settings): string {
  const table = toTable(rows, [
    ["clients at once", ({ clients }) => whole(clients)],
    ["server", ({ server }) => server],
    ["subscribed", ({ clients, failed }) => percent((clients - failed) / clients)],
    ["lost", ({ failed }) => whole(failed)],
    [
      "p50 / p95 / max ms",
      ({ p50Ms, p95Ms, maxMs }) => [p50Ms, p95Ms, maxMs].map(whole).join(" / "),
    ],
    ["CPU a client, µs", (row) => whole(row.microsecondsPerClient)],
    ["MiB at most / after", (row) => `${mebibytes(row.peakBytes)} / ${mebibytes(row.afterBytes)}`],
    ["load CPU", (row) => percent(row.loadCpu)],
  ]);
  return [
    `Each number is the median of ${rounds} rounds. ${processes} processes open all sockets at once; a client's time is ` +
      "from then until its subscription is confirmed. CPU is the server's for connecting, subscribing and leaving; lost: " +
      "refused, or not subscribed within 30 s.",
    table,
  ].join("\n\n");
}
