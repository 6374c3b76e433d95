/** The path of a publish: requests of keep-alive connections, nobody subscribed, beside a bare node:http server. */

import { join } from "node:path";
import { startChild, waitUntilUp } from "../../../sidecar/testing/child.ts";
import { freePort } from "../../../sidecar/testing/ports.ts";
import type { Scenario, Settings } from "../scenario.ts";
import { bind } from "../support/machine.ts";
import { cpuSeconds } from "../support/memory.ts";
import { createPublishers, type Published } from "../support/publish/publishers.ts";
import { app, startPogo, targetOr, type Server } from "../support/servers.ts";
import { decimal, mediansOf, toTable, whole } from "../support/table.ts";

const dataBytes = 100;
const connectionCounts = [1, 32] as const;
/** What V8 takes to optimize a request's way: until then a publish costs up to three times as much. */
const warmUps = 5;

interface Row extends Published {
  readonly server: string;
  readonly connections: number;
  readonly cpuMicroseconds: number;
}

export const publish: Scenario = {
  name: "publish",
  needs: () => false,
  takesTarget: true,
  async run(settings) {
    const servers = targetOr(settings.target, {
      "bare node:http": () => startBare(settings),
      "Pogo Sidecar": () => startPogo(settings),
    });
    const measured: Row[] = [];
    for (let round = 0; round < settings.rounds; round += 1) {
      // In turn, so that a busy minute of the machine meets both.
      for (const [server, start] of Object.entries(servers)) {
        measured.push(...(await measure(server, start, settings)));
      }
    }
    return toTable(medians(measured, Object.keys(servers)), [
      ["server", ({ server }) => server],
      ["connections", ({ connections }) => String(connections)],
      ["publishes/s", ({ perSecond }) => whole(perSecond)],
      ["lost", ({ lost }) => String(lost)],
      ["CPU a publish, µs", ({ cpuMicroseconds }) => decimal(cpuMicroseconds, 1)],
      ["p50, ms", ({ p50Ms }) => p50Ms.toFixed(2)],
      ["p99, ms", ({ p99Ms }) => p99Ms.toFixed(2)],
    ]);
  },
};

async function measure(
  name: string,
  start: () => Promise<Server>,
  { warmUpMs, measuredMs }: Settings,
): Promise<Row[]> {
  const server = await start();
  const { port, app, pid } = server.target;
  const rows: Row[] = [];
  try {
    for (const connections of connectionCounts) {
      const publishers = createPublishers({ port, app, connections, dataBytes });
      await publishers.open();
      await publishers.measure(warmUpMs * warmUps);
      const cpuBefore = cpuSeconds(pid);
      const published = await publishers.measure(measuredMs);
      const cpu = (cpuSeconds(pid) - cpuBefore) * 1e6;
      publishers.close();
      const count = (published.perSecond * measuredMs) / 1000;
      rows.push({ server: name, connections, ...published, cpuMicroseconds: cpu / count });
    }
  } finally {
    await server.stop();
  }
  return rows;
}

function medians(measured: readonly Row[], servers: readonly string[]): Row[] {
  return connectionCounts.flatMap((connections) =>
    servers.map((server) => {
      const rounds = measured.filter(
        (row) => row.server === server && row.connections === connections,
      );
      return mediansOf(rounds, ["lost"]);
    }),
  );
}

async function startBare({ cores }: Settings): Promise<Server> {
  const port = await freePort();
  const script = join(import.meta.dirname, "../support/publish/bare-server.ts");
  const child = startChild(process.execPath, [script, String(port), app.secret], {
    cwd: import.meta.dirname,
    env: {},
  });
  await waitUntilUp(child, () => Promise.resolve(child.lines.includes("listening")));
  if (cores) bind(child.pid, cores.servers);
  const target = { port, app, healthUrl: null, pid: child.pid };
  return { target, lines: child.lines, stop: () => child.stop() };
}
