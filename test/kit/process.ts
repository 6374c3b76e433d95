/** Starts the sidecar as its users do, a process with an environment, and waits until it is ready. */

import { join } from "node:path";
import { startChild, waitUntilUp } from "../../sidecar/testing/child.ts";
import type { Child, Exit } from "../../sidecar/testing/child.ts";
import { freePort } from "../../sidecar/testing/ports.ts";

export interface Sidecar {
  readonly pid: number;
  /** SIGKILL, and the like. */
  signal(name: NodeJS.Signals): void;
  readonly port: number;
  /** `http://127.0.0.1:port` */
  readonly url: string;
  /** `ws://127.0.0.1:port` */
  readonly wsUrl: string;
  /** `http://127.0.0.1:adminPort` */
  readonly adminUrl: string;
  /** Its log, line by line. */
  readonly lines: readonly string[];
  readonly exited: Promise<Exit>;
  /** SIGTERM; resolves with how it ended. A sidecar in order ends with code 0. */
  stop(): Promise<Exit>;
}

export interface SidecarOptions {
  /** All of its environment. Ports that are not named here are free ones, on 127.0.0.1. */
  readonly env: Readonly<Record<string, string>>;
  /** Another checkout of this repository, to compare with; this one if left out. */
  readonly checkout?: string | undefined;
  /** What is run in place of the checkout's source: a built `main.js`. */
  readonly main?: string | undefined;
  /** Wait until it is ready, not only until it listens. @default true */
  readonly isReady?: boolean;
  /** A test may forget to stop it: this process ends without waiting for it. */
  readonly isUnrefed?: boolean;
}

/** Its working directory. */
export const repository = join(import.meta.dirname, "../..");

/** A command of the sidecar's command line, with `env` as all of its environment. */
export function runSidecar(
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
  cwd: string = repository,
): Child {
  return startChild(process.execPath, ["sidecar/main.ts", ...args], { cwd, env });
}

/** @throws what the sidecar wrote, when it ends before it is ready or is not ready in time */
export async function startSidecar(options: SidecarOptions): Promise<Sidecar> {
  const { env, checkout = repository, isReady = true, isUnrefed = false } = options;
  const { main = "sidecar/main.ts" } = options;
  const port = Number(env["POGO_PORT"] ?? env["REVERB_SERVER_PORT"] ?? (await freePort()));
  const adminPort = Number(env["POGO_ADMIN_PORT"] ?? (await freePort()));
  const ports = {
    POGO_HOST: "127.0.0.1",
    POGO_PORT: String(port),
    POGO_ADMIN_PORT: String(adminPort),
  };
  const child = startChild(process.execPath, [main], {
    cwd: checkout,
    env: { ...ports, ...env },
    isUnrefed,
  });
  const adminUrl = `http://127.0.0.1:${adminPort}`;
  const isListening = () => child.lines.some((line) => line.includes('"msg":"listening"'));
  await waitUntilUp(child, async () =>
    isReady ? (await fetch(`${adminUrl}/readyz`)).ok : isListening(),
  );
  return {
    pid: child.pid,
    signal: child.signal,
    port,
    url: `http://127.0.0.1:${port}`,
    wsUrl: `ws://127.0.0.1:${port}`,
    adminUrl,
    lines: child.lines,
    exited: child.exited,
    stop: () => child.stop(),
  };
}
