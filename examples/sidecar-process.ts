/** The demo's sidecar: a process of its own that can be restarted, whose log comes line by line. */

import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";

export interface SidecarProcess {
  /** Of the one that runs now. */
  readonly adminUrl: string;
  /** Another one takes the place of this one, on the same public port; resolves when that is done. */
  restart(): Promise<void>;
  kill(signal: "SIGTERM" | "SIGKILL"): void;
}

export interface SidecarOptions {
  /** What it is configured with; other settings of the reader's environment stay out. */
  readonly env: Readonly<Record<string, string>>;
  /** Taken in turn: for a moment two run. */
  readonly adminPorts: readonly [number, number];
  readonly onLine: (line: string) => void;
  /** It ended, and nobody restarted it. */
  readonly onExit: (code: number | null) => void;
}

const main = fileURLToPath(new URL("../sidecar/main.ts", import.meta.url));
const startWithinMs = 15_000;

/** Where two processes can listen on one port, the new one is there before the old one goes, and nobody is refused. */
const canShare = process.platform === "linux";

/** Rejects if it does not get ready. */
export async function startSidecar(options: SidecarOptions): Promise<SidecarProcess> {
  const { env, onLine, onExit } = options;
  let [adminPort, otherPort] = options.adminPorts;
  let child = run();
  await whenReady(adminPort);

  function run(): ChildProcess {
    // Settings of the reader's own sidecar or Reverb stay out of the demo.
    const inherited = Object.entries(process.env).filter(([name]) => !/^(POGO|REVERB)_/.test(name));
    const started = spawn(process.execPath, [main, "start", "--no-env-file"], {
      env: {
        ...Object.fromEntries(inherited),
        ...env,
        POGO_ADMIN_HOST: "127.0.0.1",
        POGO_ADMIN_PORT: String(adminPort),
        POGO_REUSE_PORT: String(canShare),
      },
      stdio: ["ignore", "pipe", "inherit"],
      // A process group of its own: Ctrl-C comes to the demo alone, which then stops the sidecar in order.
      detached: true,
    });
    createInterface({ input: started.stdout }).on("line", onLine);
    started.once("exit", onExit);
    return started;
  }

  return {
    get adminUrl() {
      return `http://127.0.0.1:${adminPort}`;
    },
    async restart() {
      const before = child;
      // That it ends is what is wanted here.
      before.removeAllListeners("exit");
      const ended = once(before, "exit");
      if (!canShare) {
        before.kill("SIGTERM");
        await ended;
      }
      [adminPort, otherPort] = [otherPort, adminPort];
      child = run();
      await whenReady(adminPort);
      before.kill("SIGTERM");
      await ended;
    },
    kill: (signal) => void child.kill(signal),
  };
}

async function whenReady(adminPort: number): Promise<void> {
  const deadline = Date.now() + startWithinMs;
  while (!(await isReady(adminPort))) {
    if (Date.now() > deadline) {
      throw new Error(`The sidecar did not get ready within ${startWithinMs / 1000} s.`);
    }
    await delay(50);
  }
}

async function isReady(adminPort: number): Promise<boolean> {
  return fetch(`http://127.0.0.1:${adminPort}/readyz`).then(
    (response) => response.ok,
    () => false, // not listening yet
  );
}
