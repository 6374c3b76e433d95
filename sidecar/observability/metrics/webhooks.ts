/** Metrics of webhooks. */

import type { DeliveryFault, WebhookDropReason } from "../../core/report/webhooks.ts";
import type { Define } from "../metric.ts";
import { app } from "./labels.ts";

const dropReasons = {
  queue_full:
    "POGO_WEBHOOK_QUEUE_SIZE events (or 16 MiB) waited for this endpoint, most of them of its kind",
  displaced: "it waited in a full queue, and gave way to an event of another kind",
  connection_limit: "client events of one connection took a sixteenth of the queue",
  gave_up: "the endpoint failed for POGO_WEBHOOK_RETRY_FOR",
  shutdown: "the node stopped before the endpoint took them",
} satisfies Record<WebhookDropReason, string>;

const deliveryFaults = {
  status: "a status other than 2xx; redirects are not followed",
  timeout: "longer than POGO_WEBHOOK_TIMEOUT",
  connection: "refused, reset, or no such name",
  aborted: "cut by the stop of the node",
} satisfies Record<DeliveryFault["kind"], string>;

export function webhookMetrics({ counter, histogram, reading }: Define) {
  return {
    deliveredTotal: counter({
      name: "pogo_websocket_webhook_delivered_total",
      help: "Webhook events that an endpoint took.",
      unit: "events",
      moves:
        "With each event of a batch that was answered 2xx; one that two endpoints take counts twice.",
      action: "Nothing; compare it with webhook_dropped_total.",
      labels: { app_id: app },
    }),
    attemptsFailedTotal: counter({
      name: "pogo_websocket_webhook_attempts_failed_total",
      help: "Webhook requests that an endpoint did not take, by fault; the batch is sent again.",
      unit: "requests",
      moves: "With each attempt that is not answered 2xx in time.",
      action: "Look at the endpoint: the log has its host, what it answered and what to do.",
      labels: { app_id: app, fault: deliveryFaults },
    }),
    durationSeconds: histogram({
      name: "pogo_websocket_webhook_duration_seconds",
      help: "Time until an endpoint had taken a batch.",
      unit: "seconds",
      moves: "With each batch that is answered 2xx.",
      action: "Near POGO_WEBHOOK_TIMEOUT the endpoint works before it answers: it should queue.",
      buckets: [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10],
    }),
    droppedTotal: counter({
      name: "pogo_websocket_webhook_dropped_total",
      help: "Webhook events that were not delivered, by reason.",
      unit: "events",
      moves:
        "With each event that an endpoint does not get; one that two endpoints miss counts twice.",
      action: "Look at the endpoint: the log has its host and what it answered.",
      labels: { app_id: app, reason: dropReasons },
    }),
    queueDepth: reading({
      name: "pogo_websocket_webhook_queue_depth",
      help: "Webhook events that wait for an endpoint.",
      unit: "events",
      moves: "Read at each scrape; an event that waits for two endpoints counts twice.",
      action: "One that grows means that an endpoint is down or too slow.",
      labels: { app_id: app },
    }),
  };
}
