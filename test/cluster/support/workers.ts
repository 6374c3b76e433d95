// The workers of one sidecar, each as a node: they share the port, and a client is one's or the other's.
import { until } from "../../../sidecar/testing/eventually.ts";
import type { Client } from "./client.ts";
import { startNode, type ClusterNode, type NodeOptions } from "./node.ts";

export interface Workers {
  readonly nodes: readonly [ClusterNode, ClusterNode];
  /** The process that has started them. */
  readonly supervisor: ClusterNode;
}

/** Two of them. */
export async function startWorkers(options: NodeOptions): Promise<Workers> {
  // The line of each connection names its worker.
  const env = { POGO_LOG_LEVEL: "debug", ...options.env, POGO_WORKERS: "2" };
  const supervisor = await startNode({ ...options, env });

  const workerOf = async ({ socketId }: Client): Promise<number> => {
    const find = () =>
      supervisor.lines.find(
        (line) => line.includes('"msg":"connection opened"') && line.includes(`"${socketId}"`),
      );
    const line = await until("the line of a connection", find);
    return (JSON.parse(line) as { worker: number }).worker;
  };

  /** The kernel decides whose a connection is: those that are the other one's are dropped. */
  const connectTo = async (worker: number): Promise<Client> => {
    for (;;) {
      const client = await supervisor.connect();
      if ((await workerOf(client)) === worker) return client;
      client.terminate();
    }
  };

  const nodeOf = async (worker: number): Promise<ClusterNode> => ({
    ...supervisor,
    pid: await workerPid(supervisor, worker),
    connect: () => connectTo(worker),
    kill: async () => {
      process.kill(await workerPid(supervisor, worker), "SIGKILL");
    },
  });
  return { supervisor, nodes: [await nodeOf(1), await nodeOf(2)] };
}

/** @throws if it does not run */
async function workerPid(supervisor: ClusterNode, worker: number): Promise<number> {
  const { workers } = await supervisor.health();
  const found = (workers as { worker: number; pid: number }[]).find((one) => one.worker === worker);
  if (!found) throw new Error(`worker ${worker} does not run`);
  return found.pid;
}
