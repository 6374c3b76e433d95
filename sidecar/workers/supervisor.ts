/** Keeps so many workers running: starts one again that has ended, and stops all together. */

import type { Report } from "../core/report.ts";
import { backoffMs } from "../http/backoff.ts";
import type { Timers } from "../http/timers.ts";
import type { Answer } from "./messages.ts";
import type { WorkerExit, WorkerProcess } from "./worker-process.ts";

export interface SupervisorOptions {
  readonly count: number;
  /** @param worker its number, from 1 */
  readonly startProcess: (worker: number) => WorkerProcess;
  /** A worker that has not stopped by then is killed. */
  readonly stopTimeoutMs: number;
  readonly report: Report;
  /** Milliseconds of a clock that never goes back. */
  readonly now: () => number;
  readonly random: () => number;
  readonly timers: Timers;
}

export interface WorkerAnswer {
  readonly worker: number;
  readonly pid: number | null;
  /** Null: it has not answered in time. */
  readonly answer: Answer | null;
}

/** A worker ended before it listened: what it lacks, it will lack again. It has said why in the log. */
export class WorkerStartError extends Error {
  readonly worker: number;
  readonly exit: WorkerExit;

  constructor(worker: number, exit: WorkerExit) {
    super(`worker ${worker} could not start`);
    this.worker = worker;
    this.exit = exit;
  }
}

interface Worker {
  readonly number: number;
  process: WorkerProcess | null;
  isListening: boolean;
  /** Ends in a row, each soon after the start. */
  failures: number;
  cancelRestart: () => void;
}

const restart = { firstMs: 500, maxMs: 30_000 };
/** Who ran for so long had started well. */
const soundAfterMs = 60_000;
/** Less than the CLI's `healthcheck` waits for the answer that is made of these. */
const answerWithinMs = 1_000;

export class Supervisor {
  readonly #options: SupervisorOptions;
  readonly #workers: readonly Worker[];
  readonly #started = Promise.withResolvers<void>();
  readonly #listeners = new Set<() => void>();
  #hasStarted = false;
  #stopped: Promise<void> | null = null;

  constructor(options: SupervisorOptions) {
    this.#options = options;
    this.#workers = Array.from({ length: options.count }, (_, index) => ({
      number: index + 1,
      process: null,
      isListening: false,
      failures: 0,
      cancelRestart: () => undefined,
    }));
  }

  /** Whether all have listened at the same time, once. */
  get hasStarted(): boolean {
    return this.#hasStarted;
  }

  get listeningCount(): number {
    return this.listening.size;
  }

  /** Those that run and can be asked, by their numbers. */
  get listening(): ReadonlyMap<number, WorkerProcess> {
    const all = this.#workers.filter(({ isListening }) => isListening);
    return new Map(all.flatMap(({ number, process }) => (process ? [[number, process]] : [])));
  }

  /** Has `run` called whenever there is another answer to `listening`; gives what ends that. */
  onChange(run: () => void): () => void {
    this.#listeners.add(run);
    return () => void this.#listeners.delete(run);
  }

  /**
   * Resolves once all listen.
   *
   * @throws WorkerStartError; those that had started are stopped then
   */
  async start(): Promise<void> {
    for (const worker of this.#workers) this.#run(worker);
    await this.#started.promise;
  }

  /** Resolves once all have ended; called again it returns the same promise. */
  stop(skipsDelay: boolean): Promise<void> {
    this.#stopped ??= this.#stopAll(skipsDelay);
    return this.#stopped;
  }

  /** Asks those that listen for what their admin port would answer. */
  ask(path: string): Promise<readonly WorkerAnswer[]> {
    return Promise.all(
      [...this.listening].map(async ([worker, process]) => ({
        worker,
        pid: process.pid,
        answer: await process.ask(path, answerWithinMs),
      })),
    );
  }

  #run(worker: Worker): void {
    const { startProcess, now } = this.#options;
    const startedMs = now();
    const process = startProcess(worker.number);
    worker.process = process;
    void process.listening.then(() => this.#listens(worker));
    void process.exited.then((exit) => this.#ended(worker, exit, Math.round(now() - startedMs)));
  }

  #listens(worker: Worker): void {
    worker.isListening = true;
    this.#hasStarted ||= this.listeningCount === this.#workers.length;
    if (this.#hasStarted) this.#started.resolve();
    this.#change();
  }

  #ended(worker: Worker, exit: WorkerExit, uptimeMs: number): void {
    worker.process = null;
    worker.isListening = false;
    this.#change();
    if (this.#stopped) return;
    if (!this.#hasStarted) {
      this.#started.reject(new WorkerStartError(worker.number, exit));
      void this.stop(true);
      return;
    }
    const { report, random, timers } = this.#options;
    worker.failures = uptimeMs < soundAfterMs ? worker.failures + 1 : 1;
    const restartInMs = Math.round(backoffMs(restart, worker.failures, random));
    report({ kind: "worker_exited", worker: worker.number, ...exit, uptimeMs, restartInMs });
    worker.cancelRestart = timers.setTimeout(() => this.#run(worker), restartInMs);
  }

  #change(): void {
    for (const run of this.#listeners) run();
  }

  async #stopAll(skipsDelay: boolean): Promise<void> {
    const { stopTimeoutMs, timers } = this.#options;
    await Promise.all(
      this.#workers.map(async ({ process, cancelRestart }) => {
        cancelRestart();
        if (!process) return;
        const cancelKill = timers.setTimeout(() => process.kill(), stopTimeoutMs);
        process.stop(skipsDelay);
        await process.exited;
        cancelKill();
      }),
    );
  }
}
