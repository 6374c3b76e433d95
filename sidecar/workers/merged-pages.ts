/** The admin pages of several workers: asks each, and merges their answers. */

import type { Answer } from "./messages.ts";
import type { WorkerAnswer } from "./supervisor.ts";
import type { AdminRoutes, Page } from "./worker-link.ts";

export interface MergedRoutesOptions {
  /** Asks all workers that listen. */
  readonly ask: (path: string) => Promise<readonly WorkerAnswer[]>;
  /** Whether all workers have listened once. */
  readonly hasStarted: () => boolean;
  /** Adds up what workers answered to `/metrics`; null: one that listens has not. */
  readonly mergeMetrics: (
    exported: readonly { readonly pid: number | null; readonly text: string | null }[],
  ) => Promise<{ readonly text: string; readonly contentType: string }>;
  /** What stands at the head of `/pogo/health`. */
  readonly health: () => Record<string, unknown>;
  /** Begins to stop all. */
  readonly drain: () => Answer;
}

export function createMergedRoutes(options: MergedRoutesOptions): AdminRoutes {
  const { ask, hasStarted, mergeMetrics, health, drain } = options;

  const askAll = (path: string) => async (query: URLSearchParams) => {
    const target = query.size > 0 ? `${path}?${query.toString()}` : path;
    return mergeActions(await ask(target));
  };

  async function readiness(): Promise<Answer> {
    if (!hasStarted()) return { status: 503, text: "not ready: starting\n" };
    return mergeReadiness(await ask("/readyz"));
  }

  /** Under way: what was asked earlier and is added up later would be older than what the sums have. */
  let scrape: Promise<Page> | null = null;

  async function collectMetrics(): Promise<Page> {
    const answers = await ask("/metrics");
    const exported = answers.map(({ pid, answer }) => ({ pid, text: answer?.text ?? null }));
    return { status: 200, ...(await mergeMetrics(exported)) };
  }

  return {
    pages: {
      "/metrics": () => (scrape ??= collectMetrics().finally(() => (scrape = null))),
      async "/livez"() {
        const silent = (await ask("/livez")).filter(({ answer }) => answer?.status !== 200);
        if (silent.length === 0) return { status: 200, text: "ok\n" };
        const names = silent.map(({ worker }) => worker).join(", ");
        return { status: 503, text: `no answer from worker ${names}\n` };
      },
      "/readyz": readiness,
      async "/pogo/health"() {
        const [{ status }, answers] = await Promise.all([readiness(), ask("/pogo/health")]);
        const workers = answers.map(describeWorker);
        const body = {
          status: status === 200 ? "ok" : "unavailable",
          ...health(),
          connections: workers.reduce((sum, { connections }) => sum + connections, 0),
          workers,
        };
        return { status, text: JSON.stringify(body), contentType: "application/json" };
      },
    },
    actions: { "/hold": askAll("/hold"), "/release": askAll("/release"), "/drain": drain },
  };
}

/** Ready as long as one is: the port is open, and who comes is served. */
function mergeReadiness(answers: readonly WorkerAnswer[]): Answer {
  const known = answers.flatMap(({ answer }) => answer ?? []);
  if (known.some(({ status }) => status === 200)) return { status: 200, text: "ok\n" };
  return known[0] ?? { status: 503, text: "not ready: no worker answers\n" };
}

function mergeActions(answers: readonly WorkerAnswer[]): Answer {
  const named = answers.map(({ worker, answer }) => ({
    worker,
    ...(answer ?? { status: 503, text: "no answer" }),
  }));
  const [first] = named;
  if (!first) return { status: 503, text: "no worker runs just now: ask again in a second" };
  // Never the text alone: what it counts is one worker's.
  const isSame = named.length > 1 && named.every(({ text }) => text === first.text);
  return {
    status: Math.max(...named.map(({ status }) => status)),
    text: isSame
      ? `each of ${named.length} workers: ${first.text}`
      : named.map(({ worker, text }) => `worker ${worker}: ${text}`).join("\n"),
  };
}

function describeWorker({ worker, pid, answer }: WorkerAnswer) {
  const own: unknown = answer ? JSON.parse(answer.text) : { status: "no answer" };
  const fields = typeof own === "object" ? own : {};
  const connections = fields && "connections" in fields ? Number(fields.connections) : 0;
  return { worker, pid, ...fields, connections };
}
