/** The console's backend with several workers: the worker that the page shows, and the refusals of all. */

import { refusal, type Backend, type Receiver, type Watching } from "../console/backend.ts";
import { maxViewers } from "../console/feed.ts";
import type { Supervisor } from "../workers/supervisor.ts";
import type { WorkerProcess, WorkerStream } from "../workers/worker-process.ts";

export type Workers = Pick<Supervisor, "listening" | "onChange">;

export interface WorkersConsoleOptions {
  readonly workers: Workers;
  readonly count: number;
  /** For an answer; longer than the app may take to be asked again. */
  readonly answerWithinMs: number;
}

export function createWorkersConsole(options: WorkersConsoleOptions): Backend {
  const { workers, count, answerWithinMs } = options;
  let viewers = 0;

  /** What `worker` in the query says, or the first that runs. */
  function shownBy(query: URLSearchParams): number {
    const wanted = Number(query.get("worker"));
    if (Number.isInteger(wanted) && wanted >= 1 && wanted <= count) return wanted;
    return workers.listening.keys().next().value ?? 1;
  }

  return {
    async ask({ name, query, fields }) {
      const shown = shownBy(query);
      const process = workers.listening.get(shown);
      const body = fields && JSON.stringify(fields);
      const path = `/console/${name}?${query.toString()}`;
      const answer = await process?.ask(path, answerWithinMs, body);
      return answer ?? refusal(503, `Worker ${shown} does not answer: try again in a moment.`);
    },
    watch(query, receiver) {
      if (viewers >= maxViewers) return null;
      viewers += 1;
      const relay = openRelay({ ...options, shown: shownBy(query), query }, receiver);
      let isClosed = false;
      return {
        ...relay,
        close() {
          if (!isClosed) viewers -= 1;
          isClosed = true;
          relay.close();
        },
      };
    },
  };
}

interface Relay extends WorkersConsoleOptions {
  readonly shown: number;
  readonly query: URLSearchParams;
}

/** Passes on the lines of all workers, of those too that start meanwhile; and says which run. */
function openRelay({ workers, count, shown, query }: Relay, receiver: Receiver): Watching {
  const streams = new Map<WorkerProcess, WorkerStream>();
  /** Of lines that the receiver has still to take. */
  let owed: WorkerStream[] = [];
  let isBlocked = false;

  function take(stream: WorkerStream, line: string): void {
    isBlocked = !receiver.send(line) || isBlocked;
    if (isBlocked) owed.push(stream);
    else stream.lineTaken();
  }

  function open(worker: number, process: WorkerProcess): void {
    const wanted = worker === shown ? query : onlyRefusals;
    const stream = process.watch(wanted.toString(), (line) => take(stream, line));
    streams.set(process, stream);
  }

  function follow(): void {
    const { listening } = workers;
    const alive = new Set(listening.values());
    for (const process of streams.keys()) if (!alive.has(process)) streams.delete(process);
    for (const [worker, process] of listening) if (!streams.has(process)) open(worker, process);
    const known = { type: "workers", shown, count, listening: [...listening.keys()] };
    isBlocked = !receiver.send(JSON.stringify(known)) || isBlocked;
  }

  const stopFollowing = workers.onChange(follow);
  follow();
  return {
    resume() {
      isBlocked = false;
      for (const stream of owed.splice(0)) stream.lineTaken();
    },
    close() {
      stopFollowing();
      for (const stream of streams.values()) stream.close();
      streams.clear();
      owed = [];
    },
  };
}

const onlyRefusals = new URLSearchParams({ only: "refusals" });
