/** The workers of one sidecar, each as a node: they share the port, and a client is one's or the other's. */

import type { Exit } from "../../../sidecar/testing/child.ts";
import { until } from "../../../sidecar/testing/eventually.ts";
import type { Client } from "./client.ts";
import { startNode, type ClusterNode, type NodeOptions } from "./node.ts";

export interface Workers<Count extends keyof Tuples = 2> {
  readonly nodes: Tuples[Count];
  /** The process that has started them. */
  readonly supervisor: ClusterNode;
  /** The one that has this number now. Resolves once it listens. */
  worker(number: number): Promise<ClusterNode>;
}

interface Tuples {
  2: readonly [ClusterNode, ClusterNode];
  3: readonly [ClusterNode, ClusterNode, ClusterNode];
}

interface Entry {
  readonly worker: number;
  readonly pid: number;
  readonly status: string;
}

export const workerHasEnded = "a worker has ended, and is started again";

export async function startWorkers<Count extends keyof Tuples>(
  count: Count,
  options: NodeOptions,
): Promise<Workers<Count>> {
  // The line of each connection names its worker.
  const env = { POGO_LOG_LEVEL: "debug", ...options.env, POGO_WORKERS: String(count) };
  const supervisor = await startNode({ ...options, env });
  const worker = (number: number): Promise<ClusterNode> => workerOf(supervisor, number);
  const nodes = await Promise.all(Array.from({ length: count }, (_, index) => worker(index + 1)));
  return { supervisor, nodes: nodes as unknown as Tuples[Count], worker };
}

async function workerOf(supervisor: ClusterNode, number: number): Promise<ClusterNode> {
  const ownLine = new RegExp(`"worker":${number}\\b`);
  const ownLines = (): string[] => supervisor.lines.filter((line) => ownLine.test(line));
  const logged = (message: string): string[] =>
    ownLines().filter((line) => line.includes(`"msg":${JSON.stringify(message)}`));
  const find = async (): Promise<Entry | undefined> => {
    const { workers } = (await supervisor.health()) as { workers: Entry[] };
    return workers.find(({ worker }) => worker === number);
  };
  const listening = () => until(`worker ${number} to listen`, find);

  const status: ClusterNode["status"] = async (page) => {
    if (page === "/livez") return supervisor.status(page);
    return (await find())?.status === "ok" ? 200 : 503;
  };
  const untilStatus = async (wanted: number, deadlineMs?: number): Promise<void> => {
    const what = `${wanted} as the readiness of worker ${number}`;
    await until(what, async () => (await status("/readyz")) === wanted, deadlineMs);
  };
  /** Ends the one that has the number now: the supervisor starts the next one. */
  const end = async (signal: NodeJS.Signals): Promise<Exit> => {
    const { length } = logged(workerHasEnded);
    process.kill((await listening()).pid, signal);
    const line = await until("its end", () => logged(workerHasEnded)[length]);
    const exit = JSON.parse(line) as { exit_code?: number; signal?: NodeJS.Signals };
    return { code: exit.exit_code ?? null, signal: exit.signal ?? null };
  };
  return {
    ...supervisor,
    pid: (await listening()).pid,
    get lines() {
      return ownLines();
    },
    logged: (message) => logged(message).length,
    status,
    untilReady: (deadlineMs) => untilStatus(200, deadlineMs),
    untilUnready: (deadlineMs) => untilStatus(503, deadlineMs),
    connect: (token) => connectTo(supervisor, number, token),
    kill: async () => void (await end("SIGKILL")),
    stop: () => end("SIGTERM"),
  };
}

/** The kernel decides whose a connection is: those that are another one's are dropped. */
async function connectTo(supervisor: ClusterNode, worker: number, token?: string): Promise<Client> {
  for (;;) {
    const client = await supervisor.connect(token);
    if ((await workerOfClient(supervisor, client)) === worker) return client;
    client.terminate();
  }
}

async function workerOfClient(supervisor: ClusterNode, { socketId }: Client): Promise<number> {
  const find = () =>
    supervisor.lines.find(
      (line) => line.includes('"msg":"connection opened"') && line.includes(`"${socketId}"`),
    );
  const line = await until("the line of a connection", find);
  return (JSON.parse(line) as { worker: number }).worker;
}
