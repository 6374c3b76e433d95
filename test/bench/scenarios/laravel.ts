/** What a `broadcast()` costs a PHP worker: over TCP, over a Unix socket and over Redis, with Laravel's stock drivers. */

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { until } from "../../../sidecar/testing/eventually.ts";
import { openClient, type OpenClient } from "../../kit/client.ts";
import { startLaravel, laravelEnv, type Laravel } from "../../e2e/support/laravel.ts";
import { needsLaravel } from "../../e2e/support/needs.ts";
import { startSidecar, type Sidecar } from "../../kit/process.ts";
import { needsRedis } from "../../../sidecar/testing/redis/redis-needs.ts";
import { startRedis, type RedisServer } from "../../../sidecar/testing/redis/redis-server.ts";
import type { Scenario, Settings } from "../scenario.ts";
import { bind } from "../support/machine.ts";
import { median, toTable } from "../support/table.ts";

const eventName = "App\\Events\\MessageSent";
/** In one queue worker, one after the other. */
const broadcastsInWorker = 1_000;
/** Each the first of its process, with everything still to be loaded and connected. */
const firstBroadcasts = 20;

interface Row {
  readonly way: string;
  readonly what: string;
  readonly lost: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly cpuMicroseconds: number;
}

interface Measured {
  readonly nanoseconds: readonly number[];
  /** Of PHP, for each broadcast. */
  readonly cpuMicroseconds: number;
}

/** What is set for PHP, beside the address over TCP. */
type Ways = Readonly<Record<string, Readonly<Record<string, string>>>>;

export const laravel: Scenario = {
  name: "laravel",
  needs: () => needsLaravel() || needsRedis(),
  takesTarget: false,
  async run(settings) {
    const folder = await mkdtemp(join(tmpdir(), "pogo-bench-"));
    const redis = await startRedis();
    try {
      return await measureWith(settings, redis, join(folder, "api.sock"));
    } finally {
      await redis.stop();
      await rm(folder, { recursive: true });
    }
  },
};

async function measureWith(
  settings: Settings,
  redis: RedisServer,
  socket: string,
): Promise<string> {
  const { REVERB_APP_ID = "", REVERB_APP_KEY = "", REVERB_APP_SECRET = "" } = laravelEnv();
  const ofRedis = { REDIS_HOST: "127.0.0.1", REDIS_PORT: String(redis.port) };
  const sidecar = await startSidecar({
    env: {
      ...ofRedis,
      POGO_APP_ID: REVERB_APP_ID,
      POGO_APP_KEY: REVERB_APP_KEY,
      POGO_APP_SECRET: REVERB_APP_SECRET,
      POGO_UPSTREAM: "none",
      POGO_API_SOCKET: socket,
      POGO_REDIS_BROADCASTS: "on",
      POGO_REDIS_BROADCASTS_PREFIX: "bench-",
    },
    checkout: settings.checkout ?? undefined,
  });
  if (settings.cores) bind(sidecar.pid, settings.cores.servers);
  const ways: Ways = {
    TCP: {},
    "Unix socket": { PUBLISH_SOCKET: socket },
    Redis: {
      ...ofRedis,
      BROADCAST_CONNECTION: "redis",
      REDIS_CLIENT: "predis",
      REDIS_PREFIX: "bench-",
    },
  };
  const rows: Row[] = [];
  try {
    for (const [way, env] of Object.entries(ways)) {
      rows.push(...(await measureWay(way, env, sidecar, REVERB_APP_KEY, settings)));
    }
  } finally {
    await sidecar.stop();
  }
  return toTable(rows, [
    ["way", ({ way }) => way],
    ["what", ({ what }) => what],
    ["lost", ({ lost }) => String(lost)],
    ["p50, ms", ({ p50Ms }) => p50Ms.toFixed(2)],
    ["p99, ms", ({ p99Ms }) => p99Ms.toFixed(2)],
    ["PHP's CPU a publish, µs", ({ cpuMicroseconds }) => cpuMicroseconds.toFixed(0)],
  ]);
}

async function measureWay(
  way: string,
  env: Readonly<Record<string, string>>,
  sidecar: Sidecar,
  key: string,
  { rounds, scale }: Settings,
): Promise<Row[]> {
  const app = await startLaravel({ sidecarPort: sidecar.port, env });
  const cleanups: (() => void)[] = [];
  const test = { after: (cleanup: () => void) => void cleanups.push(cleanup) };
  const subscriber = openClient(test, `${sidecar.wsUrl}/app/${key}`);
  try {
    await subscriber.next("pusher:connection_established");
    await subscriber.subscribe("bench");
    const measure = (what: string, runs: number, count: number): Promise<Row> =>
      measureRuns({ way, what, runs, count: Math.ceil(count * scale), app, subscriber });
    return [
      await measure("first of a process", Math.ceil(firstBroadcasts * scale) * rounds, 1),
      await measure(`${broadcastsInWorker} in a worker`, rounds, broadcastsInWorker),
    ];
  } finally {
    for (const cleanup of cleanups) cleanup();
    await app.stop();
  }
}

async function measureRuns(options: {
  readonly way: string;
  readonly what: string;
  readonly runs: number;
  readonly count: number;
  readonly app: Laravel;
  readonly subscriber: OpenClient;
}): Promise<Row> {
  const { way, what, runs, count, app, subscriber } = options;
  const measured: Measured[] = [];
  const before = received(subscriber);
  for (let run = 0; run < runs; run += 1) measured.push(await runPhp(app, count));
  const expected = before + runs * count;
  await until("all events", () => received(subscriber) === expected, 5_000).catch(() => undefined);
  const sorted = measured.flatMap(({ nanoseconds }) => nanoseconds).toSorted((a, b) => a - b);
  const at = (share: number): number =>
    (sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN) / 1e6;
  return {
    way,
    what,
    lost: expected - received(subscriber),
    p50Ms: at(0.5),
    p99Ms: at(0.99),
    cpuMicroseconds: median(measured.map(({ cpuMicroseconds }) => cpuMicroseconds)),
  };
}

/** Events so far. */
function received({ frames }: OpenClient): number {
  return frames.filter(({ channel, event }) => channel === "bench" && event === eventName).length;
}

async function runPhp(app: Laravel, count: number): Promise<Measured> {
  const written = await app.artisan("measure:broadcasts", String(count));
  const [, json = ""] = /^measured (.*)$/m.exec(written) ?? [];
  return JSON.parse(json);
}
