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
    docs: "Believe the app's answer to a subscribe without a signature although it has none, as that of Laravel's `redis` driver: `true`, or `channel_data`. The sidecar has asked for it itself, so whoever can answer in the app's place, or write on the way to it, lets anybody in: have the app on this machine or in this pod. Signins need a signature all the same.",
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
    docs: "Path on the upstream that says who signs in, for a `pusher:signin` without a signature. Laravel's `Broadcast::userRoutes()` serves it.",
  }),
  deadlineMs: option({
    env: "POGO_AUTH_TIMEOUT",
    parser: duration(),
    fallback: 3000,
    docs: "Time for the whole answer to one authorization request. After it the request counts as failed, and is tried again (`POGO_AUTH_RETRY_FOR`).",
  }),
  retryForMs: option({
    env: "POGO_AUTH_RETRY_FOR",
    parser: duration({ zero: "to try nothing again and let nothing wait" }),
    fallback: 30_000,
    docs: "For how long an authorization is tried again that the app could not answer for now. So it is without a connection, after a timeout, with 500 and above, 429, in maintenance mode, and while the circuit breaker is open; `Retry-After` is observed. The pauses grow from half a second to 8 seconds, by chance up to half as long. At the end the client gets 503. One that only waits for its turn waits twice as long at most. pusher-js and Echo cannot ask again themselves.",
  }),
  maxAnswerBytes: option({
    env: "POGO_MAX_AUTH_BODY",
    parser: bodyBytes,
    fallback: 16_384,
    docs: "Bytes of the answer to an authorization request. A longer one is refused, so the limit must fit the largest `user_info` of a presence channel.",
  }),
  maxConcurrent: option({
    env: "POGO_MAX_CONCURRENT_AUTH",
    parser: count,
    fallback: 100,
    share: equalShare,
    docs: "Authorization requests under way at a time, divided equally among the apps. More wait for their turn: client IPs are served in turn, and so are the sessions behind each. More than PHP has workers only queues them there.",
  }),
  maxConcurrentPerIp: option({
    env: "POGO_MAX_CONCURRENT_AUTH_PER_IP",
    parser: count,
    fallback: 20,
    docs: "Authorization requests of one client IP (of IPv6 one /64) under way at a time. Half of `POGO_MAX_CONCURRENT_AUTH` at most, so that none can use all of it. One session behind it has a quarter of them. It needs `POGO_TRUSTED_PROXIES` where a proxy is in front.",
  }),
  maxWaiting: option({
    env: "POGO_MAX_AUTH_QUEUE",
    parser: count,
    fallback: 10_000,
    share: equalShare,
    docs: "Authorizations that wait for their turn or are tried again, divided equally among the apps; one client IP may have a quarter. Beyond it whoever has most waiting gets 503 for its newest one. Each takes about a kilobyte.",
  }),
  breaker: {
    failures: option({
      env: "POGO_AUTH_BREAKER_FAILURES",
      parser: count,
      fallback: 5,
      docs: "Failures in a row that open an app's circuit breaker. Refused connections count each time; timeouts, resets, 502, 503 and 504 count once per client IP. While it is open the app is not asked, so that an app in trouble is left alone. A 500 is the affair of whoever asked and never counts.",
    }),
    openMs: option({
      env: "POGO_AUTH_BREAKER_TIMEOUT",
      parser: duration(),
      fallback: 10_000,
      docs: "The longest time that the circuit breaker stays open before one authorization request is tried. It begins with one second, and doubles each time that the connection is refused again.",
    }),
  },
  perVisitor: {
    maxFailures: option({
      env: "POGO_MAX_AUTH_FAILURES",
      parser: count,
      fallback: 4,
      docs: "Failed authorization requests (500 and above, timeouts) of one session within `POGO_AUTH_FAILURE_WINDOW`; its next ones wait until the window has passed. As long as the app has not accepted a session, its connection counts in its place; all unaccepted sessions of one client IP together may fail ten times as often.",
    }),
    maxDenials: option({
      env: "POGO_MAX_AUTH_DENIALS",
      parser: count,
      fallback: 20,
      docs: "Denied authorizations of one session within `POGO_AUTH_FAILURE_WINDOW`; its next ones wait until the window has passed. Unaccepted sessions count as in `POGO_MAX_AUTH_FAILURES`.",
    }),
    windowMs: option({
      env: "POGO_AUTH_FAILURE_WINDOW",
      parser: duration(),
      fallback: 10_000,
      docs: "Time in which `POGO_MAX_AUTH_FAILURES` and `POGO_MAX_AUTH_DENIALS` are counted.",
    }),
  },
} as const;
