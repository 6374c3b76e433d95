/** Events of the authorization by the app. */

import type { AuthorizationFault } from "../../core/ports.ts";
import type { AuthorizerEvents, BreakerState } from "../../core/report/authorizer.ts";
import type { Metrics } from "../metrics.ts";
import type { Rows } from "../rows.ts";

const message = "authorization by the app failed";

export function authorizerRows({ authorizer }: Metrics): Rows<keyof AuthorizerEvents> {
  return {
    authorization_finished: {
      count({ outcome, durationMs, isTriedAgain }) {
        authorizer.durationSeconds.observe(durationMs / 1000);
        if (isTriedAgain) authorizer.retriesTotal.inc({ reason: outcome });
      },
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
        fields: ({ appId, state }) => ({ app_id: appId, state }),
        hint: ({ state }) => stateHints[state],
      },
    },
  };
}

const stateHints: Readonly<Record<BreakerState, string>> = {
  closed: "the app answers again",
  open: "the app failed again and again: it is not asked for POGO_AUTH_BREAKER_TIMEOUT; the lines before this one say how it failed",
  "half-open": "one request tries whether the app is back",
};

function hintFor(outcome: AuthorizationFault | "ok"): string | undefined {
  return outcome === "ok" ? undefined : authorizationHints[outcome];
}

/** For who asks about one refusal: also where the app just said no, or was not asked. */
export function refusalHint(reason: AuthorizationFault): string | undefined {
  return authorizationHints[reason] ?? plainHints[reason];
}

const plainHints: Readonly<Partial<Record<AuthorizationFault, string>>> = {
  forbidden:
    "look at the channel's callback in routes/channels.php: it returned nothing or false, there is none, or nobody is logged in by the cookies that the page sent",
  circuit_open:
    "see by the refusals before this one how the app failed; it is asked again after POGO_AUTH_BREAKER_TIMEOUT",
  aborted: "the page closed the connection, or unsubscribed, before the app had answered",
};

/** What the operator should look at, where a refusal is not just the app saying no. */
export const authorizationHints: Readonly<Partial<Record<AuthorizationFault, string>>> = {
  origin:
    "the page's origin is not this host, so its cookies are not used: list it in POGO_ALLOWED_ORIGINS, and have the proxy in front pass Host on with its port (nginx: proxy_set_header Host $http_host)",
  missing_channel_data:
    "the app's answer for a presence channel has no channel_data: does the channel's callback return an array?",
  missing_user_data:
    "the app's answer to a signin has no user_data: does Broadcast::resolveAuthenticatedUserUsing() return the user?",
  route_not_found:
    "the app has no such route: register Broadcast::routes() (and Broadcast::userRoutes()), or set POGO_AUTH_PATH and POGO_USER_AUTH_PATH to where they are (with an api prefix /api/broadcasting/auth)",
  method_not_allowed:
    "the route at POGO_AUTH_PATH takes no POST: is it the one of Broadcast::routes()?",
  csrf_token_mismatch:
    "the app wants a CSRF token for POGO_AUTH_PATH: exempt the path (validateCsrfTokens(except: …); in Laravel up to 7 VerifyCsrfToken::$except)",
  redirected:
    "the app redirects the request at POGO_AUTH_PATH, to its login page or to https: the route must answer JSON itself; does the app trust the proxy's X-Forwarded-Proto?",
  unexpected_status: "does POGO_AUTH_PATH name the route of Broadcast::routes()?",
  too_many_requests:
    "a throttle middleware in the app limits the route at POGO_AUTH_PATH; take it off, or raise its limit",
  service_unavailable:
    "the app is in maintenance mode (php artisan up), or the gateway before PHP finds no PHP",
  timeout: "the app took longer than POGO_AUTH_TIMEOUT; has it enough workers?",
  dispatch_error: "the app can't be reached at POGO_UPSTREAM; is PHP running?",
  connection_reset: "a PHP worker ended while it answered; the app's own log says why",
  worker_error: "the app answered 500 or above; its own log says why",
  head_overflow: "POGO_UPSTREAM_MAX_HEADER_SIZE is the limit; large cookies are the usual cause",
  unreadable_answer: "what answers at POGO_UPSTREAM speaks no HTTP/1.1",
  body_overflow: "the answer is longer than POGO_MAX_AUTH_BODY",
  invalid_response_json: "is POGO_AUTH_PATH right, and BROADCAST_CONNECTION reverb or pusher?",
  missing_signature: "is BROADCAST_CONNECTION in the app reverb or pusher, not log or null?",
  invalid_signature: "the app signs with another key or secret than the sidecar has",
  concurrency_limit:
    "no permit of POGO_MAX_CONCURRENT_AUTH came free in time; is the app slow, or POGO_TRUSTED_PROXIES unset so that all visitors have one address?",
  queue_full:
    "POGO_MAX_AUTH_QUEUE authorizations wait already; is the app slow, or POGO_TRUSTED_PROXIES unset so that all visitors have one address?",
  too_many_failures:
    "one visitor reached POGO_MAX_AUTH_DENIALS or POGO_MAX_AUTH_FAILURES; is POGO_TRUSTED_PROXIES unset so that all visitors have one address?",
};
