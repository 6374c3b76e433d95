/** Keeps a number of workers running: restarts one that exits, and stops all of them together. */

import type { Report } from "../core/report.ts";
import { backoffMs } from "../http/backoff.ts";
import type { Timers } from "../http/timers.ts";
import type { Answer } from "./messages.ts";
import type { WorkerExit, WorkerProcess } from "./worker-process.ts";

export interface SupervisorOptions {
  readonly count: number;
  /** @param worker its number, from 1 */
  readonly startProcess: (worker: number) => WorkerProcess;
  /** A worker that does not listen by then, and has not ended either, is killed. */
  readonly startTimeoutMs: number;
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

/** How a worker ended, and after how long. */
export interface WorkerEnd extends WorkerExit {
  readonly uptimeMs: number;
  /** It did not listen in time, and was killed for that. */
  readonly hasTimedOut: boolean;
}

/** A worker ended before it listened: what it lacks, it will lack again. */
export class WorkerStartError extends Error {
  readonly worker: number;
  readonly end: WorkerEnd;

  constructor(worker: number, end: WorkerEnd) {
    super(`worker ${worker} could not start`);
    this.worker = worker;
    this.end = end;
  }
}

interface Worker {
  readonly number: number;
  process: WorkerProcess | null;
  isListening: boolean;
  /** Ends in a row, each soon after the start. */
  failures: number;
  cancelRestart: () => void;
  /** Of one that has yet to listen. */
  cancelKill: () => void;
}

const restart = { firstMs: 500, maxMs: 30_000 };
/** Who ran for so long had started well. */
const soundAfterMs = 60_000;
/** What is left of a stop to one that does not listen yet: nobody is connected to it. */
const stopOfStartingMs = 5_000;
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
      cancelKill: () => undefined,
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
   * Resolves once all listen; never, if all are stopped before.
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
    const { startProcess, startTimeoutMs, now, timers } = this.#options;
    const startedMs = now();
    const process = startProcess(worker.number);
    worker.process = process;
    let hasTimedOut = false;
    worker.cancelKill = timers.setTimeout(() => {
      hasTimedOut = true;
      process.kill();
    }, startTimeoutMs);
    void process.listening.then(() => this.#listens(worker));
    void process.exited.then((exit) =>
      this.#ended(worker, { ...exit, uptimeMs: Math.round(now() - startedMs), hasTimedOut }),
    );
  }

  #listens(worker: Worker): void {
    worker.cancelKill();
    worker.isListening = true;
    this.#hasStarted ||= this.listeningCount === this.#workers.length;
    if (this.#hasStarted) this.#started.resolve();
    this.#change();
  }

  #ended(worker: Worker, end: WorkerEnd): void {
    worker.cancelKill();
    worker.process = null;
    worker.isListening = false;
    this.#change();
    if (this.#stopped) return;
    if (!this.#hasStarted) {
      this.#started.reject(new WorkerStartError(worker.number, end));
      void this.stop(true);
      return;
    }
    const { report, random, timers } = this.#options;
    worker.failures = end.uptimeMs < soundAfterMs ? worker.failures + 1 : 1;
    const restartInMs = Math.round(backoffMs(restart, worker.failures, random));
    report({ kind: "worker_exited", worker: worker.number, ...end, restartInMs });
    worker.cancelRestart = timers.setTimeout(() => this.#run(worker), restartInMs);
  }

  #change(): void {
    for (const run of this.#listeners) run();
  }

  async #stopAll(skipsDelay: boolean): Promise<void> {
    const { stopTimeoutMs, report, timers } = this.#options;
    await Promise.all(
      this.#workers.map(async ({ number, process, isListening, cancelRestart }) => {
        cancelRestart();
        if (!process) return;
        const timeoutMs = isListening ? stopTimeoutMs : stopOfStartingMs;
        const cancelKill = timers.setTimeout(() => {
          report({ kind: "worker_stop_timed_out", worker: number, timeoutMs });
          process.kill();
        }, timeoutMs);
        process.stop(skipsDelay);
        await process.exited;
        cancelKill();
      }),
    );
  }
}
