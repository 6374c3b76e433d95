/** Sends each app's events to its endpoints: grace, filter, and one queue per endpoint. */

import type { WebhookEvent, Webhooks } from "../core/ports.ts";
import type { Report } from "../core/report.ts";
import type { UpstreamAddress } from "../http/upstream-address.ts";
import type { Clock } from "./clock.ts";
import { createWebhookClient } from "./deliver.ts";
import { EndpointQueue, type QueueLimits } from "./endpoint-queue.ts";
import type { EncodedEvent } from "./encoded-event.ts";
import { isRelevant, isWanted, type WebhookFilter } from "./filter.ts";
import { Grace } from "./grace.ts";
import { MissLimit } from "./miss-limit.ts";
import { parseTarget, type WebhookTarget } from "./target.ts";

export interface WebhookEndpoint extends WebhookFilter {
  /** `http(s)://host/…`, or a path of the upstream app. */
  readonly url: string;
  /** Signs the bodies: the app's, unless the endpoint has one of its own. */
  readonly secret: string;
}

export interface WebhookApp {
  readonly id: string;
  /** Sent as `X-Pusher-Key`. */
  readonly key: string;
  readonly endpoints: readonly WebhookEndpoint[];
}

export interface WebhookDispatcherOptions extends QueueLimits {
  readonly apps: readonly WebhookApp[];
  /** Where path endpoints go; null if there is none. */
  readonly upstream: UpstreamAddress | null;
  /**
   * How long an end (vacated, removed, disconnected) waits for its undoing; 0 sends it at once. What waits is bounded
   * for each app like a queue; beyond the bound the oldest end is sent early.
   */
  readonly graceMs: number;
  /** For one attempt. */
  readonly timeoutMs: number;
  readonly clock: Clock;
  /** From 0 to below 1. */
  readonly random: () => number;
  readonly report: Report;
}

export interface WebhookDispatcher extends Webhooks {
  /** Events of an app that wait for an endpoint; one that waits for two counts twice, one in grace not at all. */
  queueDepth(appId: string): number;
  /**
   * Ends all grace and sends what waits, failures tried again, for at most `withinMs`; what is left then is dropped as
   * `shutdown`, and what comes afterwards too. Always resolves; called again it returns the same promise.
   */
  flush(withinMs: number): Promise<void>;
  /** Cuts what is under way and drops the rest as `shutdown`. */
  close(): void;
}

/** Throws if an endpoint's URL is none; `parseTarget` says so beforehand. */
export function createWebhookDispatcher(options: WebhookDispatcherOptions): WebhookDispatcher {
  const { clock } = options;
  const apps = new Map(
    options.apps
      .filter(({ endpoints }) => endpoints.length > 0)
      .map((app) => [app.id, createAppWebhooks(app, options)]),
  );
  const queues = [...apps.values()].flatMap((app) => app.queues);
  let flushing: Promise<void> | null = null;

  async function flush(withinMs: number): Promise<void> {
    for (const { grace } of apps.values()) grace.end();
    const { promise: deadline, resolve: giveUp } = Promise.withResolvers<void>();
    const cancelDeadline = clock.setTimeout(giveUp, withinMs);
    await Promise.race([Promise.all(queues.map((queue) => queue.drain())), deadline]);
    cancelDeadline();
    close();
  }

  function close(): void {
    for (const queue of queues) queue.close();
    for (const { grace } of apps.values()) grace.end();
  }

  return {
    notify: (appId, event) => apps.get(appId)?.notify(event),
    queueDepth: (appId) =>
      (apps.get(appId)?.queues ?? []).reduce((sum, { depth }) => sum + depth, 0),
    flush: (withinMs) => (flushing ??= flush(withinMs)),
    close,
  };
}

function createAppWebhooks(app: WebhookApp, options: WebhookDispatcherOptions) {
  const labels = numberEqual(app.endpoints.map(({ url }) => targetOf(app, url, options).label));
  const endpoints = app.endpoints.map((filter, index) => {
    const target = targetOf(app, filter.url, options);
    const endpoint = { secret: filter.secret, target, label: labels[index] ?? target.label };
    return { filter, queue: createEndpointQueue(app, endpoint, options) };
  });
  const grace = new Grace({
    graceMs: options.graceMs,
    maxDelayedEvents: options.maxQueuedEvents,
    maxDelayedBytes: options.maxQueuedBytes,
    clock: options.clock,
    emit: enqueue,
  });

  const misses = new MissLimit(options.maxQueuedEvents);

  function notify(event: WebhookEvent): void {
    if (!endpoints.some(({ filter }) => isRelevant(filter, event))) return;
    const isRepeated =
      event.name === "cache_miss" && !misses.take(event.channel, options.clock.now());
    if (!isRepeated) grace.pass(event);
  }

  function enqueue(event: WebhookEvent, encoded: EncodedEvent): void {
    for (const { filter, queue } of endpoints) {
      if (isWanted(filter, event)) queue.push(encoded);
    }
  }

  return { notify, grace, queues: endpoints.map(({ queue }) => queue) };
}

function targetOf(
  app: WebhookApp,
  url: string,
  { upstream }: WebhookDispatcherOptions,
): WebhookTarget {
  const parsed = parseTarget(url, upstream);
  // Without the URL, which may contain a secret.
  if (!parsed.ok) throw new Error(`a webhook URL of app ${app.id} ${parsed.error}`);
  return parsed.target;
}

/** Two endpoints at one host are told apart by their place in the app's list: `a.test:443 (2)`. */
function numberEqual(labels: readonly string[]): readonly string[] {
  return labels.map((label, index) => {
    if (labels.indexOf(label) === labels.lastIndexOf(label)) return label;
    return `${label} (${index + 1})`;
  });
}

function createEndpointQueue(
  app: WebhookApp,
  endpoint: { readonly secret: string; readonly target: WebhookTarget; readonly label: string },
  options: WebhookDispatcherOptions,
): EndpointQueue {
  const { timeoutMs, clock, random, report } = options;
  const { secret, target, label } = endpoint;
  return new EndpointQueue({
    limits: options,
    app: { key: app.key, secret },
    client: createWebhookClient({ target, timeoutMs, clock }),
    clock,
    random,
    origin: { appId: app.id, endpoint: label },
    report,
  });
}
