/** One worker process, as its supervisor sees it: starting it, asking it, stopping it, and how it ended. */

import { fork, type ChildProcess } from "node:child_process";
import { schedule } from "../http/timers.ts";
import { parseFromWorker, type Answer, type ToWorker } from "./messages.ts";
import { errorCode } from "../http/error-code.ts";

export interface WorkerProcess {
  /** Null: it could not be started. */
  readonly pid: number | null;
  /** Resolves once its port is open; never, if it ends before. */
  readonly listening: Promise<void>;
  /** Resolves once the process has ended. Never rejects. */
  readonly exited: Promise<WorkerExit>;
  /**
   * Resolves with null if it has not answered within `withinMs`.
   *
   * @param body of a POST; without one it is a GET
   */
  ask(path: string, withinMs: number, body?: string | null): Promise<Answer | null>;
  /** From now on `receive` gets the lines of its console's stream. */
  watch(query: string, receive: (line: string) => void): WorkerStream;
  /** In order; it takes as long as what is open needs. */
  stop(skipsDelay: boolean): void;
  /** At once. */
  kill(): void;
}

export interface WorkerStream {
  /** To be called once for each line: beyond a few that are not, no more come. */
  lineTaken(): void;
  close(): void;
}

export interface WorkerExit {
  /** Null: it was ended by a signal, or never ran. */
  readonly code: number | null;
  readonly signal: string | null;
  /** Why the system did not start it, such as ENOMEM; null: it ran. */
  readonly error: string | null;
}

export interface WorkerCommand {
  /** What Node runs, and its arguments. */
  readonly main: string;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string | undefined>>;
  /** A descriptor that becomes the process's `inheritedDescriptor`; null: none. */
  readonly descriptor: number | null;
}

/** Behind the three standard streams and Node's own channel. */
export const inheritedDescriptor = 4;

/** Never throws: a process that could not be started has ended. */
export function startWorkerProcess({ main, args, env, descriptor }: WorkerCommand): WorkerProcess {
  try {
    const child = fork(main, [...args], {
      env: { ...env },
      stdio: ["inherit", "inherit", "inherit", "ipc", ...(descriptor === null ? [] : [descriptor])],
    });
    return follow(child);
  } catch (error) {
    // Node says some reasons by an event, and throws others: among them that there is no memory (ENOMEM).
    return neverStarted(errorCode(error) ?? String(error));
  }
}

function neverStarted(reason: string): WorkerProcess {
  return {
    pid: null,
    listening: new Promise(() => undefined),
    exited: Promise.resolve({ code: null, signal: null, error: reason }),
    ask: () => Promise.resolve(null),
    watch: () => ({ lineTaken: () => undefined, close: () => undefined }),
    stop: () => undefined,
    kill: () => undefined,
  };
}

function follow(child: ChildProcess): WorkerProcess {
  const questions = new Map<number, (answer: Answer | null) => void>();
  const streams = new Map<number, (line: string) => void>();
  const listening = Promise.withResolvers<void>();
  const exited = Promise.withResolvers<WorkerExit>();
  let ids = 0;

  child.on("message", (received) => {
    const message = parseFromWorker(received);
    if (message?.kind === "listening") listening.resolve();
    if (message?.kind === "answer") resolveQuestion(message.id, message.answer);
    if (message?.kind === "line") streams.get(message.id)?.(message.text);
  });
  child.once("exit", (code, signal) => end({ code, signal, error: null }));
  // It could not be started, or a message did not reach it any more; the latter ends with its exit.
  child.on("error", (error) => {
    if (child.pid !== undefined) return;
    end({ code: null, signal: null, error: errorCode(error) ?? String(error) });
  });

  function resolveQuestion(id: number, answer: Answer | null): void {
    questions.get(id)?.(answer);
    questions.delete(id);
  }

  function end(exit: WorkerExit): void {
    for (const id of questions.keys()) resolveQuestion(id, null);
    exited.resolve(exit);
  }

  function send(message: ToWorker): void {
    if (child.connected) child.send(message);
  }

  return {
    pid: child.pid ?? null,
    listening: listening.promise,
    exited: exited.promise,
    ask(path, withinMs, body = null) {
      const { promise, resolve } = Promise.withResolvers<Answer | null>();
      const id = (ids += 1);
      const cancel = schedule(() => resolveQuestion(id, null), withinMs);
      questions.set(id, (answer) => {
        cancel();
        resolve(answer);
      });
      if (child.connected) send({ kind: "question", id, path, body });
      else resolveQuestion(id, null);
      return promise;
    },
    watch(query, receive) {
      const id = (ids += 1);
      streams.set(id, receive);
      send({ kind: "watch", id, query });
      return {
        lineTaken: () => send({ kind: "line_taken", id }),
        close() {
          streams.delete(id);
          send({ kind: "unwatch", id });
        },
      };
    },
    stop: (skipsDelay) => send({ kind: "stop", skipsDelay }),
    kill: () => void child.kill("SIGKILL"),
  };
}
