/** Options of webhooks: which events go where, and how long delivery is tried. */

import { credential } from "../parsers/addresses.ts";
import { option } from "./option.ts";
import { count, optional, orNone } from "../parsers/parser.ts";
import { duration } from "../parsers/units.ts";
import { channelPrefix, webhookEvents, webhookUrls } from "../parsers/webhooks.ts";

/** Of each webhook. */
export const webhook = {
  urls: option({
    env: "POGO_WEBHOOK_URL",
    perApp: "webhooks[].url",
    parser: webhookUrls,
    fallback: [],
    docs: "URLs that webhooks are sent to, in Pusher's format. A path is sent to the upstream app directly, past every proxy in front. Each endpoint has its own queue; a comma within a URL is written `%2C`.",
  }),
  secret: option({
    env: "POGO_WEBHOOK_SECRET",
    perApp: "webhooks[].secret",
    parser: optional(credential("secret")),
    fallback: null,
    fallbackText: "the app's secret",
    secret: true,
    docs: "Secret that signs webhook requests (`X-Pusher-Signature`). Pusher's SDKs verify with the app's secret, so leave it out if you use them.",
  }),
  events: option({
    env: "POGO_WEBHOOK_EVENTS",
    perApp: "webhooks[].events",
    parser: webhookEvents,
    fallback: null,
    docs: "Events that webhooks are sent for. `subscription_count` needs `POGO_SUBSCRIPTION_COUNT`; `all` includes it if counting is on.",
  }),
  channelPrefix: option({
    env: "POGO_WEBHOOK_CHANNEL_PREFIX",
    perApp: "webhooks[].channel_prefix",
    parser: orNone(channelPrefix),
    fallback: null,
    docs: "Only send webhooks for channels whose names begin with this text, for example `presence-`. Events of users, which belong to no channel, are still sent.",
  }),
} as const;

export const webhooks = {
  batchWindowMs: option({
    env: "POGO_WEBHOOK_BATCH_WINDOW",
    parser: duration({ zero: "to wait for none" }),
    fallback: 50,
    docs: "How long a webhook event waits for others to share its request. A longer time means fewer requests, which arrive later.",
  }),
  graceMs: option({
    env: "POGO_WEBHOOK_GRACE",
    parser: duration({ zero: "to send it at once" }),
    fallback: 3000,
    docs: "How long an end (`channel_vacated`, `member_removed`, `user_disconnected`) may still be undone before its webhook is sent, so that a page reload sends none.",
  }),
  maxQueuedEvents: option({
    env: "POGO_WEBHOOK_QUEUE_SIZE",
    parser: count,
    fallback: 10_000,
    docs: "Maximum number of events queued for one webhook endpoint. Beyond it, the kind of event that exceeds its share of the queue the most loses its newest.",
  }),
  timeoutMs: option({
    env: "POGO_WEBHOOK_TIMEOUT",
    parser: duration(),
    fallback: 10_000,
    docs: "Time for the whole answer of a webhook endpoint. After it, as after any status other than 2xx, the request is retried.",
  }),
  retry: {
    giveUpAfterMs: option({
      env: "POGO_WEBHOOK_RETRY_FOR",
      parser: duration({ zero: "to try once" }),
      fallback: 300_000,
      docs: "How long a webhook event is retried, with growing pauses. After it the event is dropped and counted.",
    }),
  },
} as const;
