/** Metrics of the authorization by the app. */

import type { BreakerState } from "../../core/report/authorizer.ts";
import type { Define } from "../metric.ts";
import { app, retriedReasons } from "./labels.ts";

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
    retriesTotal: counter({
      name: "pogo_websocket_auth_retries_total",
      help: "Authorization subrequests that failed for now and are tried again.",
      unit: "requests",
      moves: "With each attempt but the last of POGO_AUTH_RETRY_FOR; nobody is refused for it.",
      action:
        "A restart of PHP moves it for seconds. If it keeps rising, the reason says what the app lacks.",
      labels: { reason: retriedReasons },
    }),
    active: reading({
      name: "pogo_websocket_auth_active",
      help: "Authorization subrequests that the app works on.",
      unit: "requests",
      moves: "Read at each scrape. Not there without an upstream.",
      action:
        "At POGO_MAX_CONCURRENT_AUTH for long, with others that wait: give PHP more workers, then raise it.",
      labels: { app_id: app },
    }),
    waiting: reading({
      name: "pogo_websocket_auth_waiting",
      help: "Authorizations that wait for their turn or for another attempt.",
      unit: "requests",
      moves: "Read at each scrape. Not there without an upstream.",
      action: "Above zero for long the app is slower than its visitors ask: give PHP more workers.",
      labels: { app_id: app },
    }),
    circuitBreakerState: reading({
      name: "pogo_websocket_circuit_breaker_state",
      help: "1 for the state an app's circuit breaker is in, 0 for the others.",
      overWorkers: "min",
      unit: "0 or 1",
      moves: "Read at each scrape. Not there without an upstream.",
      action:
        "Alert where it is 0 for closed: nobody new gets into private channels by asking the app.",
      labels: { app_id: app, state: breakerStates },
    }),
  };
}
