/** The path of a publish: requests of keep-alive connections, nobody subscribed, beside a bare node:http server. */

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { startChild, waitUntilUp } from "../../../sidecar/testing/child.ts";
import { freePort } from "../../../sidecar/testing/ports.ts";
import { startSidecar } from "../../kit/process.ts";
import type { Scenario, Settings } from "../scenario.ts";
import { bind } from "../support/machine.ts";
import { createPublishers, type Published } from "../support/publish/publishers.ts";
import { median, toTable, whole } from "../support/table.ts";

const app = { id: "bench", key: "bench-key", secret: "bench-secret" };
const dataBytes = 100;
const connectionCounts = [1, 32] as const;

interface Server {
  readonly pid: number;
  readonly port: number;
  stop(): Promise<unknown>;
}

interface Row extends Published {
  readonly server: string;
  readonly connections: number;
  readonly cpuMicroseconds: number;
}

const servers: Readonly<Record<string, () => Promise<Server>>> = {
  "bare node:http": startBare,
  "Pogo Sidecar": startNode,
};

export const publish: Scenario = {
  name: "publish",
  needs: () => false,
  async run(settings) {
    const measured: Row[] = [];
    for (let round = 0; round < settings.rounds; round += 1) {
      // In turn, so that a busy minute of the machine meets both.
      for (const [server, start] of Object.entries(servers)) {
        measured.push(...(await measure(server, start, settings)));
      }
    }
    return toTable(medians(measured), [
      ["server", ({ server }) => server],
      ["connections", ({ connections }) => String(connections)],
      ["publishes/s", ({ perSecond }) => whole(perSecond)],
      ["lost", ({ lost }) => String(lost)],
      ["CPU a publish, µs", ({ cpuMicroseconds }) => cpuMicroseconds.toFixed(1)],
      ["p50, ms", ({ p50Ms }) => p50Ms.toFixed(2)],
      ["p99, ms", ({ p99Ms }) => p99Ms.toFixed(2)],
    ]);
  },
};

async function measure(
  name: string,
  start: () => Promise<Server>,
  { cores, warmUpMs, measuredMs }: Settings,
): Promise<Row[]> {
  const server = await start();
  if (cores) bind(server.pid, cores.servers);
  const rows: Row[] = [];
  try {
    for (const connections of connectionCounts) {
      const publishers = createPublishers({ port: server.port, app, connections, dataBytes });
      await publishers.open();
      await publishers.measure(warmUpMs);
      const cpuBefore = cpuMicroseconds(server.pid);
      const published = await publishers.measure(measuredMs);
      const cpu = cpuMicroseconds(server.pid) - cpuBefore;
      publishers.close();
      const count = (published.perSecond * measuredMs) / 1000;
      rows.push({ server: name, connections, ...published, cpuMicroseconds: cpu / count });
    }
  } finally {
    await server.stop();
  }
  return rows;
}

function medians(measured: readonly Row[]): Row[] {
  return connectionCounts.flatMap((connections) =>
    Object.keys(servers).map((server) => {
      const rounds = measured.filter(
        (row) => row.server === server && row.connections === connections,
      );
      const of = (field: "perSecond" | "p50Ms" | "p99Ms" | "lost" | "cpuMicroseconds"): number =>
        median(rounds.map((row) => row[field]));
      return {
        server,
        connections,
        perSecond: of("perSecond"),
        p50Ms: of("p50Ms"),
        p99Ms: of("p99Ms"),
        lost: of("lost"),
        cpuMicroseconds: of("cpuMicroseconds"),
      };
    }),
  );
}

async function startBare(): Promise<Server> {
  const port = await freePort();
  const script = join(import.meta.dirname, "../support/publish/bare-server.ts");
  const child = startChild(process.execPath, [script, String(port), app.secret], {
    cwd: import.meta.dirname,
    env: {},
  });
  await waitUntilUp(child, () => Promise.resolve(child.lines.includes("listening")));
  return { pid: child.pid, port, stop: () => child.stop() };
}

function startNode(): Promise<Server> {
  return startSidecar({
    env: {
      POGO_APP_ID: app.id,
      POGO_APP_KEY: app.key,
      POGO_APP_SECRET: app.secret,
      POGO_UPSTREAM: "none",
    },
  });
}

/** Of a process so far: utime and stime of proc(5), in clock ticks of 10 ms. */
function cpuMicroseconds(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1]?.split(" ") ?? [];
  return (Number(fields[11]) + Number(fields[12])) * 10_000;
}
