/** What a client reads when the app can't be asked, or does not answer. */

import type { ProxyFault } from "../core/report/proxy.ts";
import type { PlainAnswer } from "../http/plain-answer.ts";

/** Status of the log for a client that left (nginx's). */
export const clientGoneStatus = 499;

const badGateway: PlainAnswer = {
  status: 502,
  text:
    "Bad Gateway: the application did not answer.\n" +
    "Its operator should check that it is running; the sidecar's log names the cause.\n",
};

const gatewayTimeout: PlainAnswer = {
  status: 504,
  text:
    "Gateway Timeout: the application did not answer in time.\n" +
    "Its operator should check what it is busy with; the sidecar's log names the cause.\n",
};

/** As long as nothing else was sent to it. */
export const answerTo: Readonly<Record<ProxyFault, PlainAnswer>> = {
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
export const busy: PlainAnswer = {
  status: 503,
  text:
    "Service Unavailable: the application is busy.\n" +
    "Try again in a moment; its operator finds the reason in the sidecar's log.\n",
  headers: { "Retry-After": "1" },
};
