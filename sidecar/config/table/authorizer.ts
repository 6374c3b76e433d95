/** Options of the subrequest that authorizes a subscribe without a signature. */

import { upstreamPath } from "../parsers/addresses.ts";
import { equalShare, option } from "./option.ts";
import { boolean, count } from "../parsers/parser.ts";
import { bodyBytes, duration } from "../parsers/units.ts";

/** Of each app. */
export const authorization = {
  acceptsUnsignedAnswers: option({
    env: "POGO_TRUST_UNSIGNED_AUTH",
    perApp: "trust_unsigned_auth",
    parser: boolean,
    fallback: false,
    docs: "Accept unsigned answers of the app to a subscribe without a signature, as Laravel's `redis` driver gives them: `true`, or `channel_data`. Then whoever can answer in the app's place, or tamper with the connection to it, can let anybody in: run the app on this machine or in this pod. Signins still need a signature.",
  }),
} as const;

export const authorizer = {
  authPath: option({
    env: "POGO_AUTH_PATH",
    parser: upstreamPath,
    fallback: "/broadcasting/auth",
    docs: "Path on the upstream that authorizes a private or presence channel subscribed without a signature. Laravel's `Broadcast::routes()` serves it; with an `api` prefix it is `/api/broadcasting/auth`.",
  }),
  userAuthPath: option({
    env: "POGO_USER_AUTH_PATH",
    parser: upstreamPath,
    fallback: "/broadcasting/user-auth",
    docs: "Path on the upstream that authenticates a `pusher:signin` without a signature. Laravel's `Broadcast::userRoutes()` serves it.",
  }),
  deadlineMs: option({
    env: "POGO_AUTH_TIMEOUT",
    parser: duration(),
    fallback: 3000,
    docs: "Time for the whole answer to one authorization request. After it the request counts as failed and is retried (`POGO_AUTH_RETRY_FOR`).",
  }),
  retryForMs: option({
    env: "POGO_AUTH_RETRY_FOR",
    parser: duration({ zero: "to try nothing again and let nothing wait" }),
    fallback: 30_000,
    docs: "How long an authorization that the app cannot answer for now is retried. Reasons to retry are a failed connection, a timeout, a status of 500 and above, 429, maintenance mode and an open circuit breaker; `Retry-After` is observed. The pauses grow from half a second to 8 seconds, each shortened at random by up to half. At the end the client gets 503. An authorization that only waits for its turn waits at most twice as long. pusher-js and Echo do not retry themselves.",
  }),
  maxAnswerBytes: option({
    env: "POGO_MAX_AUTH_BODY",
    parser: bodyBytes,
    fallback: 16_384,
    docs: "Maximum size of the answer to an authorization request, in bytes. A longer one is refused, so the limit must fit the largest `user_info` of a presence channel.",
  }),
  maxConcurrent: option({
    env: "POGO_MAX_CONCURRENT_AUTH",
    parser: count,
    fallback: 100,
    share: equalShare,
    docs: "Maximum number of authorization requests in flight, divided equally among the apps. Further ones wait for their turn: client IPs are served in turn, and so are the sessions behind each. A number above that of PHP workers only queues them in PHP.",
  }),
  maxConcurrentPerIp: option({
    env: "POGO_MAX_CONCURRENT_AUTH_PER_IP",
    parser: count,
    fallback: 20,
    docs: "Maximum number of authorization requests in flight of one client IP (for IPv6, one /64). At most half of `POGO_MAX_CONCURRENT_AUTH` counts, so that no client IP can use all of it. One session gets a quarter. It needs `POGO_TRUSTED_PROXIES` if a proxy is in front.",
  }),
  maxWaiting: option({
    env: "POGO_MAX_AUTH_QUEUE",
    parser: count,
    fallback: 10_000,
    share: equalShare,
    docs: "Maximum number of authorizations that wait for their turn or for a retry, divided equally among the apps; one client IP may have a quarter. Beyond it, whoever has most waiting gets 503 for the newest. Each takes about a kilobyte.",
  }),
  breaker: {
    failures: option({
      env: "POGO_AUTH_BREAKER_FAILURES",
      parser: count,
      fallback: 5,
      docs: "Number of failures in a row that open an app's circuit breaker. Refused connections count each time; timeouts, resets, 502, 503 and 504 count once per client IP. While it is open the app is not asked, so that it can recover. A 500 concerns only whoever asked and never counts.",
    }),
    openMs: option({
      env: "POGO_AUTH_BREAKER_TIMEOUT",
      parser: duration(),
      fallback: 10_000,
      docs: "Longest time that the circuit breaker stays open before one authorization request is tried. It starts at one second, and doubles each time the connection is refused again.",
    }),
  },
  perVisitor: {
    maxFailures: option({
      env: "POGO_MAX_AUTH_FAILURES",
      parser: count,
      fallback: 4,
      docs: "Maximum number of failed authorization requests (500 and above, timeouts) of one session within `POGO_AUTH_FAILURE_WINDOW`; further ones wait until the window has passed. Until the app has accepted a session, its connection is counted instead; all unaccepted sessions of one client IP together may fail ten times as often.",
    }),
    maxDenials: option({
      env: "POGO_MAX_AUTH_DENIALS",
      parser: count,
      fallback: 20,
      docs: "Maximum number of denied authorizations of one session within `POGO_AUTH_FAILURE_WINDOW`; further ones wait until the window has passed. Unaccepted sessions count as in `POGO_MAX_AUTH_FAILURES`.",
    }),
    windowMs: option({
      env: "POGO_AUTH_FAILURE_WINDOW",
      parser: duration(),
      fallback: 10_000,
      docs: "Time in which `POGO_MAX_AUTH_FAILURES` and `POGO_MAX_AUTH_DENIALS` are counted.",
    }),
  },
} as const;
