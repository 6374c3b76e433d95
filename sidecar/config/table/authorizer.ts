/** Options of the subrequest that authorizes a subscribe without a signature. */

import { upstreamPath } from "../parsers/addresses.ts";
import { option } from "./option.ts";
import { count } from "../parsers/parser.ts";
import { bodyBytes, duration } from "../parsers/units.ts";

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
    docs: "Time for the whole answer to an authorization request. After it the client gets 503 and may try again; the circuit breaker counts a failure.",
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
    docs: "Authorization requests under way at a time. None waits for a place: one more is refused with 503. More than PHP has workers only queues them there.",
  }),
  breaker: {
    failures: option({
      env: "POGO_AUTH_BREAKER_FAILURES",
      parser: count,
      fallback: 5,
      docs: "Failed authorization requests in a row (500 and above, timeouts, refused connections) that open the circuit breaker. While it is open the app is not asked, so that an app in trouble is left alone.",
    }),
    openMs: option({
      env: "POGO_AUTH_BREAKER_TIMEOUT",
      parser: duration(),
      fallback: 10_000,
      docs: "How long the circuit breaker stays open before one authorization request is tried.",
    }),
  },
  perConnection: {
    maxFailures: option({
      env: "POGO_MAX_AUTH_FAILURES",
      parser: count,
      fallback: 4,
      docs: "Failed authorization requests of one connection within `POGO_AUTH_FAILURE_WINDOW`; after them it is refused without asking. It must be below `POGO_AUTH_BREAKER_FAILURES`, or one client could open the circuit breaker for all.",
    }),
    maxDenials: option({
      env: "POGO_MAX_AUTH_DENIALS",
      parser: count,
      fallback: 20,
      docs: "Denied authorizations of one connection within `POGO_AUTH_FAILURE_WINDOW`; after them it is refused without asking.",
    }),
    windowMs: option({
      env: "POGO_AUTH_FAILURE_WINDOW",
      parser: duration(),
      fallback: 10_000,
      docs: "Time in which `POGO_MAX_AUTH_FAILURES` and `POGO_MAX_AUTH_DENIALS` are counted.",
    }),
  },
} as const;
