/**
 * A worker's end of the channel: answers the supervisor, and stops the worker when told to or when the supervisor is
 * gone.
 */

import { isObject, parseJson } from "../core/json.ts";
import { parseToWorker, type Answer, type FromWorker, type ToWorker } from "./messages.ts";
import { createWorkerStreams, type WorkerConsole } from "./worker-streams.ts";

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

export interface WorkerRoutes extends AdminRoutes {
  /** What is behind the page at `/`; loaded when it is asked for first. */
  readonly loadConsole: () => Promise<WorkerConsole>;
}

export interface Page extends Answer {
  readonly contentType?: string;
}

export interface WorkerLink {
  /** From now on questions are answered from these. */
  serve(routes: WorkerRoutes): void;
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
  let routes: WorkerRoutes = nothing;
  let isStopping = false;
  const streams = createWorkerStreams(() => routes.loadConsole(), channel.send);

  channel.onMessage((received) => {
    const message = parseToWorker(received);
    if (message) receive(message);
  });
  // A supervisor that ends while its workers drain got a second signal, or was killed.
  channel.onLost(() => (isStopping ? quit() : stop({ skipsDelay: true })));

  function receive(message: ToWorker): void {
    switch (message.kind) {
      case "question":
        return void answer(message);
      case "watch":
        return streams.open(message.id, message.query);
      case "line_taken":
        return streams.lineTaken(message.id);
      case "unwatch":
        return streams.close(message.id);
      case "stop":
        return stop(message);
    }
  }

  function stop(request: StopRequest): void {
    isStopping = true;
    requestStop(request);
  }

  async function answer({ id, path: target, body }: Asked): Promise<void> {
    const [path = "", search = ""] = target.split("?");
    const query = new URLSearchParams(search);
    const { status, text } = path.startsWith(consolePath)
      ? await askConsole(path.slice(consolePath.length), query, body)
      : ((await answerPort(path, query)) ?? unknown);
    channel.send({ kind: "answer", id, answer: { status, text } });
  }

  async function askConsole(name: string, query: URLSearchParams, body: string | null) {
    const json = body === null ? null : parseJson(body);
    const fields = json?.ok && isObject(json.value) ? json.value : null;
    return (await routes.loadConsole()).ask({ name, query, fields });
  }

  function answerPort(path: string, query: URLSearchParams) {
    const { pages, actions } = routes;
    if (Object.hasOwn(pages, path)) return pages[path]?.();
    return Object.hasOwn(actions, path) ? actions[path]?.(query) : undefined;
  }

  return {
    serve: (given) => void (routes = given),
    reportListening: () => channel.send({ kind: "listening" }),
    stopRequested,
  };
}

const unknown: Answer = { status: 404, text: "Not found." };

type Asked = Extract<ToWorker, { kind: "question" }>;

const consolePath = "/console/";

/** Before the node is made. */
const nothing: WorkerRoutes = {
  pages: {},
  actions: {},
  loadConsole: () => Promise.reject(new Error("there is no console yet")),
};
