/** What is measured: a node of ours, a bare `ws` server, or a server that runs already. */

import { execFileSync } from "node:child_process";
import { cpSync, mkdtempSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startChild, waitUntilUp } from "../../../sidecar/testing/child.ts";
import { freePort } from "../../../sidecar/testing/ports.ts";
import { repository, startSidecar } from "../../kit/process.ts";
import type { Settings } from "../scenario.ts";
import { bind } from "./machine.ts";
import type { Target } from "./target.ts";

export const app = { id: "bench", key: "bench-key", secret: "bench-secret" };

export interface Server {
  readonly target: Target;
  /** What it has written, line by line. */
  readonly lines: readonly string[];
  stop(): Promise<unknown>;
}

/** How many come at once, and from where, is not what is measured. */
const openHouse = {
  POGO_APP_ID: app.id,
  POGO_APP_KEY: app.key,
  POGO_APP_SECRET: app.secret,
  POGO_UPSTREAM: "none",
  POGO_MAX_CONNECTIONS: "20000",
  POGO_HANDSHAKE_RATE: "100000",
  POGO_HANDSHAKE_BURST: "100000",
};

/** @param main what is run in place of the checkout's source: the path of a built `main.js` */
export async function startPogo(
  { cores, checkout }: Settings,
  env: Readonly<Record<string, string>> = {},
  main?: string,
): Promise<Server> {
  const sidecar = await startSidecar({
    checkout: checkout ?? undefined,
    env: { ...openHouse, ...env },
    main,
  });
  if (cores) bind(sidecar.pid, cores.servers);
  const target = {
    port: sidecar.port,
    app,
    healthUrl: `${sidecar.adminUrl}/livez`,
    pid: sidecar.pid,
  };
  return { target, lines: sidecar.lines, stop: () => sidecar.stop() };
}

export async function startBare(
  { cores }: Settings,
  env: Readonly<Record<string, string>> = {},
): Promise<Server> {
  const port = await freePort();
  const script = join(import.meta.dirname, "fan-out/bare-server.ts");
  const child = startChild(process.execPath, [script], {
    cwd: repository,
    env: { PORT: String(port), ...env },
  });
  await waitUntilUp(child, async () => (await fetch(`http://127.0.0.1:${port}/`)).ok);
  if (cores) bind(child.pid, cores.servers);
  const target = { port, app, healthUrl: null, pid: child.pid };
  return { target, lines: child.lines, stop: () => child.stop() };
}

/** Of a server that runs already. */
export function lend(target: Target): Server {
  return { target, lines: [], stop: () => Promise.resolve() };
}

/** What makes each server of a scenario, by its name. */
export type Servers = Readonly<Record<string, () => Promise<Server>>>;

/** The target alone, where there is one; else ours and those beside it. */
export function targetOr(target: Target | null, own: Servers): Servers {
  return target ? { "the target": () => Promise.resolve(lend(target)) } : own;
}

export interface Build {
  /** What Node is to run. */
  readonly main: string;
  remove(): void;
}

/** The JavaScript that the package and the image have, in a folder of its own. */
export function build(checkout: string | null): Build {
  const from = checkout ?? repository;
  const folder = mkdtempSync(join(tmpdir(), "pogo-built-"));
  const compiler = join(from, "node_modules/.bin/tsc");
  const args = ["-p", "tsconfig.build.json", "--outDir", join(folder, "dist")];
  execFileSync(compiler, args, { cwd: from });
  cpSync(join(from, "package.json"), join(folder, "package.json"));
  symlinkSync(join(from, "node_modules"), join(folder, "node_modules"));
  return {
    main: join(folder, "dist/main.js"),
    remove: () => rmSync(folder, { recursive: true, force: true }),
  };
}
