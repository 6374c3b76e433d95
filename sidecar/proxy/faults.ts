/** What a client reads when the app can't be asked, or does not answer. */

import type { ProxyFault } from "../core/report/proxy.ts";
import type { ErrorPage } from "../http/error-page.ts";

/** Status of the log for a client that left (nginx's). */
export const clientGoneStatus = 499;

const badGateway: ErrorPage = {
  status: 502,
  title: "the application did not answer",
  text: "Its operator should check that it is running; the sidecar's log names the cause.",
};

const gatewayTimeout: ErrorPage = {
  status: 504,
  title: "the application did not answer in time",
  text: "Its operator should check what it is busy with; the sidecar's log names the cause.",
};

/** As long as nothing else was sent to it. */
export const answerTo: Readonly<Record<ProxyFault, ErrorPage>> = {
  connect_failed: badGateway,
  connect_timeout: gatewayTimeout,
  response_timeout: gatewayTimeout,
  no_response: badGateway,
  bad_response: badGateway,
  head_too_large: badGateway,
  response_cut: badGateway,
  not_sent: badGateway,
};

/** All connections to the app are in use. */
export const busy: ErrorPage = {
  status: 503,
  title: "the application is busy",
  text: "Try again in a moment; its operator finds the reason in the sidecar's log.",
  retryAfterSeconds: 1,
};
