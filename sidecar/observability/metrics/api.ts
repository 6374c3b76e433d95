/** Metrics of the HTTP API. */

import type { PublishFault } from "../../core/ports.ts";
import type { ApiRoute, BodyRefusal, SignatureRefusal } from "../../core/report/api.ts";
import type { Define } from "../metric.ts";
import { app } from "./labels.ts";

const publishFaults = {
  broker_failed: "503: Redis is lost or did not answer in time",
  broker_queue_full: "503: POGO_BROKER_QUEUE_SIZE publishes were under way",
  invalid_fields: "422: a field is missing or has the wrong type",
  too_many_channels: "422: more channels than the app's limit",
  invalid_channel: "422: a channel name with characters that Pusher does not allow",
  channel_too_long: "422: a channel name over 256 characters",
  event_too_long: "422: an event name over the app's limit",
  payload_too_large: "413: data or body over the limit",
  rate_limited: "429: more than the app's publish rate",
  invalid_payload_json: "400: the body is not JSON",
} satisfies Record<PublishFault, string>;

const signatureRefusals = {
  auth_key: "another app's key",
  auth_version: "a version that is not 1.0",
  auth_timestamp: "older or newer than the tolerance: look at both clocks",
  auth_signature: "signed with another secret, or changed on the way",
  body_md5: "the body is not the one that was signed",
} satisfies Record<SignatureRefusal, string>;

const bodyRefusals = {
  too_slow: "408: longer than POGO_API_BODY_TIMEOUT on its way",
  node_budget: "503: POGO_MAX_UNVERIFIED_BODY_BYTES were kept of unverified bodies",
  visitor_budget: "429: one client IP had a quarter of POGO_MAX_UNVERIFIED_BODY_BYTES",
} satisfies Record<BodyRefusal, string>;

const routes = {
  events: "publish one event",
  batch_events: "publish several events",
  channels: "list channels",
  "channels/{channel}": "ask about a channel",
  "channels/{channel}/users": "list the members of a presence channel",
  connections: "count connections",
  "users/{user}/terminate_connections": "close a user's connections",
} satisfies Record<ApiRoute, string>;

export function apiMetrics({ counter, histogram, reading, tally }: Define) {
  return {
    requestsTotal: tally({
      name: "pogo_api_requests_total",
      help: "Requests of the HTTP API, by route and status.",
      unit: "requests",
      moves: "With each request below /apps/{id}/ that is answered here.",
      action:
        "Alert on 5xx: the app's events don't reach anybody. 401 and 422 are the app's own settings or requests.",
      labels: { route: routes, code: "HTTP status of the answer." },
    }),
    requestDurationSeconds: histogram({
      name: "pogo_api_request_duration_seconds",
      help: "Time from the head of an API request to its answer, its body included.",
      unit: "seconds",
      moves: "With each request below /apps/{id}/ that is answered here.",
      action: "A PHP worker waits that long for each event; with Redis nearly all of it is Redis.",
      labels: { route: routes },
      buckets: [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5],
    }),
    publishFailuresTotal: counter({
      name: "pogo_websocket_publish_failures_total",
      help: "Publishes refused by the HTTP API, by reason.",
      unit: "requests",
      moves: "With each request to events or batch_events of which nothing was published.",
      action:
        "broker_failed and broker_queue_full: look at Redis. The others are the app's request: its answer names the field.",
      labels: { app_id: app, reason: publishFaults },
    }),
    signaturesRefusedTotal: counter({
      name: "pogo_api_signatures_refused_total",
      help: "API requests answered 401, by what was wrong with their signature.",
      unit: "requests",
      moves: "With each request whose signature does not verify.",
      action: "Compare key and secret of app and sidecar; for auth_timestamp compare the clocks.",
      labels: { app_id: app, reason: signatureRefusals },
    }),
    bodiesRefusedTotal: counter({
      name: "pogo_api_bodies_refused_total",
      help: "API requests whose body was not read to its end, by reason.",
      unit: "requests",
      moves: "With each request that is answered 408, 429 or 503 for its body.",
      action:
        "Somebody sends slow bodies, or many without `body_md5`: a proxy in front has the addresses.",
      labels: { app_id: app, reason: bodyRefusals },
    }),
    unverifiedBodyBytes: reading({
      name: "pogo_api_unverified_body_bytes",
      help: "Memory taken by bodies of API requests whose signature is still to be checked.",
      unit: "bytes",
      moves: "Read at each scrape; at most POGO_MAX_UNVERIFIED_BODY_BYTES.",
      action: "It is near 0 with Pusher's SDKs: they send `body_md5`.",
    }),
  };
}
