/** For tests: one process of redis-server, be it a server or a Sentinel, that can die, hang and come back. */

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startChild, waitUntilUp, type Child } from "../child.ts";

export interface RedisProcess {
  /** On 127.0.0.1, the same after a restart. */
  readonly port: number;
  /** `redis://127.0.0.1:port`, with the password if there is one. */
  readonly url: string;
  /** Of the process that runs, or ran last. */
  readonly pid: number;
  /** False once it was stopped or killed, or ended by itself; a paused one runs. */
  readonly isRunning: boolean;
  /** The log since its last start, line by line. */
  readonly lines: readonly string[];
  /** SIGTERM, to a paused one too; resolves when it has ended. */
  stop(): Promise<void>;
  /** SIGKILL; resolves when it has ended. */
  kill(): Promise<void>;
  /** SIGSTOP: its connections stay open, new ones are taken by the kernel, nothing is answered. */
  pause(): void;
  /** SIGCONT. */
  resume(): void;
  /**
   * Stops it where it runs, and starts it again on the same port; resolves when it is ready.
   * @param options.empty without what it had written to disk, were it persistent
   */
  restart(options?: { empty?: boolean }): Promise<void>;
}

export interface RedisProcessOptions {
  readonly port: number;
  readonly password?: string | undefined;
  /** The folder of its files; see `createRedisFolder`. */
  readonly folder: string;
  /** The whole command line of redis-server. */
  readonly args: readonly string[];
  /** In its log once it accepts commands. */
  readonly readyLine: string;
}

/** @throws its log, when it ends before it is ready or is not ready in time */
export async function startRedisProcess(options: RedisProcessOptions): Promise<RedisProcess> {
  const { port, password, folder } = options;
  let run = await start(options);

  const stop = async () => {
    run.child.signal("SIGCONT");
    await run.child.stop();
  };
  return {
    port,
    url: `redis://${password === undefined ? "" : `:${encodeURIComponent(password)}@`}127.0.0.1:${port}`,
    get pid() {
      return run.child.pid;
    },
    get isRunning() {
      return !run.hasEnded();
    },
    get lines() {
      return run.child.lines;
    },
    stop,
    kill: async () => {
      run.child.signal("SIGKILL");
      await run.child.stop();
    },
    pause: () => run.child.signal("SIGSTOP"),
    resume: () => run.child.signal("SIGCONT"),
    restart: async ({ empty = false } = {}) => {
      await stop();
      if (empty) for (const name of dataFiles) remove(join(folder, name));
      run = await start(options);
    },
  };
}

/** A private folder that goes with the test process. */
export function createRedisFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "pogo-redis-"));
  folders.add(folder);
  return folder;
}

interface Run {
  readonly child: Child;
  readonly hasEnded: () => boolean;
}

async function start(options: RedisProcessOptions): Promise<Run> {
  const child = startChild("redis-server", options.args, {
    cwd: options.folder,
    env: {},
    isUnrefed: true,
  });
  let hasEnded = false;
  void child.exited.then(() => (hasEnded = true));
  const isReady = () => child.lines.some((line) => line.includes(options.readyLine));
  await waitUntilUp(child, async () => isReady(), 10_000);
  return { child, hasEnded: () => hasEnded };
}

const dataFiles = ["appendonlydir", "dump.rdb"];

const folders = new Set<string>();

// After the listener of child.ts, which kills what still runs: that one was added first.
process.once("exit", () => {
  for (const folder of folders) remove(folder);
});

function remove(path: string): void {
  rmSync(path, { recursive: true, force: true, maxRetries: 5, retryDelay: 20 });
}
