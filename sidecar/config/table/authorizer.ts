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
    docs: "Path on the upstream that is asked about a private or presence channel subscribed without a signature. Laravel's `Broadcast::routes()` serves it; with an `api` prefix it is `/api/broadcasting/auth`.",
  }),
  userAuthPath: option({
    env: "POGO_USER_AUTH_PATH",
    parser: upstreamPath,
    fallback: "/broadcasting/user-auth",
    docs: "Path on the upstream that is asked who signs in, for a `pusher:signin` without a signature. Laravel's `Broadcast::userRoutes()` serves it.",
  }),
  deadlineMs: option({
    env: "POGO_AUTH_TIMEOUT",
    parser: duration(),
    fallback: 3000,
    docs: "Time for a whole answer to that question. After it the client is told 503 and may try again; the circuit breaker counts a failure.",
  }),
  maxAnswerBytes: option({
    env: "POGO_MAX_AUTH_BODY",
    parser: bodyBytes,
    fallback: 16_384,
    docs: "Bytes of that answer. A longer one is refused, so it must hold the largest `user_info` of a presence channel.",
  }),
  maxConcurrent: option({
    env: "POGO_MAX_CONCURRENT_AUTH",
    parser: count,
    fallback: 100,
    docs: "Such questions under way at a time; none waits for a place, the next is told 503. More than PHP has workers only queues them there.",
  }),
  breaker: {
    failures: option({
      env: "POGO_AUTH_BREAKER_FAILURES",
      parser: count,
      fallback: 5,
      docs: "Failures in a row (500 and above, timeouts, refused connections) that open the circuit breaker. While it is open nothing is asked, so that an app in trouble is left alone.",
    }),
    openMs: option({
      env: "POGO_AUTH_BREAKER_TIMEOUT",
      parser: duration(),
      fallback: 10_000,
      docs: "How long the circuit breaker stays open before one question is tried.",
    }),
  },
  perConnection: {
    maxFailures: option({
      env: "POGO_MAX_AUTH_FAILURES",
      parser: count,
      fallback: 4,
      docs: "Failed questions of one connection within the window, after which it is refused without asking. It must be below the breaker's failures, or one client could open the breaker for all.",
    }),
    maxDenials: option({
      env: "POGO_MAX_AUTH_DENIALS",
      parser: count,
      fallback: 20,
      docs: "Denials to one connection within the window, after which it is refused without asking.",
    }),
    windowMs: option({
      env: "POGO_AUTH_FAILURE_WINDOW",
      parser: duration(),
      fallback: 10_000,
      docs: "The window of the two options before.",
    }),
  },
} as const;
