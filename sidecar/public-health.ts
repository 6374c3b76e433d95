/** Health on the public port, in Reverb's words or the original's. */

import type { PlainAnswer } from "./http/plain-answer.ts";
import type { NotReady, Readiness } from "./observability/admin-pages.ts";

export interface HealthAnswer {
  readonly status: number;
  /** JSON. */
  readonly body: string;
}

export function toPlainAnswer({ status, body }: HealthAnswer): PlainAnswer {
  return { status, text: body, headers: { "Content-Type": "application/json" } };
}

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
