/** Health on the public port, in Reverb's words or the original's. */

import type { PlainAnswer } from "./http/plain-answer.ts";
import type { NotReady, Readiness } from "./observability/admin-pages.ts";

export interface HealthAnswer {
  readonly status: number;
  /** JSON. */
  readonly body: string;
}

/** @param ask is called for a GET and a HEAD only */
export function answerHealth(method: string | undefined, ask: () => HealthAnswer): PlainAnswer {
  if (method !== "GET" && method !== "HEAD") return onlyGet;
  const { status, body } = ask();
  return { status, text: body, headers: { "Content-Type": "application/json" } };
}

const onlyGet = { status: 405, text: "Method not allowed.", headers: { Allow: "GET" } };

/** Reverb's `/up`. */
export function reverbHealth(): HealthAnswer {
  return { status: 200, body: '{"health":"OK"}' };
}

/** The original's `/pogo/health` and `/up`. Says nothing of the node but whether it wants traffic. */
export function originalHealth(readiness: Readiness): HealthAnswer {
  if (readiness.ready) return { status: 200, body: '{"status":"ok"}' };
  const status = originalReasons[readiness.reason];
  return { status: 503, body: JSON.stringify({ status }) };
}

const originalReasons: Readonly<Record<NotReady, string>> = {
  starting: "hub_not_initialized",
  leaving: "shutting_down",
  draining: "shutting_down",
  "Redis is lost": "broker_stream_closed",
};
