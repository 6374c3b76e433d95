/**
 * Several nodes against one: the same load on two sidecars with a real Redis, and on one with the memory broker.
 * 100 channels, 900 subscribers spread over the nodes, publishes to all nodes in turn.
 */

import { askRedis } from "../../../sidecar/testing/redis/redis-client.ts";
import { needsRedis } from "../../../sidecar/testing/redis/redis-needs.ts";
import { startRedis } from "../../../sidecar/testing/redis/redis-server.ts";
import { readMetric } from "../../e2e/support/metrics.ts";
import { startSidecar, type Sidecar } from "../../kit/process.ts";
import type { Scenario, Settings } from "../scenario.ts";
import { createLoad, type LoadResult } from "../support/load.ts";
import { bind } from "../support/machine.ts";
import { createPublisher } from "../support/publisher.ts";
import { connectSubscribers } from "../support/subscribers.ts";
import { mediansOf, percent, toTable, whole } from "../support/table.ts";

const app = { id: "bench", key: "bench-key", secret: "bench-secret" };
const dataBytes = 128;

/** Above some 1,000 requests a second the load would measure itself: those events come ten to a request. */
const rates = [
  { publishesPerSecond: 1_000, eventsPerRequest: 1 },
  { publishesPerSecond: 5_000, eventsPerRequest: 10 },
] as const;

type Setup = "memory, 1 node" | "Redis, 2 nodes";
const setups: readonly Setup[] = ["memory, 1 node", "Redis, 2 nodes"];

interface Measured extends LoadResult {
  /** Of one core, all sidecars together. */
  readonly sidecarCpu: number;
  readonly redisMicrosecondsPerPublish: number;
}

interface Row extends Measured {
  readonly setup: Setup;
  readonly asked: number;
  readonly eventsPerRequest: number;
}

interface Cell {
  readonly setup: Setup;
  readonly rate: (typeof rates)[number];
}

export const cluster: Scenario = {
  name: "cluster",
  needs: needsRedis,
  takesTarget: false,
  async run(settings) {
    const cells = setups.flatMap((setup) => rates.map((rate): Cell => ({ setup, rate })));
    const rounds = new Map<Cell, Measured[]>(cells.map((cell) => [cell, []]));
    for (let round = 0; round < settings.rounds; round++) {
      // In turn, so that a busy minute of the machine meets all of them.
      for (const setup of setups) {
        const ofSetup = cells.filter((cell) => cell.setup === setup);
        const measured = await measure(setup, ofSetup, settings);
        for (const [index, cell] of ofSetup.entries()) {
          const one = measured[index];
          if (one) rounds.get(cell)?.push(one);
        }
      }
    }
    const rows: Row[] = [];
    for (const [{ setup, rate }, measured] of rounds) {
      const { publishesPerSecond, eventsPerRequest } = rate;
      const asked = publishesPerSecond * settings.scale;
      rows.push({
        setup,
        asked,
        eventsPerRequest,
        ...mediansOf(measured, ["refused", "lost", "repeated"]),
      });
    }
    return describe(rows, settings);
  },
};

/** Starts the nodes once, and runs all rates on them. */
async function measure(
  setup: Setup,
  cells: readonly Cell[],
  settings: Settings,
): Promise<Measured[]> {
  const redis = setup === "Redis, 2 nodes" ? await startRedis() : null;
  const sidecars: Sidecar[] = [];
  try {
    for (let i = 0; i < (redis ? 2 : 1); i++) sidecars.push(await startNode(redis?.port ?? null));
    if (settings.cores) {
      const { servers } = settings.cores;
      for (const { pid } of [...(redis ? [redis] : []), ...sidecars]) bind(pid, servers);
    }
    return await loadAll(cells, sidecars, redis?.port ?? null, settings);
  } finally {
    await Promise.all(sidecars.map((sidecar) => sidecar.stop()));
    await redis?.stop();
  }
}

function startNode(redisPort: number | null): Promise<Sidecar> {
  return startSidecar({
    env: {
      POGO_APP_ID: app.id,
      POGO_APP_KEY: app.key,
      POGO_APP_SECRET: app.secret,
      POGO_UPSTREAM: "none",
      POGO_HANDSHAKE_RATE: "100000",
      POGO_HANDSHAKE_BURST: "100000",
      ...(redisPort !== null && { POGO_REDIS_HOST: `127.0.0.1:${redisPort}` }),
    },
  });
}

async function loadAll(
  cells: readonly Cell[],
  sidecars: readonly Sidecar[],
  redisPort: number | null,
  settings: Settings,
): Promise<Measured[]> {
  const { channelCount, subscribersPerChannel, scale, warmUpMs, measuredMs } = settings;
  const channels = Array.from({ length: channelCount }, (_, i) => `bench-${i}`);
  const ports = sidecars.map(({ port }) => port);
  const load = createLoad();
  const publisher = createPublisher({ ports, app });
  const subscribers = await connectSubscribers({
    ports,
    appKey: app.key,
    channels,
    subscribersPerChannel,
    onEvent: load.receive,
  });
  try {
    const measured: Measured[] = [];
    for (const { rate } of cells) {
      const cpu = { sidecars: [0, 0], redis: [0, 0], atMs: [0, 0] };
      const result = await load.run({
        publisher,
        channels,
        subscribersPerChannel,
        publishesPerSecond: rate.publishesPerSecond * scale,
        eventsPerRequest: rate.eventsPerRequest,
        dataBytes,
        warmUpMs,
        measuredMs,
        async onMeasure(moment) {
          const at = moment === "begin" ? 0 : 1;
          cpu.sidecars[at] = await sidecarCpuSeconds(sidecars);
          cpu.redis[at] = redisPort === null ? 0 : await redisCpuSeconds(redisPort);
          cpu.atMs[at] = performance.now();
        },
      });
      measured.push({
        ...result,
        sidecarCpu: difference(cpu.sidecars) / (difference(cpu.atMs) / 1000),
        redisMicrosecondsPerPublish:
          (difference(cpu.redis) * 1_000_000) / Math.max(1, result.publishes),
      });
    }
    return measured;
  } finally {
    subscribers.close();
    publisher.close();
  }
}

async function sidecarCpuSeconds(sidecars: readonly Sidecar[]): Promise<number> {
  const seconds = await Promise.all(
    sidecars.map(({ adminUrl }) => readMetric(adminUrl, "process_cpu_seconds_total")),
  );
  return seconds.reduce((sum, one) => sum + one, 0);
}

async function redisCpuSeconds(port: number): Promise<number> {
  const info = String(await askRedis(port, "INFO", "CPU"));
  const read = (name: string): number =>
    Number(new RegExp(`^${name}:(\\S+)`, "m").exec(info)?.[1] ?? 0);
  return read("used_cpu_sys") + read("used_cpu_user");
}

function difference([before = 0, after = 0]: readonly number[]): number {
  return after - before;
}

function describe(rows: readonly Row[], settings: Settings): string {
  const { channelCount, subscribersPerChannel, rounds, measuredMs } = settings;
  const table = toTable(rows, [
    ["", (row) => row.setup],
    ["asked/s", (row) => whole(row.asked)],
    ["by request", (row) => whole(row.eventsPerRequest)],
    ["published/s", (row) => whole(row.publishesPerSecond)],
    ["deliveries/s", (row) => whole(row.deliveriesPerSecond)],
    ["p50 ms", (row) => row.p50Ms.toFixed(1)],
    ["p99 ms", (row) => row.p99Ms.toFixed(1)],
    ["refused", (row) => whole(row.refused)],
    ["lost", (row) => whole(row.lost)],
    ["repeated", (row) => whole(row.repeated)],
    ["sidecar CPU", (row) => percent(row.sidecarCpu)],
    ["Redis µs/publish", (row) => perPublish(row)],
    ["load CPU", (row) => percent(row.loadCpu)],
    ["load late p99 ms", (row) => row.lateP99Ms.toFixed(1)],
  ]);
  const pairs = rates.flatMap(({ publishesPerSecond }) => {
    const [memory, redis] = setups.map((setup) =>
      rows.find((row) => row.setup === setup && row.asked === publishesPerSecond * settings.scale),
    );
    return memory && redis ? [{ memory, redis }] : [];
  });
  const ratio = (pair: (typeof pairs)[number], read: (row: Row) => number): string =>
    (read(pair.redis) / read(pair.memory)).toFixed(2);
  const ratios = toTable(pairs, [
    ["Redis, 2 nodes ÷ memory, 1 node", ({ memory }) => `${whole(memory.asked)} publishes/s`],
    ["deliveries/s", (pair) => ratio(pair, (row) => row.deliveriesPerSecond)],
    ["p50", (pair) => ratio(pair, (row) => row.p50Ms)],
    ["p99", (pair) => ratio(pair, (row) => row.p99Ms)],
    ["sidecar CPU", (pair) => ratio(pair, (row) => row.sidecarCpu)],
  ]);
  return [
    `${channelCount} channels, ${channelCount * subscribersPerChannel} subscribers, ${dataBytes} bytes of data an event; ` +
      `each number is the median of ${rounds} rounds of ${measuredMs / 1000} s, refused, lost and repeated are those of the worst.`,
    "A delivery is one event's frame that one subscriber has received. Latency is from the sending of the publish " +
      "request to the arrival of the frame. CPU is of one core, all sidecars together.",
    table,
    ratios,
  ].join("\n\n");
}

function perPublish({ setup, redisMicrosecondsPerPublish }: Row): string {
  return setup === "Redis, 2 nodes" ? whole(redisMicrosecondsPerPublish) : "–";
}
