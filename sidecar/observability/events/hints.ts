/** What to do about refusals that a setting causes, or a mistake that the operator can fix. */

import { channelNameRule } from "../../core/channel-name.ts";
import type { ErrorReason } from "../../core/errors.ts";
import type { PublishFault } from "../../core/ports.ts";
import type { DeliveryFault } from "../../core/report/webhooks.ts";
import type { HandshakeRefusal } from "../../core/report/websocket.ts";
import { maxWatchlist } from "../../core/signin.ts";

/** Those of a drain are expected. */
export const handshakeHints: Readonly<Partial<Record<HandshakeRefusal, string>>> = {
  rate_limit:
    "raise POGO_HANDSHAKE_RATE and POGO_HANDSHAKE_BURST, or list the proxy in front in POGO_TRUSTED_PROXIES: without it all visitors have its address",
  connections_per_ip:
    "POGO_MAX_CONNECTIONS_PER_IP are open from one address: raise it, or list the proxy in front in POGO_TRUSTED_PROXIES",
  unknown_key:
    "no app has the key that the page uses: compare VITE_REVERB_APP_KEY or VITE_PUSHER_APP_KEY in the built front end with REVERB_APP_KEY or POGO_APP_KEY here, and build again",
  over_capacity: "POGO_MAX_CONNECTIONS are open: raise it together with ulimit -n, or add a node",
  over_quota: "raise POGO_APP_MAX_CONNECTIONS, or max_connections of the app",
  origin:
    "add the page's host to POGO_ALLOWED_ORIGINS or REVERB_ALLOWED_ORIGINS, or to allowed_origins of the app",
};

/** Of the errors on open connections; one without a row is logged elsewhere, or ordinary. */
export const errorHints: Readonly<Partial<Record<ErrorReason, string>>> = {
  not_a_member:
    "have the page subscribe to the channel before it whispers there; POGO_ACCEPT_CLIENT_EVENTS_FROM=all takes whispers from everybody",
  client_event_not_allowed_here:
    "whispers are for private and presence channels that are not encrypted: that is Pusher's rule, and POGO_ACCEPT_CLIENT_EVENTS_FROM=private",
  slow_consumer:
    "the client read nothing for POGO_WRITE_WAIT; if many do, events are too large or too many for their networks",
  invalid_message_format: "what came is no message of the Pusher protocol: is it a Pusher client?",
  invalid_channel_name: `rename the channel: ${channelNameRule}`,
  client_events_disabled:
    "set POGO_ACCEPT_CLIENT_EVENTS_FROM, or accept_client_events_from of the app, to members or all",
  client_event_rate_exceeded:
    "raise POGO_CLIENT_MSG_RATE_LIMIT and POGO_CLIENT_MSG_RATE_BURST if the page whispers that often on purpose",
  rate_limit_exceeded:
    "raise POGO_RATE_LIMIT_MAX_ATTEMPTS or REVERB_APP_RATE_LIMIT_MAX_ATTEMPTS if pages send that much on purpose",
  rate_limit_terminated:
    "raise POGO_RATE_LIMIT_MAX_ATTEMPTS or REVERB_APP_RATE_LIMIT_MAX_ATTEMPTS if pages send that much on purpose",
  too_many_channels: "raise POGO_MAX_CHANNELS_PER_CONNECTION if a page needs that many",
  presence_channel_full: "raise POGO_MAX_PRESENCE_MEMBERS if a channel needs that many members",
  member_too_large:
    "the app's channel callback returns too much about a user: return less, or raise POGO_MAX_PRESENCE_MEMBER_SIZE",
  watchlist_too_long: `the app's user_data has more than ${maxWatchlist} users in its watchlist`,
  message_too_long:
    "raise POGO_MAX_MESSAGE_SIZE or REVERB_APP_MAX_MESSAGE_SIZE if pages send that much",
  invalid_user_id: "the app signs a user in whose id is empty or longer than 240 characters",
  repeat_rate_exceeded:
    "a page subscribes to the same channel again and again: it needs to only once",
  event_name_too_long: "use shorter names, or raise POGO_MAX_EVENT_NAME_LENGTH",
  event_data_too_large: "send less, or raise POGO_MAX_EVENT_DATA",
};

export const publishHints: Readonly<Record<PublishFault, string>> = {
  broker_failed: "redis is lost, or did not answer within POGO_REDIS_TIMEOUT",
  broker_queue_full: "redis is too slow: look at it before raising POGO_BROKER_QUEUE_SIZE",
  invalid_fields: "the answer to the app names the field; Laravel logs it as a BroadcastException",
  too_many_channels: "raise POGO_MAX_CHANNELS_PER_EVENT, or broadcast in several steps",
  invalid_channel: `rename the channel: ${channelNameRule}`,
  channel_too_long: "use a shorter channel name",
  event_too_long: "use a shorter event name (broadcastAs), or raise POGO_MAX_EVENT_NAME_LENGTH",
  payload_too_large:
    "broadcast less (broadcastWith), an id instead of a model, or raise POGO_MAX_EVENT_DATA and POGO_MAX_REQUEST_SIZE",
  rate_limited: "raise POGO_API_PUBLISH_RATE if the app publishes that much on purpose",
  invalid_payload_json: "the body is no JSON: is the caller a Pusher SDK?",
};

const notLaravel =
  "it is no message of Laravel's redis driver: does something else publish under POGO_REDIS_BROADCASTS_PREFIX?";

/** Of what came over Redis, where they differ: nobody is answered. */
export const redisPublishHints: Readonly<Partial<Record<PublishFault, string>>> = {
  invalid_fields: notLaravel,
  invalid_payload_json: notLaravel,
  invalid_channel: `channel names have 1 to 256 characters of a-z A-Z 0-9 _ - = @ , . ; or ${notLaravel}`,
};

/** `endpoint` answers this: what to look at there. */
export function deliveryHint(fault: DeliveryFault): string {
  if (fault.kind === "status") return statusHints[fault.status] ?? statusHint(fault.status);
  return deliveryHints[fault.kind];
}

const deliveryHints = {
  timeout: "the endpoint took longer than POGO_WEBHOOK_TIMEOUT: answer first, and work in a queue",
  aborted: "the node stopped meanwhile",
  connection: "the endpoint can't be reached: is its host right, and does it listen?",
};

const statusHints: Readonly<Record<number, string>> = {
  401: "the endpoint checks the signature: compare POGO_WEBHOOK_SECRET, or the app's secret, on both sides",
  403: "the endpoint checks the signature: compare POGO_WEBHOOK_SECRET, or the app's secret, on both sides",
  404: "there is no such route at the endpoint: look at POGO_WEBHOOK_URL",
  405: "the route at the endpoint takes no POST",
  419: "the endpoint wants a CSRF token: exempt its route (validateCsrfTokens(except: …))",
};

function statusHint(status: number): string {
  if (status < 400) return "redirects are not followed: name the URL that answers itself";
  return status < 500
    ? "the endpoint refuses the batch; its own log says why"
    : "the endpoint failed; its own log says why";
}
