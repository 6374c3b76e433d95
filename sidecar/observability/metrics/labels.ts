/** What labels of several metrics mean, and all values of those that are closed sets. */

import { errors, messageTooLong } from "../../core/errors.ts";
import type { AuthorizationFault } from "../../core/ports.ts";
import type { FrameKind } from "../../core/report/websocket.ts";

export const app = "Id of the app.";
export const appOrNone = "Id of the app; empty before an app is known.";

/** From the catalogue: the code and the words that a client gets. */
export const errorReasons: Readonly<Record<string, string>> = Object.fromEntries([
  ...Object.values(errors).map(({ reason, code, message }) => [reason, `${code}, "${message}"`]),
  [messageTooLong.reason, `${messageTooLong.code}, a close without a pusher:error`],
]);

export const frameKinds = {
  prepared: "encoded once and shared by all who get it: a broadcast",
  bytes: "an answer to one client",
  ping: "a ping or a pong",
} satisfies Record<FrameKind, string>;

export const authorizationReasons = {
  origin: "a page whose cookies may not be spent, and no Authorization",
  forbidden: "the app answered 401 or 403",
  route_not_found: "the app answered 404 at POGO_AUTH_PATH or POGO_USER_AUTH_PATH",
  method_not_allowed: "the app answered 405: it takes no POST there",
  csrf_token_mismatch: "the app answered 419: it wants a CSRF token",
  redirected: "the app answered 3xx, to its login page for instance",
  unexpected_status: "the app answered another status below 500",
  too_many_requests: "the app answered 429",
  service_unavailable: "the app, or a gateway before it, answered 502, 503 or 504",
  worker_error: "the app answered another status of 500 or above",
  too_many_failures: "this visitor was denied or failed too often lately",
  concurrency_limit: "no permit of POGO_MAX_CONCURRENT_AUTH came free in time",
  queue_full: "POGO_MAX_AUTH_QUEUE authorizations were waiting",
  circuit_open: "the circuit breaker was open",
  timeout: "the app took longer than POGO_AUTH_TIMEOUT",
  dispatch_error: "no connection to the app: refused, or no such name",
  connection_reset: "the app ended the connection before its whole answer came",
  head_overflow: "the header of the app's answer is longer than POGO_UPSTREAM_MAX_HEADER_SIZE",
  unreadable_answer: "the app's answer is no HTTP",
  body_overflow: "the app's answer was longer than POGO_MAX_AUTH_BODY",
  invalid_response_json: "the app answered 200 without a JSON object",
  missing_signature: "the app's answer has no `auth`",
  missing_channel_data: "a presence channel without `channel_data`",
  missing_user_data: "a signin without `user_data`",
  invalid_signature: "`auth` is not the signature of this connection and channel",
  aborted: "the client left meanwhile",
} satisfies Record<AuthorizationFault, string>;

/** Those that are tried again. */
export const retriedReasons = {
  dispatch_error: authorizationReasons.dispatch_error,
  connection_reset: authorizationReasons.connection_reset,
  timeout: authorizationReasons.timeout,
  too_many_requests: authorizationReasons.too_many_requests,
  service_unavailable: authorizationReasons.service_unavailable,
  worker_error: authorizationReasons.worker_error,
};
