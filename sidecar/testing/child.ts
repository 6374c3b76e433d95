/** For tests: a child process in a process group of its own that cannot outlive the test that started it. */

import { spawn } from "node:child_process";
import { Socket } from "node:net";
import { createInterface } from "node:readline";
import { setTimeout as sleep } from "node:timers/promises";

export interface Exit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

export interface Child {
  readonly pid: number;
  /** What it wrote to standard output and standard error, line by line, as it comes. */
  readonly lines: readonly string[];
  /** Resolves when it has ended and everything it wrote is in `lines`. */
  readonly exited: Promise<Exit>;
  /**
   * Asks the process to end with SIGTERM; once it has, ends what is left of its group. One that
   * is still there after `deadlineMs` is killed, which the Exit then shows.
   */
  stop(deadlineMs?: number): Promise<Exit>;
  /** Sends a signal to the process, if it is still there. */
  signal(name: NodeJS.Signals): void;
}

export interface ChildOptions {
  readonly cwd: string;
  /** The whole environment, besides PATH, HOME and TMPDIR: nothing else of this process's is passed on. */
  readonly env: Readonly<Record<string, string>>;
  /** For a server that a test may forget to stop: this process ends without waiting for it. */
  readonly isUnrefed?: boolean;
}

export function startChild(command: string, args: readonly string[], options: ChildOptions): Child {
  const started = spawn(command, args, {
    cwd: options.cwd,
    env: { ...inherited(), ...options.env },
    detached: true,
    stdio: ["ignore", "pipe", "pipe"],
  });
  // A command that is not there: said by the throw below, so not a second time.
  started.once("error", () => undefined);
  const { pid } = started;
  if (pid === undefined) throw new Error(`${command} could not be started`);

  const lines: string[] = [];
  for (const stream of [started.stdout, started.stderr]) {
    createInterface({ input: stream }).on("line", (line) => lines.push(line));
    // `spawn` gives sockets, though their type does not say so.
    if (options.isUnrefed && stream instanceof Socket) stream.unref();
  }
  if (options.isUnrefed) started.unref();

  const { promise: exited, resolve } = Promise.withResolvers<Exit>();
  running.add(pid);
  started.once("exit", () => {
    signalGroup(pid, "SIGKILL");
    running.delete(pid);
  });
  started.once("close", (code, signal) => resolve({ code, signal }));

  return {
    pid,
    lines,
    exited,
    stop: async (deadlineMs = 15_000) => {
      const deadline = setTimeout(() => signalGroup(pid, "SIGKILL"), deadlineMs);
      started.kill("SIGTERM");
      const exit = await exited;
      clearTimeout(deadline);
      return exit;
    },
    signal: (name) => void started.kill(name),
  };
}

/**
 * Resolves when `check` does so with true; what it throws counts as "not yet".
 * @throws what the child wrote, when it ends first or `deadlineMs` pass
 */
export async function waitUntilUp(
  child: Child,
  check: () => Promise<boolean>,
  deadlineMs = 20_000,
): Promise<void> {
  let ended: Exit | undefined;
  void child.exited.then((exit) => (ended = exit));
  const deadline = Date.now() + deadlineMs;
  while (Date.now() < deadline) {
    if (ended !== undefined) {
      throw new Error(`ended with ${ended.signal ?? ended.code}:\n${child.lines.join("\n")}`);
    }
    if (await check().catch(() => false)) return;
    await sleep(30);
  }
  await child.stop(0);
  throw new Error(`not up after ${deadlineMs} ms:\n${child.lines.join("\n")}`);
}

const running = new Set<number>();

process.once("exit", () => {
  for (const pid of running) signalGroup(pid, "SIGKILL");
});
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
  process.once(signal, () => process.exit(1));
}

function signalGroup(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(-pid, signal);
  } catch {
    // ESRCH: the whole group has ended already, which is what was wanted.
  }
}

function inherited(): Record<string, string> {
  const names = ["PATH", "HOME", "TMPDIR"];
  return Object.fromEntries(
    names.flatMap((name) => (process.env[name] === undefined ? [] : [[name, process.env[name]]])),
  );
}
