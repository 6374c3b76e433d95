/** Alerts about events: those that are published, delivered, and sent to the app by webhooks. */

import type { Alert } from "./alert.ts";

export const eventAlerts: readonly Alert[] = [
  {
    name: "PogoPublishFailing",
    expr: 'increase(pogo_websocket_publish_failures_total{reason=~"broker_failed|broker_queue_full"}[5m]) > 0',
    severity: "critical",
    means:
      "Events of app {{ $labels.app_id }} are lost or wait in its queue: {{ $labels.instance }} could not give them to Redis ({{ $labels.reason }}).",
    next: "Look at Redis: is it up, and has it memory and time left?",
    more: "The app got 503 and `Retry-After`; a queued broadcast is tried again, one with `broadcastNow()` is not. `broker_queue_full`: more than `POGO_BROKER_QUEUE_SIZE` were on their way at once, so that Redis or the way to it is slow. [scaling.md](scaling.md) says what Redis needs.",
  },
  {
    name: "PogoPublishRefused",
    expr: 'increase(pogo_websocket_publish_failures_total{reason!~"broker_failed|broker_queue_full"}[10m]) > 0',
    severity: "warning",
    means:
      "Events of app {{ $labels.app_id }} are refused at {{ $labels.instance }}: {{ $labels.reason }}.",
    next: "Look into the app's own log: the answer that it got names the field or the limit.",
    more: "They reach nobody. `payload_too_large` is the usual one: send an id, and let the page fetch the rest. Trying again helps with `rate_limited` alone: publish more slowly, or raise `POGO_API_PUBLISH_RATE`. All reasons: [metrics.md](metrics.md#pogo_websocket_publish_failures_total).",
  },
  {
    name: "PogoSignatureRefused",
    expr: "increase(pogo_api_signatures_refused_total[10m]) > 5",
    severity: "warning",
    means:
      "Somebody publishes to app {{ $labels.app_id }} at {{ $labels.instance }} with a wrong signature: {{ $labels.reason }}.",
    next: "Compare the app's REVERB_APP_KEY and REVERB_APP_SECRET with the sidecar's, and for `auth_timestamp` the clocks.",
    more: "`php artisan config:clear` where the configuration is cached; queue workers keep the old one until `php artisan queue:restart`. If all of the app's own events arrive, it is somebody else who tries: `POGO_API_ONLY_ON_SOCKET` takes the API off the port.",
  },
  {
    name: "PogoEventsDropped",
    expr: "sum without (kind, reason) (rate(pogo_websocket_client_dropped_messages_total[10m])) / rate(pogo_websocket_deliveries_total[10m]) > 0.01",
    for: "10m",
    severity: "warning",
    means:
      "More than 1 % of the events for clients of app {{ $labels.app_id }} at {{ $labels.instance }} are dropped because they read too slowly.",
    next: "Make the events smaller or fewer; `POGO_OUTBOUND_QUEUE_BYTES` keeps more for each client and costs memory.",
    more: "Some are ordinary where clients are phones. Where the network is the limit, `POGO_ENABLE_COMPRESSION` helps. A client that stays too slow is closed with 4100 and comes back.",
  },
  {
    name: "PogoWebhooksDropped",
    expr: "increase(pogo_websocket_webhook_dropped_total[10m]) > 0",
    severity: "warning",
    means:
      "Webhooks of app {{ $labels.app_id }} were dropped at {{ $labels.instance }}: {{ $labels.reason }}.",
    next: "Look at the endpoint: does it answer 2xx within `POGO_WEBHOOK_TIMEOUT`?",
    more: "What an app counts by webhooks, such as who is online, is wrong from now on until it asks the HTTP API anew. The log names the endpoint. [webhooks.md](webhooks.md) has the bounds.",
  },
  {
    name: "PogoWebhooksFailing",
    expr: "increase(pogo_websocket_webhook_attempts_failed_total[10m]) > 5",
    severity: "warning",
    means:
      "Webhooks of app {{ $labels.app_id }} at {{ $labels.instance }} fail and are tried again: {{ $labels.fault }}.",
    next: "Look at the endpoint; the sidecar's log has its status, and what that usually means.",
    more: "Nothing is lost before `POGO_WEBHOOK_RETRY_FOR` is over. 419 is CSRF, 401 the signature, 404 the route, 302 a redirect to a login.",
  },
];
