/** What happens, counted and logged: one method for everything that the other rooms report. */

import type { AuthorizationFault, Observer } from "../core/ports.ts";
import { createThrottledWarning, type Logger } from "./log.ts";
import { createMetricsObserver, setCircuitBreakerState, type Metrics } from "./metrics.ts";

export interface Reporter {
  /** For the core. */
  readonly observer: Observer;
  readonly proxyFinished: (outcome: {
    readonly method: string;
    readonly status: number;
    readonly durationMs: number;
    readonly fault?: string;
    readonly cause?: string;
  }) => void;
  /** `durationMs` is 0 if the app was not asked. */
  readonly authorizationEnded: (outcome: {
    readonly reason: AuthorizationFault | "ok";
    readonly durationMs: number;
  }) => void;
  readonly breakerChanged: (state: "closed" | "open" | "half-open") => void;
  /** `appId` is null before an app is known. */
  readonly handshakeRefused: (reason: string, appId: string | null) => void;
  /** `appId` is null before an app is known. */
  readonly frameDropped: (appId: string | null) => void;
  readonly apiSignatureRefused: (appId: string, wrong: string) => void;
  readonly webhookDropped: (appId: string, reason: string, events: number) => void;
  /** Once for each change. `reason`: Redis' own words. */
  readonly redisChanged: (
    state: { readonly isUp: true } | { readonly isUp: false; readonly reason: string },
  ) => void;
  readonly brokerMessageIgnored: (reason: string) => void;
  readonly messagesReplayed: (appId: string, messages: number) => void;
  readonly messagesMissed: (appId: string) => void;
  readonly nodeTakenOver: (appId: string, nodeId: string) => void;
  readonly webhookFailed: (failed: {
    readonly appId: string;
    readonly endpoint: string;
    readonly fault: { readonly kind: string };
  }) => void;
}

/** The first of many equal warnings is logged at once, then at most one in so long. */
const warningIntervalMs = 10_000;

export function createReporter(options: {
  metrics: Metrics;
  log: Logger;
  now: () => number;
}): Reporter {
  const { metrics, log, now } = options;
  const warn = createThrottledWarning(log, { intervalMs: warningIntervalMs, now });
  const counting = createMetricsObserver(metrics);

  return {
    observer: {
      ...counting,
      authorizationFailed(appId, reason, sentKey) {
        counting.authorizationFailed(appId, reason);
        log.debug({ app_id: appId, reason }, "subscription or signin refused");
        if (sentKey === undefined) return;
        const sent = sentKey.slice(0, 64);
        warn("signature made with another app's key", { app_id: appId, sent_app_key: sent }, appId);
      },
    },
    proxyFinished({ method, status, durationMs, fault, cause }) {
      metrics.proxyRequestsTotal.inc({ code: status });
      metrics.proxyRequestDurationSeconds.observe(durationMs / 1000);
      log.debug({ method, status, duration_ms: Math.round(durationMs) }, "request proxied");
      if (fault === undefined) return;
      metrics.proxyFaultsTotal.inc({ fault });
      warn("the upstream did not answer properly", { method, status, fault, cause }, fault);
    },
    authorizationEnded({ reason, durationMs }) {
      if (durationMs > 0) metrics.authDurationSeconds.observe(durationMs / 1000);
      const hint = reason === "ok" ? undefined : authorizationHints[reason];
      if (hint !== undefined) warn("authorization by the app failed", { reason, hint }, reason);
    },
    breakerChanged(state) {
      setCircuitBreakerState(metrics, state);
      log.warn({ state }, "circuit breaker of the authorization changed its state");
    },
    handshakeRefused: (reason, appId) =>
      metrics.handshakesRefusedTotal.inc({ app_id: appId ?? "", reason }),
    frameDropped: (appId) => metrics.clientDroppedMessagesTotal.inc({ app_id: appId ?? "" }),
    apiSignatureRefused(appId, wrong) {
      metrics.apiSignaturesRefusedTotal.inc({ app_id: appId, reason: wrong });
      const kind = `${appId} ${wrong}`;
      warn("API request refused: its signature does not hold", { app_id: appId, wrong }, kind);
    },
    webhookDropped(appId, reason, events) {
      metrics.webhookDroppedTotal.inc({ app_id: appId, reason }, events);
      warn("webhook events dropped", { app_id: appId, reason }, `${appId} ${reason}`);
    },
    redisChanged(state) {
      if (state.isUp) log.info("redis is there: events and presence reach all nodes");
      else log.warn({ reason: state.reason }, "redis is lost: publishing fails until it is back");
    },
    brokerMessageIgnored(reason) {
      metrics.brokerIgnoredMessagesTotal.inc({ reason });
      warn("a message in redis is none of ours, or of a later version", { reason }, reason);
    },
    messagesReplayed(appId, messages) {
      metrics.brokerReplayedMessagesTotal.inc({ app_id: appId }, messages);
      log.info({ app_id: appId, messages }, "read from redis what was published during the cut");
    },
    messagesMissed(appId) {
      metrics.brokerGapsTotal.inc({ app_id: appId });
      log.warn({ app_id: appId }, "the cut was longer than redis remembers: events may be missing");
    },
    nodeTakenOver(appId, nodeId) {
      metrics.nodeTakeoversTotal.inc({ app_id: appId });
      log.warn({ app_id: appId, node: nodeId }, "a node is gone: its members are taken off");
    },
    webhookFailed({ appId, ...failed }) {
      const kind = `${appId} ${failed.endpoint} ${failed.fault.kind}`;
      warn("a webhook endpoint did not take a batch", { app_id: appId, ...failed }, kind);
    },
  };
}

/** What the operator should look at, where a refusal is not just the app saying no. */
const authorizationHints: Readonly<Partial<Record<AuthorizationFault, string>>> = {
  timeout: "the app took longer than POGO_AUTH_TIMEOUT; has it enough workers?",
  dispatch_error: "the app can't be reached at POGO_UPSTREAM",
  worker_error: "the app answered 500 or above; its own log says why",
  body_overflow: "the answer is longer than POGO_MAX_AUTH_BODY",
  invalid_response_json: "is POGO_AUTH_PATH right, and BROADCAST_CONNECTION reverb or pusher?",
  missing_signature: "is BROADCAST_CONNECTION in the app reverb or pusher, not log or null?",
  invalid_signature: "the app signs with another key or secret than the sidecar has",
  concurrency_limit: "more than POGO_MAX_CONCURRENT_AUTH questions at once; is the app slow?",
};
