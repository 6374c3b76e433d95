/** Nodes behind one address, as behind a load balancer, that restart one after the other; or one whose socket outlives it. */

import { join } from "node:path";
import { startChild } from "../../sidecar/testing/child.ts";
import { until } from "../../sidecar/testing/eventually.ts";
import { freePort } from "../../sidecar/testing/ports.ts";
import { startRedis, type RedisServer } from "../../sidecar/testing/redis/redis-server.ts";
import { startTcpProxy, type TcpProxy } from "../../sidecar/testing/tcp-proxy.ts";
import { repository, startSidecar, type Sidecar } from "./process.ts";

export interface Fleet {
  /** Between everybody and the nodes: WebSockets, pages, publishes. */
  readonly line: TcpProxy;
  /** Every node once, one after the other. Resolves when all are ready. */
  restart(): Promise<void>;
  /** Of those that run now. */
  readonly adminUrls: readonly string[];
  /** What all of them wrote, those that have ended too. */
  lines(): readonly string[];
  stop(): Promise<void>;
}

export interface FleetOptions {
  readonly env: Readonly<Record<string, string>>;
  /** @default this repository */
  readonly checkout?: string | undefined;
  /** For each process of a node that was started. */
  readonly onStart?: (pid: number) => void;
}

export interface Cluster extends Fleet {
  readonly redis: RedisServer;
  /** This node alone, in order. */
  restartOne(index: number): Promise<void>;
  /** SIGKILL: the balancer learns of it when it is over. */
  kill(index: number): Promise<void>;
  /** What was killed starts again. */
  start(index: number): Promise<void>;
  /** Every new connection goes there; null: to one after the other. */
  prefer(index: number | null): void;
}

interface Place {
  readonly env: Readonly<Record<string, string>>;
  readonly port: number;
  node: Sidecar | null;
  /** The balancer gives it new connections. */
  isIn: boolean;
}

/** Nodes on one Redis. The balancer takes one out before it is stopped, as an orchestrator does. */
export async function startCluster(size: number, options: FleetOptions): Promise<Cluster> {
  const { env, checkout, onStart = () => undefined } = options;
  const redis = await startRedis({ isPersistent: true });
  const places: Place[] = [];
  const ended: Sidecar[] = [];
  let turn = 0;
  let preferred: number | null = null;
  const line = await startTcpProxy(() => {
    const open = places.filter(({ isIn }) => isIn);
    const favourite = preferred === null ? undefined : places[preferred];
    if (favourite?.isIn) return favourite.port;
    turn += 1;
    return open[turn % open.length]?.port ?? places[0]?.port ?? 0;
  });

  async function start(place: Place): Promise<void> {
    place.node = await startSidecar({ env: place.env, checkout });
    onStart(place.node.pid);
    place.isIn = true;
  }
  async function stop(place: Place, how: (node: Sidecar) => unknown): Promise<void> {
    const { node } = place;
    if (!node) return;
    await how(node);
    await node.exited;
    place.isIn = false;
    place.node = null;
    ended.push(node);
  }
  async function restart(place: Place): Promise<void> {
    place.isIn = false;
    await stop(place, (node) => node.stop());
    await start(place);
  }

  for (let index = 0; index < size; index += 1) {
    const port = await freePort();
    const ports = { POGO_PORT: String(port), POGO_ADMIN_PORT: String(await freePort()) };
    const redisAt = { POGO_REDIS_HOST: "127.0.0.1", POGO_REDIS_PORT: String(redis.port) };
    // Who was sent to it before it was taken out is still served.
    const common = { ...redisAt, ...ports, POGO_DRAIN_DELAY: "200ms" };
    places.push({ port, node: null, isIn: false, env: { ...common, ...env } });
  }
  async function stopAll(): Promise<void> {
    await line.close();
    await Promise.all(places.map((place) => stop(place, (node) => node.stop())));
    await redis.kill();
  }
  const started = await Promise.allSettled(places.map(start));
  for (const each of started) {
    if (each.status === "fulfilled") continue;
    await stopAll();
    throw each.reason;
  }
  const at = (index: number): Place => {
    const place = places[index];
    if (!place) throw new Error(`there are ${size} nodes, and none is number ${index}`);
    return place;
  };
  const running = (): Sidecar[] => places.flatMap(({ node }) => node ?? []);

  return {
    line,
    redis,
    get adminUrls() {
      return running().map(({ adminUrl }) => adminUrl);
    },
    lines: () => [...ended, ...running()].flatMap(({ lines }) => lines),
    async restart() {
      for (const place of places) await restart(place);
    },
    restartOne: (index) => restart(at(index)),
    kill: (index) => stop(at(index), (node) => node.signal("SIGKILL")),
    start: (index) => start(at(index)),
    prefer(index) {
      preferred = index;
    },
    stop: stopAll,
  };
}

const unitScript = join(import.meta.dirname, "../e2e/support/socket-unit.pl");

/** One node without Redis, whose listening socket is kept over a restart, as systemd does. Needs perl. */
export async function startLoneNode(options: FleetOptions): Promise<Fleet> {
  const { env, checkout = repository, onStart = () => undefined } = options;
  const port = await freePort();
  const adminPort = await freePort();
  const unit = startChild("perl", [unitScript, `${port}`, process.execPath, "sidecar/main.ts"], {
    cwd: checkout,
    env: { ...env, POGO_ADMIN_PORT: String(adminPort) },
  });
  const lines = (text: string): string[] => unit.lines.filter((line) => line.includes(text));
  const pid = (): number => Number(lines("started ").at(-1)?.split(" ")[1]);
  let starts = 0;
  const hasStarted = async (): Promise<void> => {
    starts += 1;
    await until("the node", () => lines('"msg":"listening"').length >= starts);
    onStart(pid());
  };
  await hasStarted();
  const line = await startTcpProxy(port);
  return {
    line,
    adminUrls: [`http://127.0.0.1:${adminPort}`],
    lines: () => unit.lines,
    async restart() {
      process.kill(pid(), "SIGTERM");
      await hasStarted();
    },
    async stop() {
      await line.close();
      await unit.stop();
    },
  };
}
