/** So many requests a second, however long each takes to be answered: as visitors come, who know nothing of each other. */

import { request } from "node:http";

export interface SteadyRequests {
  /** Requests that have no answer yet. */
  readonly open: number;
  readonly answered: number;
  /** Stops sending; resolves once all are answered. */
  stop(): Promise<Outcome>;
}

export interface Outcome {
  readonly sent: number;
  /** How many were answered with each status, or failed with each error (`ECONNREFUSED`). */
  readonly answers: Readonly<Record<string, number>>;
  readonly longestMs: number;
}

export interface SteadyOptions {
  readonly port: number;
  readonly perSecond: number;
  /** Of the request with this number. */
  readonly path: (index: number) => string;
  /** @default GET */
  readonly method?: (index: number) => string;
  readonly headers?: (index: number) => Record<string, string>;
  /** @default 60 s */
  readonly timeoutMs?: number;
}

const tickMs = 5;

/** Each on a connection of its own. */
export function startRequests(options: SteadyOptions): SteadyRequests {
  const { port, perSecond, path, method = () => "GET", headers = () => ({}) } = options;
  const { timeoutMs = 60_000 } = options;
  const startedMs = performance.now();
  const answers: Record<string, number> = {};
  let sent = 0;
  let answered = 0;
  let longestMs = 0;
  let isStopped = false;
  const { promise: allAnswered, resolve } = Promise.withResolvers<void>();

  function finish(outcome: string, beganMs: number): void {
    answers[outcome] = (answers[outcome] ?? 0) + 1;
    answered += 1;
    longestMs = Math.max(longestMs, performance.now() - beganMs);
    if (isStopped && answered === sent) resolve();
  }

  function send(): void {
    const index = sent;
    sent += 1;
    const beganMs = performance.now();
    let status = "";
    let isFinished = false;
    const end = (outcome: string): void => {
      if (!isFinished) finish(outcome, beganMs);
      isFinished = true;
    };
    const sending = request({
      host: "127.0.0.1",
      port,
      path: path(index),
      method: method(index),
      headers: headers(index),
      agent: false,
      timeout: timeoutMs,
    });
    sending.once("response", (response) => {
      status = String(response.statusCode);
      response.once("end", () => end(status));
      response.once("error", () => end(`${status}, cut`));
      response.resume();
    });
    sending.once("timeout", () => sending.destroy(new Error("timeout")));
    sending.once("error", (error) => end("code" in error ? String(error.code) : error.message));
    sending.end();
  }

  const ticking = setInterval(() => {
    const due = ((performance.now() - startedMs) * perSecond) / 1_000;
    while (sent < due) send();
  }, tickMs);

  return {
    get open() {
      return sent - answered;
    },
    get answered() {
      return answered;
    },
    async stop() {
      clearInterval(ticking);
      isStopped = true;
      if (answered === sent) resolve();
      await allAnswered;
      return { sent, answers, longestMs };
    },
  };
}
