/**
 * The memory of connections that say nothing: the process without any, and with 10,000 that are subscribed to one channel
 * or to five; what the package runs, built, beside a bare `ws` server.
 */

import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { until } from "../../../sidecar/testing/eventually.ts";
import type { Scenario, Settings } from "../scenario.ts";
import type { ResidentsInput, ResidentsResult } from "../support/idle/residents.ts";
import { mebibytes, residentBytes } from "../support/memory.ts";
import { build, startBare, startPogo, targetOr, type Server } from "../support/servers.ts";
import { toTable, whole } from "../support/table.ts";
import { startWorker } from "../support/worker.ts";

const clients = 10_000;
const channelCounts = [1, 5] as const;
/** Processes of the load. */
const processes = 2;
/** From the last subscription until the memory is looked at. */
const restMs = 30_000;
const module = join(import.meta.dirname, "../support/idle/residents.ts");

interface Row {
  readonly server: string;
  readonly clients: number;
  readonly channels: number;
  readonly startedBytes: number;
  readonly residentBytes: number;
  /** After a garbage collection; 0: the server can't be asked for one. */
  readonly collectedBytes: number;
  readonly gone: number;
}

export const idle: Scenario = {
  name: "idle",
  needs: () => false,
  takesTarget: true,
  async run(settings) {
    const { target } = settings;
    const built = target ? null : build(settings.checkout);
    const servers = targetOr(target, {
      "Pogo Sidecar": () => startPogo(settings, collectable, built?.main),
      "bare ws": () => startBare(settings, collectable),
    });
    const rows: Row[] = [];
    try {
      for (const channels of channelCounts) {
        for (const [name, start] of Object.entries(servers)) {
          if (settings.only && !`${name}, ${channels}`.includes(settings.only)) continue;
          const server = await start();
          try {
            rows.push(await measure(name, server, channels, settings));
          } finally {
            await server.stop();
          }
        }
      }
    } finally {
      built?.remove();
    }
    return describe(rows, settings);
  },
};

/** A full garbage collection upon a signal, so that what is retained is told from what was not collected yet. */
const collectOnSignal = `
  import { setFlagsFromString } from "node:v8";
  import { runInNewContext } from "node:vm";
  process.on("SIGUSR2", () => {
    setFlagsFromString("--expose-gc");
    const collect = runInNewContext("gc");
    for (let i = 0; i < 3; i++) collect();
    console.log("collected");
  });`;
const collectable = {
  NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(collectOnSignal)}`,
};

async function measure(
  name: string,
  server: Server,
  channelCount: number,
  settings: Settings,
): Promise<Row> {
  const { cores, scale } = settings;
  const { target, lines } = server;
  const channels = Array.from({ length: channelCount }, (_, index) => `idle-${index}`);
  const count = Math.max(processes, Math.round(clients * scale));
  await sleep(Math.min(2_000, restMs * scale));
  const startedBytes = residentBytes(target.pid);
  const parts = await Promise.all(
    Array.from({ length: processes }, (_, index) =>
      startWorker<ResidentsInput, ResidentsResult>({
        module,
        input: { target, channels, clients: Math.floor((count + index) / processes), index },
        core: cores?.load ?? null,
      }),
    ),
  );
  await sleep(restMs * scale);
  const resident = residentBytes(target.pid);
  let collectedBytes = 0;
  if (!settings.target && target.pid !== null) {
    process.kill(target.pid, "SIGUSR2");
    await until("the server's memory is collected", () => lines.includes("collected"), 20_000);
    collectedBytes = residentBytes(target.pid);
  }
  const results = await Promise.all(parts.map((part) => part.end()));
  return {
    server: name,
    clients: count,
    channels: channelCount,
    startedBytes,
    residentBytes: resident,
    collectedBytes,
    gone: results.reduce((sum, { gone }) => sum + gone, 0),
  };
}

function describe(rows: readonly Row[], { scale }: Settings): string {
  const each = (bytes: number, { startedBytes, clients }: Row): string =>
    bytes === 0 ? "–" : ((bytes - startedBytes) / 1_024 / clients).toFixed(1);
  const table = toTable(rows, [
    ["connections", (row) => whole(row.clients)],
    ["channels of each", (row) => whole(row.channels)],
    ["server", (row) => row.server],
    ["MiB before", (row) => mebibytes(row.startedBytes)],
    ["MiB with them", (row) => mebibytes(row.residentBytes)],
    ["KiB a connection", (row) => each(row.residentBytes, row)],
    ["MiB after a collection", (row) => mebibytes(row.collectedBytes)],
    ["KiB a connection then", (row) => each(row.collectedBytes, row)],
    ["lost", (row) => whole(row.gone)],
  ]);
  return [
    `Resident memory of the process, seen from outside ${(restMs * scale) / 1000} s after the last subscription, and again ` +
      "after a full garbage collection. Before: started, with nobody connected. The sidecar runs from its build, as the " +
      "package and the image do.",
    table,
  ].join("\n\n");
}
