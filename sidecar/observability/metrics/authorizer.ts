/** Metrics of the authorization by the app. */

import type { BreakerState } from "../../core/report/authorizer.ts";
import type { Define } from "../metric.ts";

const breakerStates = {
  closed: "the app is asked",
  open: "the app is not asked",
  "half-open": "one request tries whether the app is back",
} satisfies Record<BreakerState, string>;

export function authorizerMetrics({ counter, histogram, reading }: Define) {
  return {
    durationSeconds: histogram({
      name: "pogo_websocket_auth_duration_seconds",
      help: "Time the app took to answer an authorization subrequest.",
      unit: "seconds",
      moves: "With each answer of the app, and with each timeout.",
      action: "Near POGO_AUTH_TIMEOUT the app has too few workers, or asks too much of each.",
      buckets: [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2, 3],
    }),
    circuitBreakerOpenTotal: counter({
      name: "pogo_websocket_circuit_breaker_open_total",
      help: "Authorizations refused without a subrequest because the circuit breaker was open.",
      unit: "requests",
      moves: "With each subscribe or signin that is refused with 503 meanwhile.",
      action: "The app is down or too slow: see pogo_websocket_auth_failures_total by reason.",
    }),
    circuitBreakerState: reading({
      name: "pogo_websocket_circuit_breaker_state",
      help: "1 for the state the circuit breaker is in, 0 for the others.",
      unit: "0 or 1",
      moves: "Read at each scrape. Not there without an upstream.",
      action: "Alert on open: nobody new gets into private channels by asking the app.",
      labels: { state: breakerStates },
    }),
  };
}
