/** What the labels of more than one metric mean, and every value of those that are closed sets. */

import { errors, messageTooLong } from "../../core/errors.ts";
import type { AuthorizationFault } from "../../core/ports.ts";

export const app = "Id of the app.";
export const appOrNone = "Id of the app; empty before an app is known.";

/** From the catalogue: the code and the words that a client gets. */
export const errorReasons: Readonly<Record<string, string>> = Object.fromEntries([
  ...Object.values(errors).map(({ reason, code, message }) => [reason, `${code}, "${message}"`]),
  [messageTooLong.reason, `${messageTooLong.code}, a close without a pusher:error`],
]);

export const authorizationReasons = {
  origin: "cookies from a page of another origin, and no Authorization header",
  forbidden: "the app said no",
  too_many_failures: "this connection failed too often lately",
  concurrency_limit: "POGO_MAX_CONCURRENT_AUTH requests were under way",
  circuit_open: "the circuit breaker was open",
  timeout: "the app took longer than POGO_AUTH_TIMEOUT",
  dispatch_error: "the app could not be reached",
  worker_error: "the app answered 500 or above",
  body_overflow: "the app's answer was longer than POGO_MAX_AUTH_BODY",
  invalid_response_json: "the app answered 200 without a JSON object",
  missing_signature: "the app's answer has no `auth`",
  missing_channel_data: "a presence channel without `channel_data`",
  missing_user_data: "a signin without `user_data`",
  invalid_signature: "`auth` is not the signature of this connection and channel",
  aborted: "the client left meanwhile",
} satisfies Record<AuthorizationFault, string>;
