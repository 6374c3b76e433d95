/** One node of a cluster: a sidecar process of its own, with the two ports that tests talk to. */

import type { Exit } from "../../../sidecar/testing/child.ts";
import { readMetric } from "../../e2e/support/metrics.ts";
import { startSidecar } from "../../kit/process.ts";
import { createApi, type Api } from "./api.ts";
import { app } from "../../kit/sign.ts";
import { connectClient, type Client } from "./client.ts";
import { until } from "../../../sidecar/testing/eventually.ts";

export interface ClusterNode {
  readonly pid: number;
  readonly port: number;
  readonly adminUrl: string;
  readonly api: Api;
  readonly exited: Promise<Exit>;
  /** @param token by which the client is recognized when it comes back */
  connect(token?: string): Promise<Client>;
  /** How often this was logged, word for word. */
  logged(message: string): number;
  /** All lines of its log. */
  readonly lines: readonly string[];
  /** Status of a page of the admin port. */
  status(page: "/livez" | "/readyz"): Promise<number>;
  /** What `/pogo/health` says. */
  health(): Promise<Readonly<Record<string, unknown>>>;
  /** Value of a series as it is written in `/metrics`. */
  metric(series: string): Promise<number>;
  /** Resolves once `/readyz` says so. */
  untilReady(deadlineMs?: number): Promise<void>;
  untilUnready(deadlineMs?: number): Promise<void>;
  /** SIGKILL; resolves when it has ended. */
  kill(): Promise<void>;
  /** SIGTERM. */
  stop(): Promise<Exit>;
}

export interface NodeOptions {
  /** Where Redis is, and whatever else a test needs otherwise. */
  readonly env: Readonly<Record<string, string>>;
  /** Wait until Redis is there. @default true */
  readonly isReady?: boolean;
  /** Where `sidecar/main.ts` is. @default this repository */
  readonly folder?: string;
}

export const leaseMs = 2_000;
const redisTimeoutMs = 1_000;

export const redisIsThere = "redis is connected: events and presence reach all nodes";
export const redisIsLost = "redis is lost: publishing fails until it is back";

const defaults = {
  POGO_APP_ID: app.id,
  POGO_APP_KEY: app.key,
  POGO_APP_SECRET: app.secret,
  POGO_UPSTREAM: "none",
  POGO_HOST: "127.0.0.1",
  POGO_NODE_LEASE: `${leaseMs}ms`,
  POGO_REDIS_TIMEOUT: `${redisTimeoutMs}ms`,
  POGO_HANDSHAKE_RATE: "100000",
  POGO_HANDSHAKE_BURST: "100000",
};

export async function startNode(options: NodeOptions): Promise<ClusterNode> {
  const { env, isReady = true, folder } = options;
  const child = await startSidecar({
    env: { ...defaults, ...env },
    checkout: folder,
    isReady,
    isUnrefed: true,
  });
  const { port, url, adminUrl } = child;
  const status: ClusterNode["status"] = async (page) => {
    const response = await fetch(adminUrl + page, { signal: AbortSignal.timeout(2_000) });
    await response.arrayBuffer();
    return response.status;
  };
  const untilStatus = async (wanted: number, deadlineMs?: number): Promise<void> => {
    const what = `${wanted} of /readyz`;
    await until(what, async () => (await status("/readyz")) === wanted, deadlineMs);
  };
  return {
    pid: child.pid,
    port,
    adminUrl,
    api: createApi(url),
    exited: child.exited,
    lines: child.lines,
    connect: (token) => connectClient(port, token),
    logged: (message) =>
      child.lines.filter((line) => line.includes(`"msg":${JSON.stringify(message)}`)).length,
    status,
    health: async () => {
      const response = await fetch(`${adminUrl}/pogo/health`);
      return (await response.json()) as Record<string, unknown>;
    },
    metric: (series) => readMetric(adminUrl, series),
    untilReady: (deadlineMs) => untilStatus(200, deadlineMs),
    untilUnready: (deadlineMs) => untilStatus(503, deadlineMs),
    kill: async () => {
      child.signal("SIGKILL");
      await child.exited;
    },
    stop: child.stop,
  };
}
