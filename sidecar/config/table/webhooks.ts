/** Options of the webhooks: who is sent what, and how long it is tried. */

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
    docs: "Endpoints that are sent what happens on channels, in Pusher's format. A path is one of the upstream app's own, past every proxy in front. Each endpoint has a queue of its own; a comma within a URL is written `%2C`.",
  }),
  secret: option({
    env: "POGO_WEBHOOK_SECRET",
    perApp: "webhooks[].secret",
    parser: optional(credential("secret")),
    fallback: null,
    fallbackText: "the app's secret",
    secret: true,
    docs: "Signs webhook requests (`X-Pusher-Signature`). Pusher's SDKs check with the app's secret, so leave it out for them.",
  }),
  events: option({
    env: "POGO_WEBHOOK_EVENTS",
    perApp: "webhooks[].events",
    parser: webhookEvents,
    fallback: null,
    docs: "Events that webhooks are sent. `subscription_count` needs `POGO_SUBSCRIPTION_COUNT`; `all` includes it where counting is on.",
  }),
  channelPrefix: option({
    env: "POGO_WEBHOOK_CHANNEL_PREFIX",
    perApp: "webhooks[].channel_prefix",
    parser: orNone(channelPrefix),
    fallback: null,
    docs: "Send webhooks for channels whose names begin with this text alone, for example `presence-`. Events of users, which belong to no channel, are sent all the same.",
  }),
} as const;

export const webhooks = {
  batchWindowMs: option({
    env: "POGO_WEBHOOK_BATCH_WINDOW",
    parser: duration({ zero: "to wait for none" }),
    fallback: 50,
    docs: "How long a webhook event waits for others to share its request. Longer means fewer requests and later news.",
  }),
  graceMs: option({
    env: "POGO_WEBHOOK_GRACE",
    parser: duration({ zero: "to send it at once" }),
    fallback: 3000,
    docs: "How long an end (`channel_vacated`, `member_removed`, `user_disconnected`) waits for its undoing, so that the reload of a page sends no webhook.",
  }),
  maxQueuedEvents: option({
    env: "POGO_WEBHOOK_QUEUE_SIZE",
    parser: count,
    fallback: 10_000,
    docs: "Events that may wait for one webhook endpoint. Beyond it the kind of event that has most of the queue for its share loses its newest.",
  }),
  timeoutMs: option({
    env: "POGO_WEBHOOK_TIMEOUT",
    parser: duration(),
    fallback: 10_000,
    docs: "Time for the whole answer of a webhook endpoint. After it, as after any status but 2xx, the request is sent again.",
  }),
  retry: {
    giveUpAfterMs: option({
      env: "POGO_WEBHOOK_RETRY_FOR",
      parser: duration({ zero: "to try once" }),
      fallback: 300_000,
      docs: "How long a webhook event is tried, with growing pauses. After it the event is dropped and counted.",
    }),
  },
} as const;
