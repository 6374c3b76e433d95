/** What restarts: the app, and the sidecar in front of it. */

import { join } from "node:path";
import { startChild, waitUntilUp, type Child } from "../../../../sidecar/testing/child.ts";
import { until } from "../../../../sidecar/testing/eventually.ts";
import { freePort } from "../../../../sidecar/testing/ports.ts";
import { repository, startSidecar, type Sidecar } from "../../../kit/process.ts";
import type { Settings } from "../../scenario.ts";
import { bind } from "../machine.ts";

const appScript = join(import.meta.dirname, "../proxy/app.ts");
const unitScript = join(import.meta.dirname, "../../../e2e/support/socket-unit.pl");
const patienceMs = 30_000;

export const key = "bench-key";

export interface RestartSettings extends Settings {
  /** What Node is to run: the sidecar as it is built. */
  readonly main: string;
}

export interface Restartable {
  readonly port: number;
  start(): Promise<void>;
  stop(): Promise<void>;
}

export interface Node extends Restartable {
  /** Starts the successor, then stops what ran so far. */
  replace(): Promise<void>;
}

/** A sidecar whose listening socket is kept, as by a socket unit of systemd. */
export interface Unit {
  readonly port: number;
  /** Ends the sidecar; resolves once the one that is started in its place listens. */
  restart(): Promise<void>;
  stop(): Promise<void>;
}

export async function startApp({ cores }: Settings): Promise<Restartable> {
  const port = await freePort();
  let child: Child | null = null;
  const app: Restartable = {
    port,
    async start() {
      const started = startChild(process.execPath, [appScript, String(port)], {
        cwd: import.meta.dirname,
        env: {},
      });
      child = started;
      if (cores) bind(started.pid, cores.load);
      await waitUntilUp(started, () => Promise.resolve(started.lines.includes("listening")));
    },
    stop: async () => void (await child?.stop()),
  };
  await app.start();
  return app;
}

export async function startNode(
  appPort: number,
  { cores, checkout, main }: RestartSettings,
): Promise<Node> {
  const port = await freePort();
  let sidecar: Sidecar | null = null;
  const node: Node = {
    port,
    async start() {
      const env = { ...environment(appPort), POGO_PORT: String(port), POGO_REUSE_PORT: "true" };
      sidecar = await startSidecar({ checkout: checkout ?? undefined, env, main });
      if (cores) bind(sidecar.pid, cores.servers);
    },
    stop: async () => void (await sidecar?.stop()),
    async replace() {
      const before = sidecar;
      await node.start();
      await before?.stop();
    },
  };
  await node.start();
  return node;
}

export async function startUnit(
  appPort: number,
  { cores, checkout, main }: RestartSettings,
): Promise<Unit> {
  const port = await freePort();
  const unit = startChild("perl", [unitScript, `${port}`, process.execPath, main], {
    cwd: checkout ?? repository,
    env: { ...environment(appPort), POGO_ADMIN_PORT: String(await freePort()) },
  });
  const logged = (text: string): string[] => unit.lines.filter((line) => line.includes(text));
  const listening = (times: number): Promise<unknown> =>
    until("the sidecar", () => logged('"msg":"listening"').length >= times, patienceMs);
  // What it starts is where it is.
  if (cores) bind(unit.pid, cores.servers);
  const stop = async (): Promise<void> => void (await unit.stop());
  let starts = 1;
  await listening(starts).catch(async (error: unknown) => {
    await stop();
    throw error;
  });
  return {
    port,
    async restart() {
      starts += 1;
      process.kill(Number(logged("started ").at(-1)?.split(" ")[1]), "SIGTERM");
      await listening(starts);
    },
    stop,
  };
}

function environment(appPort: number): Record<string, string> {
  return {
    POGO_APP_ID: "bench",
    POGO_APP_KEY: key,
    POGO_APP_SECRET: "bench-secret",
    POGO_UPSTREAM: `http://127.0.0.1:${appPort}`,
    // All pages have one address.
    POGO_HANDSHAKE_RATE: "5000",
    POGO_HANDSHAKE_BURST: "5000",
  };
}
