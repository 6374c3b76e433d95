/**
 * A node under attack: one process writes what strangers write, as fast as it is taken, another one measures what a
 * client, an orchestrator and a publisher notice of it.
 */

import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { startChild, waitUntilUp, type Child } from "../../../sidecar/testing/child.ts";
import { freePort } from "../../../sidecar/testing/ports.ts";
import type { Scenario, Settings } from "../scenario.ts";
import { mebibytes, residentBytes, watchMemory } from "../support/memory.ts";
import { allAtOnce, attacks, cachedBytes, cachedChannel } from "../support/hostile/attacks.ts";
import type { AttackerInput, AttackerResult } from "../support/hostile/attacker.ts";
import type { BystanderInput, BystanderResult, Delays } from "../support/hostile/bystander.ts";
import { bind } from "../support/machine.ts";
import { createPublisher } from "../support/publisher.ts";
import { lend, startPogo, type Server } from "../support/servers.ts";
import { toTable, whole } from "../support/table.ts";
import type { Target } from "../support/target.ts";
import { startWorker } from "../support/worker.ts";

const attackedMs = 6_000;
/** Before the memory afterwards is looked at. */
const restMs = 3_000;
const supportFolder = join(import.meta.dirname, "../support/hostile");

interface Row extends AttackerResult, BystanderResult {
  readonly attack: string;
  readonly seconds: number;
  readonly memory: { readonly before: number; readonly peak: number; readonly after: number };
}

export const hostile: Scenario = {
  name: "hostile",
  needs: () => false,
  takesTarget: true,
  async run(settings) {
    const rows: Row[] = [];
    const names = [...attacks.map(({ name }) => name), allAtOnce];
    // All at once has each of them: enough to show that they run.
    const chosen = settings.scale < 1 ? [allAtOnce] : names;
    for (const attack of [null, ...chosen]) {
      if (settings.only && attack && !attack.includes(settings.only)) continue;
      // Fresh for each attack, so that none pays for the one before.
      const server = settings.target ? lend(settings.target) : await startNode(settings);
      try {
        rows.push(await measure(server.target, attack, settings));
      } finally {
        await server.stop();
      }
    }
    return describe(rows, settings);
  },
};

/** With an app behind it; of a server that runs already nobody knows what is behind. */
async function startNode(settings: Settings): Promise<Server> {
  const app = await startApp(settings);
  const node = await startPogo(settings, { POGO_UPSTREAM: `http://127.0.0.1:${app.port}` });
  return {
    ...node,
    async stop() {
      await node.stop();
      await app.child.stop();
    },
  };
}

async function startApp({ cores }: Settings): Promise<{ child: Child; port: number }> {
  const port = await freePort();
  const child = startChild(process.execPath, [join(supportFolder, "app.ts"), String(port)], {
    cwd: import.meta.dirname,
    env: {},
  });
  await waitUntilUp(child, () => Promise.resolve(child.lines.includes("listening")));
  if (cores) bind(child.pid, cores.load);
  return { child, port };
}

async function measure(
  target: Target,
  attack: string | null,
  { cores, scale, sockets }: Settings,
): Promise<Row> {
  const core = cores?.load ?? null;
  const publisher = createPublisher({ ports: [target.port], app: target.app });
  await publisher.publish([{ channel: cachedChannel, data: "x".repeat(cachedBytes) }]);
  publisher.close();
  const bystander = await startWorker<BystanderInput, BystanderResult>({
    module: join(supportFolder, "bystander.ts"),
    input: { target },
    core,
  });
  const attacker =
    attack === null
      ? null
      : await startWorker<AttackerInput, AttackerResult>({
          module: join(supportFolder, "attacker.ts"),
          input: {
            target,
            attack,
            sockets: socketsOf({ sockets, scale }),
            scale,
          },
          core,
          // The two share a core: it is the server that is to be waited for, not the attacker.
          niceness: 12,
        });
  try {
    await sleep(500);
    const before = residentBytes(target.pid);
    const memory = watchMemory(target.pid);
    const startMs = performance.now();
    bystander.begin();
    attacker?.begin();
    await sleep(attackedMs * Math.min(1, scale * 2));
    const seconds = (performance.now() - startMs) / 1_000;
    const [measured, attacked] = await Promise.all([
      bystander.end(),
      attacker?.end() ?? { bytesSent: 0, closes: 0 },
    ]);
    const peak = memory.stop();
    await sleep(restMs * Math.min(1, scale * 2));
    const after = residentBytes(target.pid);
    return {
      attack: attack ?? "none",
      seconds,
      ...measured,
      ...attacked,
      memory: { before, peak, after },
    };
  } finally {
    bystander.kill();
    attacker?.kill();
  }
}

/** One for each attack at the least. */
function socketsOf({ sockets, scale }: Pick<Settings, "sockets" | "scale">): number {
  return Math.max(attacks.length, Math.round(sockets * scale));
}

function describe(rows: readonly Row[], settings: Settings): string {
  const triple = ({ p50Ms, p99Ms, maxMs }: Delays): string =>
    [p50Ms, p99Ms, maxMs].map((ms) => ms.toFixed(ms < 10 ? 1 : 0)).join(" / ");
  const missing = ({ pings, probes, publishes }: Row): number =>
    pings.missing + probes.missing + publishes.missing;
  const table = toTable(rows, [
    ["attack", (row) => row.attack],
    ["ping p50 / p99 / max ms", (row) => triple(row.pings)],
    ["of it the client's own", (row) => triple(row.ownDelay)],
    ["/livez", (row) => triple(row.probes)],
    ["publish", (row) => triple(row.publishes)],
    ["lost", (row) => whole(missing(row))],
    ["MiB before / peak / after", ({ memory }) => Object.values(memory).map(mebibytes).join(" / ")],
    ["attack MB/s", (row) => (row.bytesSent / 1e6 / row.seconds).toFixed(1)],
    ["closed", (row) => whole(row.closes)],
  ]);
  return [
    `${socketsOf(settings)} sockets write as fast as the server takes it for ${(attackedMs / 1000) * Math.min(1, settings.scale * 2)} s; ` +
      "beside them one client pings every 20 ms, /livez is asked every 100 ms and an event is published every 50 ms. " +
      "What was not answered within 2 s counts as lost; the client's own: how late its event loop was, beside the " +
      "attackers on the core of the load; closed: how often the server ended an attacker's connection.",
    table,
  ].join("\n\n");
}
