/** Why something was refused, as a sentence for somebody who does not know the logs; keyed by the reason in the log. */

import type { ErrorReason } from "../core/errors.ts";
import type { AuthorizationFault, PublishFault } from "../core/ports.ts";
import type { SidecarEvent } from "../core/report.ts";
import type { SignatureRefusal } from "../core/report/api.ts";
import type { ProxyRefusal } from "../core/report/proxy.ts";
import type { GapReason } from "../core/report/recovery.ts";
import type { HandshakeRefusal } from "../core/report/websocket.ts";
import type { SignatureFault } from "../core/signature.ts";

/** Null: what the log says of it is all there is to say. */
export function causeOf(event: SidecarEvent): string | null {
  switch (event.kind) {
    case "authorization_refused":
      return authorizationCauses[event.reason];
    case "client_signature_refused":
      return signatures[event.fault];
    case "signature_missing":
      return "the subscribe came without a signature, and there is no app behind that could be asked for one";
    case "error_sent":
      return errors[event.reason] ?? null;
    case "handshake_refused":
      return handshakes[event.reason];
    case "publish_refused":
      return publishes[event.reason];
    case "api_signature_refused":
      return requests[event.reason];
    case "handshake_misdirected":
      return misdirections[event.reason];
    case "proxy_refused":
      return proxied[event.reason];
    case "recovery_gap":
      return gaps[event.reason];
    default:
      return null;
  }
}

export const authorizationCauses: Readonly<Record<AuthorizationFault, string>> = {
  origin: "the page is not of this host, so the app was not asked with its cookies",
  forbidden: "the app was asked, and said no (401 or 403)",
  route_not_found: "the app was asked, and has no such route (404)",
  method_not_allowed: "the app was asked, and its route takes no POST (405)",
  csrf_token_mismatch: "the app was asked, and wants a CSRF token (419)",
  redirected: "the app was asked, and redirected to another page, most often its login (3xx)",
  unexpected_status: "the app was asked, and answered with a status that no broadcaster uses",
  too_many_requests: "the app was asked, and limits how often it may be (429)",
  service_unavailable: "the app was asked, and is not available (502, 503 or 504)",
  worker_error: "the app was asked, and failed (500 or above)",
  too_many_failures: "the app was not asked: this visitor was refused too often a moment ago",
  concurrency_limit: "the app was not asked: all permits were taken, and none came free in time",
  queue_full: "the app was not asked: as many questions as may were waiting for it",
  circuit_open: "the app was not asked: it has failed again and again, and is left alone for now",
  timeout: "the app was asked, and did not answer in time",
  dispatch_error: "the app can’t be reached: nothing takes connections where it should be",
  connection_reset: "the app was asked, and broke off before it had answered",
  head_overflow: "the app’s answer has a header that is too long",
  unreadable_answer: "what was asked speaks no HTTP: is that the app?",
  body_overflow: "the app’s answer is too long",
  invalid_response_json: "the app said yes, but its answer is no JSON",
  missing_signature: "the app said yes, but its answer has no signature",
  missing_channel_data: "the app said yes, but its answer does not say who the member is",
  missing_user_data: "the app said yes, but its answer does not say who the user is",
  invalid_signature: "the signature is not one of this app, connection and channel",
  aborted: "the page went away before the app had answered",
};

const signatures: Readonly<Record<SignatureFault, string>> = {
  malformed: "the signature that the page sent is none",
  wrong_key: "the page’s subscribe is signed with another app’s key",
  mismatch:
    "the signature that the page sent is wrong: made with another secret, or for another connection or channel",
};

/** Of those that are shown; the others are ordinary, or another event says why. */
const errors: Readonly<Partial<Record<ErrorReason, string>>> = {
  not_a_member: "a client event to a channel that the page has not subscribed to",
  client_event_not_allowed_here: "a client event to a public or an encrypted channel",
  invalid_message_format: "a message that the protocol does not know",
  invalid_channel_name: "no channel may have this name",
  invalid_user_id: "the user’s id is empty or too long",
  client_events_disabled: "a client event, and the app takes none",
  client_event_rate_exceeded: "more client events than a connection may send",
  rate_limit_exceeded: "more messages than a connection may send",
  rate_limit_terminated: "more messages than a connection may send, so it was closed",
  repeat_rate_exceeded: "the same subscribe, again and again",
  too_many_channels: "the connection is in as many channels as it may be",
  presence_channel_full: "the channel has as many members as it may have",
  member_too_large: "what the app says of the member is too long",
  watchlist_too_long: "the user’s watchlist is too long",
  message_too_long: "the message is too long",
  event_name_too_long: "the name of the client event is too long",
  event_data_too_large: "what is in the client event is too long",
  slow_consumer: "the page took nothing of what waited for it",
};

const handshakes: Readonly<Record<HandshakeRefusal, string>> = {
  draining: "the node is stopping: the page comes back to another one",
  rate_limit: "too many connections from one address within a short time",
  connections_per_ip: "as many connections from one address are open as may be",
  unknown_key: "no app here has the key that the page uses",
  over_capacity: "the node has as many connections as it may have",
  over_quota: "the app has as many connections as it may have",
  origin: "pages of this origin may not connect to the app",
};

const publishes: Readonly<Record<PublishFault, string>> = {
  broker_failed: "Redis did not take it",
  broker_queue_full: "too much is on its way to Redis",
  invalid_fields: "a field is missing, or is not what it should be",
  too_many_channels: "one event for too many channels",
  invalid_channel: "no channel may have this name",
  channel_too_long: "the name of the channel is too long",
  event_too_long: "the name of the event is too long",
  payload_too_large: "what is in the event is too long",
  rate_limited: "the app publishes more often than it may",
  invalid_payload_json: "the body is no JSON",
};

const requests: Readonly<Record<SignatureRefusal, string>> = {
  auth_key: "the request is signed with another app’s key",
  auth_version: "the request is signed in another way than the protocol has",
  auth_timestamp: "the request’s time is too far from this machine’s",
  auth_signature: "the request’s signature is wrong: made with another secret, or for another path",
  body_md5: "the body is not the one that was signed",
};

const misdirections = {
  no_upgrade: "it came without its Upgrade field, which a proxy has taken off",
  path: "its path has something before /app/{key}",
};

const proxied: Readonly<Record<ProxyRefusal, string>> = {
  queue_full: "as many requests as may were waiting for the app",
  queue_timeout: "the app was busy with others for too long",
  away_queue_full: "the app is away, and as many requests as may were waiting for it",
  away_timeout: "the app was away for too long",
  too_many_websockets: "as many WebSockets of the app’s own are open as may be",
};

const gaps: Readonly<Record<GapReason, string>> = {
  bounds: "more was published meanwhile than is kept, or may be sent at once",
  ambiguous: "several tabs share one cookie, and had seen different events",
  dropped: "it read so slowly that it had missed events already before it went away",
};
