/** Events of the authorization by the app. */

import type { AuthorizationFault } from "../../core/ports.ts";
import type { AuthorizerEvents } from "../../core/report/authorizer.ts";
import type { Metrics } from "../metrics.ts";
import type { Rows } from "../rows.ts";

const message = "authorization by the app failed";

export function authorizerRows({ authorizer }: Metrics): Rows<keyof AuthorizerEvents> {
  return {
    authorization_finished: {
      count: ({ durationMs }) => authorizer.durationSeconds.observe(durationMs / 1000),
      log: {
        level: "warn",
        message,
        fields: ({ outcome }) => ({ reason: outcome }),
        hint: ({ outcome }) => hintFor(outcome),
        throttle: ({ outcome }) => (hintFor(outcome) === undefined ? null : outcome),
      },
    },
    authorization_withheld: {
      log: {
        level: "warn",
        message,
        fields: ({ reason }) => ({ reason }),
        hint: ({ reason }) => hintFor(reason),
        throttle: ({ reason }) => (hintFor(reason) === undefined ? null : reason),
      },
    },
    circuit_breaker_changed: {
      log: {
        level: "warn",
        message: "circuit breaker of the authorization changed its state",
        fields: ({ state }) => ({ state }),
      },
    },
  };
}

function hintFor(outcome: AuthorizationFault | "ok"): string | undefined {
  return outcome === "ok" ? undefined : hints[outcome];
}

/** What the operator should look at, where a refusal is not just the app saying no. */
const hints: Readonly<Partial<Record<AuthorizationFault, string>>> = {
  timeout: "the app took longer than POGO_AUTH_TIMEOUT; has it enough workers?",
  dispatch_error: "the app can't be reached at POGO_UPSTREAM",
  worker_error: "the app answered 500 or above; its own log says why",
  body_overflow: "the answer is longer than POGO_MAX_AUTH_BODY",
  invalid_response_json: "is POGO_AUTH_PATH right, and BROADCAST_CONNECTION reverb or pusher?",
  missing_signature: "is BROADCAST_CONNECTION in the app reverb or pusher, not log or null?",
  invalid_signature: "the app signs with another key or secret than the sidecar has",
  concurrency_limit: "POGO_MAX_CONCURRENT_AUTH requests are under way at once; is the app slow?",
};
