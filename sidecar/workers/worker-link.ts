/** A worker's end of the channel: answers what the supervisor asks, and has the worker stop when it says so or is gone. */

import { parseToWorker, type Answer, type FromWorker } from "./messages.ts";

/** The channel to the parent process. */
export interface Channel {
  /** What can't be sent any more is dropped. */
  readonly send: (message: FromWorker) => void;
  readonly onMessage: (receive: (message: unknown) => void) => void;
  /** The supervisor has ended, in whatever way. */
  readonly onLost: (run: () => void) => void;
}

/** What an admin port answers, by path. */
export interface AdminRoutes {
  readonly pages: Readonly<Record<string, () => Page | Promise<Page>>>;
  readonly actions: Readonly<Record<string, (query: URLSearchParams) => Answer | Promise<Answer>>>;
}

interface Page extends Answer {
  readonly contentType?: string;
}

export interface WorkerLink {
  /** From now on questions are answered from these. */
  serve(routes: AdminRoutes): void;
  /** The worker's port is open: from now on it counts, and is asked. */
  reportListening(): void;
  /** Resolves once the supervisor wants the worker to stop, or has ended itself. */
  readonly stopRequested: Promise<StopRequest>;
}

export interface StopRequest {
  /** Without POGO_DRAIN_DELAY. */
  readonly skipsDelay: boolean;
}

/** @param quit ends the process at once: nobody waits for what is still open */
export function createWorkerLink(channel: Channel, quit: () => void): WorkerLink {
  const { promise: stopRequested, resolve: requestStop } = Promise.withResolvers<StopRequest>();
  let routes: AdminRoutes = { pages: {}, actions: {} };
  let isStopping = false;

  channel.onMessage((received) => {
    const message = parseToWorker(received);
    if (message?.kind === "question") void answer(message.id, message.path);
    if (message?.kind === "stop") stop(message);
  });
  // A supervisor that ends while its workers drain got a second signal, or was killed.
  channel.onLost(() => (isStopping ? quit() : stop({ skipsDelay: true })));

  function stop(request: StopRequest): void {
    isStopping = true;
    requestStop(request);
  }

  async function answer(id: number, target: string): Promise<void> {
    const [path = "", query = ""] = target.split("?");
    const { pages, actions } = routes;
    const page = Object.hasOwn(pages, path) ? pages[path] : undefined;
    const action = Object.hasOwn(actions, path) ? actions[path] : undefined;
    const { status, text } = (await (page?.() ?? action?.(new URLSearchParams(query)))) ?? unknown;
    channel.send({ kind: "answer", id, answer: { status, text } });
  }

  return {
    serve: (given) => void (routes = given),
    reportListening: () => channel.send({ kind: "listening" }),
    stopRequested,
  };
}

const unknown: Answer = { status: 404, text: "Not found." };
