/** Metrics of webhooks. */

import type { WebhookDropReason } from "../../core/report/webhooks.ts";
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

export function webhookMetrics({ counter, reading }: Define) {
  return {
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
