/** A process of the load: it gets ready, runs between `begin` and `end`, and hands back one result. */

import { fork } from "node:child_process";
import { once } from "node:events";
import { getPriority, setPriority } from "node:os";
import { bind } from "./machine.ts";

export interface Worker<Result> {
  begin(): void;
  /** Resolves with what the process measured; it has ended then. */
  end(): Promise<Result>;
  /** Ends it, whatever it is at. */
  kill(): void;
}

export interface WorkerOptions<Input> {
  /** Absolute path of a module that calls `runWorker`. */
  readonly module: string;
  readonly input: Input;
  /** The core that it is bound to; null: any. */
  readonly core: number | null;
  /** As `nice`, beside this process: 10 leaves the core to others that want it. */
  readonly niceness?: number;
}

type FromWorker<Result> = { readonly ready: true } | { readonly result: Result };

/** Resolves when the worker is ready. */
export async function startWorker<Input, Result>({
  module,
  input,
  core,
  niceness = 0,
}: WorkerOptions<Input>): Promise<Worker<Result>> {
  const child = fork(module, [JSON.stringify(input)], { stdio: "inherit" });
  const { promise: ready, resolve: isReady, reject } = Promise.withResolvers<void>();
  const { promise: result, resolve: finish, reject: fail } = Promise.withResolvers<Result>();
  result.catch(() => undefined);
  child.on("message", (message: FromWorker<Result>) => {
    if ("ready" in message) isReady();
    else {
      finish(message.result);
      child.disconnect();
    }
  });
  child.once("exit", (code, signal) => {
    const error = new Error(`${module} ended with ${signal ?? code}`);
    reject(error);
    fail(error);
  });
  if (child.pid !== undefined) {
    if (core !== null) bind(child.pid, core);
    if (niceness !== 0) setPriority(child.pid, Math.min(19, getPriority() + niceness));
  }
  await ready;
  return {
    begin: () => void child.send("begin"),
    async end() {
      child.send("end");
      const measured = await result;
      if (child.exitCode === null && child.signalCode === null) await once(child, "exit");
      return measured;
    },
    kill: () => void child.kill("SIGKILL"),
  };
}

/** The worker's side: `prepare` resolves when it is ready, with what happens at `begin` and at `end`. */
export async function runWorker<Result>(
  prepare: (input: string) => Promise<{ begin(): void; end(): Promise<Result> }>,
): Promise<void> {
  const work = await prepare(process.argv[2] ?? "null");
  process.on("message", (message) => {
    if (message === "begin") work.begin();
    else void finish();
  });
  // It stays until its result has arrived: an exit may overtake a long one, which is lost then.
  process.once("disconnect", () => process.exit());
  process.send?.({ ready: true });

  async function finish(): Promise<void> {
    process.send?.({ result: await work.end() });
  }
}
