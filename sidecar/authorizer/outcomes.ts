/** What each outcome of a subrequest means for the client, the asking visitor, the circuit breaker and retries. */

import type { AuthorizationFault } from "../core/ports.ts";
import type { Verdict } from "./bulkhead.ts";

interface Meaning {
  /** `denied`: asking again will not help. */
  readonly kind: "denied" | "unavailable";
  readonly outcome: Verdict["outcome"];
  readonly evidence: Verdict["evidence"];
}

const no = { kind: "denied", outcome: "denied", evidence: "answered" } as const;
/** Decided here, without the app. */
const local = { kind: "unavailable", outcome: "none", evidence: "none" } as const;
const unanswered = { kind: "unavailable", outcome: "failed", evidence: "unanswered" } as const;

export const meanings: Readonly<Record<AuthorizationFault, Meaning>> = {
  origin: { ...local, kind: "denied" },
  too_many_failures: local,
  concurrency_limit: local,
  queue_full: local,
  circuit_open: local,
  aborted: local,

  forbidden: no,
  route_not_found: no,
  method_not_allowed: no,
  csrf_token_mismatch: no,
  redirected: no,
  unexpected_status: no,
  body_overflow: no,
  head_overflow: no,
  unreadable_answer: no,
  invalid_response_json: no,
  missing_signature: no,
  missing_channel_data: no,
  missing_user_data: no,
  invalid_signature: no,

  // Laravel's throttle counts users and addresses: the app is fine.
  too_many_requests: { kind: "unavailable", outcome: "denied", evidence: "answered" },
  // A channel's callback that fails says nothing about the next one's.
  worker_error: { kind: "unavailable", outcome: "failed", evidence: "answered" },
  // A gateway before PHP has found nobody, or the app is in maintenance (RFC 9110 §15.6.3–5).
  service_unavailable: unanswered,
  timeout: unanswered,
  connection_reset: unanswered,
  dispatch_error: { kind: "unavailable", outcome: "none", evidence: "unreachable" },
};

/** Null: a yes. */
export function verdictOn(reason: AuthorizationFault | null, retryAfterMs: number): Verdict {
  if (reason === null) return { outcome: "ok", evidence: "answered", retryAfterMs: null };
  const { kind, outcome, evidence } = meanings[reason];
  return { outcome, evidence, retryAfterMs: kind === "unavailable" ? retryAfterMs : null };
}
