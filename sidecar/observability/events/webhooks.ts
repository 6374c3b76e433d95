/** Events of webhooks. */

import type { WebhookDeliveryEvents } from "../../core/report/webhooks.ts";
import type { Metrics } from "../metrics.ts";
import type { Rows } from "../rows.ts";
import { deliveryHint } from "./hints.ts";

export function webhookRows({ webhooks }: Metrics): Rows<keyof WebhookDeliveryEvents> {
  return {
    webhook_delivered: {
      count({ appId, events, durationMs }) {
        webhooks.deliveredTotal.inc({ app_id: appId }, events);
        webhooks.durationSeconds.observe(durationMs / 1000);
      },
      log: {
        level: "debug",
        message: "webhook batch delivered",
        fields: ({ appId, endpoint, events, status, durationMs }) => ({
          app_id: appId,
          endpoint,
          events,
          status,
          duration_ms: Math.round(durationMs),
        }),
      },
    },
    webhook_failed: {
      count: ({ appId, fault }) =>
        webhooks.attemptsFailedTotal.inc({ app_id: appId, fault: fault.kind }),
      log: {
        level: "warn",
        message: "a webhook endpoint did not take a batch",
        fields: ({ appId, endpoint, events, fault, failures, retryInMs }) => ({
          app_id: appId,
          endpoint,
          events,
          fault,
          failures,
          retry_in_ms: retryInMs,
        }),
        hint: ({ fault }) => deliveryHint(fault),
        throttle: ({ appId, endpoint, fault }) => `${appId} ${endpoint} ${fault.kind}`,
      },
    },
    webhook_dropped: {
      count: ({ appId, reason, events }) =>
        webhooks.droppedTotal.inc({ app_id: appId, reason }, events),
      log: {
        level: "warn",
        message: "webhook events dropped",
        fields: ({ appId, endpoint, reason }) => ({ app_id: appId, endpoint, reason }),
        hint: ({ reason }) => dropHints[reason],
        throttle: ({ appId, endpoint, reason }) => `${appId} ${endpoint} ${reason}`,
      },
    },
  };
}

const dropHints = {
  queue_full:
    "the endpoint is too slow or down, or somebody floods it with one kind of event: POGO_WEBHOOK_QUEUE_SIZE, POGO_WEBHOOK_EVENTS",
  displaced: "the queue was full of one kind of event, and others took their share of it",
  connection_limit: "one connection sends more client events than the endpoint takes",
  gave_up: "the endpoint failed for POGO_WEBHOOK_RETRY_FOR",
  shutdown: "POGO_SHUTDOWN_TIMEOUT was over before the endpoint took them",
};
