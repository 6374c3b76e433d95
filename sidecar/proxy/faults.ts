/** What a client is answered when the app cannot be asked, or does not answer. */

import type { ProxyFault, ProxyRefusal } from "../core/report/proxy.ts";
import type { ErrorPage } from "../http/error-page.ts";

const down: ErrorPage = {
  status: 502,
  title: "the application is down",
  text: "For its operator: is it running, and does it listen at POGO_UPSTREAM? The sidecar's log names the cause.",
};

const brokeOff: ErrorPage = {
  status: 502,
  title: "the application broke off",
  text: "It took the request and ended without an answer. For its operator: a worker that crashed or was restarted does that; the application's own log says why.",
};

const unreadable: ErrorPage = {
  status: 502,
  title: "the application's answer can't be read",
  text: "For its operator: does something else than HTTP listen at POGO_UPSTREAM, or is the head of the answer longer than POGO_UPSTREAM_MAX_HEADER_SIZE? The sidecar's log names the cause.",
};

const tooSlow: ErrorPage = {
  status: 504,
  title: "the application did not answer in time",
  text: "It has the request, and may still work on it. For its operator: what is it busy with, and has it enough workers? POGO_UPSTREAM_RESPONSE_TIMEOUT is the limit.",
};

const unreachable: ErrorPage = {
  status: 504,
  title: "the application takes no connections",
  text: "For its operator: is it overloaded, or POGO_UPSTREAM wrong? POGO_UPSTREAM_CONNECT_TIMEOUT is the limit.",
};

const notSent: ErrorPage = {
  status: 502,
  title: "the request could not be passed on",
  text: "For its operator: this is a bug of the sidecar, whose log names the cause.",
};

/** As long as nothing else was sent to it. */
export const answerTo: Readonly<Record<ProxyFault, ErrorPage>> = {
  connect_failed: down,
  connect_timeout: unreachable,
  response_timeout: tooSlow,
  no_response: brokeOff,
  bad_response: unreadable,
  head_too_large: unreadable,
  response_cut: brokeOff,
  not_sent: notSent,
};

/** All connections to the app are in use. */
const busy: ErrorPage = {
  status: 503,
  title: "the application is busy",
  text: "Try again in a moment; its operator finds the reason in the sidecar's log.",
  retryAfterSeconds: 1,
};

/** No connection to the app can be made. */
const away: ErrorPage = {
  status: 503,
  title: "the application can't be reached at the moment",
  text: "It is probably being updated. This request has changed nothing, so try again in a moment. For its operator: is it running, and does it listen at POGO_UPSTREAM? The sidecar's log names the cause.",
  retryAfterSeconds: 5,
};

/** Nothing was sent: there was no connection. */
export const notConnected: ReadonlySet<ProxyFault> = new Set(["connect_failed", "connect_timeout"]);

/** Of what was not sent. */
export const refusalPages: Readonly<Record<ProxyRefusal, ErrorPage>> = {
  queue_full: busy,
  queue_timeout: busy,
  too_many_websockets: busy,
  away_queue_full: away,
  away_timeout: away,
};

export function bodyTooLong(maxBytes: number): ErrorPage {
  const title = "the request's body is too long";
  return { status: 413, title, text: `The limit is ${maxBytes} bytes.` };
}
