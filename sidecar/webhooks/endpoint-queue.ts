/**
 * The queue of one endpoint: sends batches in order, one request at a time, and retries a failed batch until its time
 * is over. Endpoints do not affect each other.
 */

import type { Report } from "../core/report.ts";
import type { DeliveryFault, WebhookDropReason } from "../core/report/webhooks.ts";
import { backoffMs, type Backoff } from "../http/backoff.ts";
import { createBatch, type Batch } from "./batch.ts";
import type { Clock } from "./clock.ts";
import type { WebhookClient } from "./deliver.ts";
import { EventQueue } from "./event-queue.ts";
import type { EncodedEvent } from "./encoded-event.ts";

export interface QueueLimits {
  /** How long the first event of a batch waits for others. */
  readonly batchWindowMs: number;
  readonly maxBatchEvents: number;
  /** Of the events' JSON; a longer event is a batch by itself. */
  readonly maxBatchBytes: number;
  /** Events that wait, those under way included; beyond either bound the newest of the group that has most is dropped. */
  readonly maxQueuedEvents: number;
  readonly maxQueuedBytes: number;
  readonly retry: Backoff & {
    /** An event that waited this long, its endpoint failing all the while, is dropped. */
    readonly giveUpAfterMs: number;
  };
}

export interface EndpointQueueOptions {
  readonly limits: QueueLimits;
  readonly app: { readonly key: string; readonly secret: string };
  readonly client: WebhookClient;
  readonly clock: Clock;
  readonly random: () => number;
  /** What reports say of the endpoint. */
  readonly origin: { readonly appId: string; readonly endpoint: string };
  readonly report: Report;
}

type State =
  | { readonly kind: "idle" }
  | { readonly kind: "collecting"; readonly cancel: () => void }
  | { readonly kind: "sending"; readonly pending: Pending }
  /** `pending` null: the batch was given up, the next one is not made yet. */
  | { readonly kind: "backing-off"; readonly pending: Pending | null; readonly cancel: () => void }
  | { readonly kind: "closed" };

interface Pending {
  readonly batch: Batch;
  /** When its last event came. */
  readonly newestMs: number;
}

/** Of the queue, what may wait of one connection's client events. */
const connectionShare = 1 / 16;

export class EndpointQueue {
  readonly #options: EndpointQueueOptions;
  readonly #queue = new EventQueue();
  #state: State = { kind: "idle" };
  /** In a row. */
  #failures = 0;
  /** When the first attempt of that row began. */
  #failingSinceMs = 0;
  #drained: PromiseWithResolvers<void> | null = null;

  constructor(options: EndpointQueueOptions) {
    this.#options = options;
  }

  /** Events that came and are neither delivered nor dropped. */
  get depth(): number {
    return this.#queue.length + (this.#pending?.batch.count ?? 0);
  }

  /** Never sends by itself: the caller may be busy. */
  push(event: EncodedEvent): void {
    const { limits, clock } = this.#options;
    if (this.#state.kind === "closed") return this.#reportDropped("shutdown", 1);
    if (this.#queue.supersede(event)) return;
    const refusal = this.#makeRoom(event);
    if (refusal) return this.#reportDropped(refusal, 1);

    this.#queue.add(event, clock.now());
    const isWhole = this.#queue.length === limits.maxBatchEvents;
    if (this.#state.kind === "idle") this.#collect();
    else if (this.#state.kind === "collecting" && isWhole) {
      this.#state.cancel();
      this.#collect();
    }
  }

  /** From now on waits for no batch to fill, and tries at once. Resolves when nothing is left, or with `close`. */
  drain(): Promise<void> {
    if (this.#drained) return this.#drained.promise;
    this.#drained = Promise.withResolvers();
    this.#failures = 0;
    const state = this.#state;
    if (state.kind === "collecting" || state.kind === "backing-off") {
      state.cancel();
      this.#next();
    } else if (state.kind !== "sending") {
      this.#drained.resolve();
    }
    return this.#drained.promise;
  }

  /** Cuts what is under way and drops what is left as `shutdown`. */
  close(): void {
    const state = this.#state;
    if (state.kind === "closed") return;
    const left = this.depth;
    if (state.kind === "collecting" || state.kind === "backing-off") state.cancel();
    this.#state = { kind: "closed" };
    this.#queue.clear();
    this.#options.client.close();
    if (left > 0) this.#reportDropped("shutdown", left);
    this.#drained?.resolve();
  }

  /** Why the event gets no place; null: it has one, though newer events of another group may have lost theirs. */
  #makeRoom(event: EncodedEvent): "connection_limit" | "queue_full" | null {
    const max = {
      events: this.#options.limits.maxQueuedEvents,
      bytes: this.#options.limits.maxQueuedBytes,
    };
    if (event.socketId !== null) {
      const { events, bytes } = this.#queue.ofConnection(event.socketId);
      const isOver =
        events >= Math.max(1, max.events * connectionShare) ||
        (events > 0 && bytes + event.bytes > max.bytes * connectionShare);
      if (isOver) return "connection_limit";
    }
    const underWay = this.#pending?.batch.bytes ?? 0;
    while (this.depth >= max.events || this.#queue.bytes + underWay + event.bytes > max.bytes) {
      const group = this.#queue.groupToGiveWay(event, max);
      if (group === event.group || !this.#queue.dropNewest(group)) return "queue_full";
      this.#reportDropped("displaced", 1);
    }
    return null;
  }

  get #pending(): Pending | null {
    return "pending" in this.#state ? this.#state.pending : null;
  }

  get #isClosed(): boolean {
    return this.#state.kind === "closed";
  }

  /** Waits until the batch is whole or its first event has waited long enough. */
  #collect(): void {
    const { limits, clock } = this.#options;
    const { oldest } = this.#queue;
    if (!oldest) {
      this.#state = { kind: "idle" };
      this.#drained?.resolve();
      return;
    }
    const isDue = this.#drained !== null || this.#queue.length >= limits.maxBatchEvents;
    const delayMs = isDue ? 0 : Math.max(0, oldest.sinceMs + limits.batchWindowMs - clock.now());
    this.#state = { kind: "collecting", cancel: clock.setTimeout(() => this.#next(), delayMs) };
  }

  /** Sends the batch that failed, or else the next one. */
  #next(): void {
    const pending = this.#pending ?? this.#take();
    if (pending) void this.#send(pending);
    else this.#collect();
  }

  #take(): Pending | null {
    const { limits, app } = this.#options;
    const taken = this.#queue.take(limits.maxBatchEvents, limits.maxBatchBytes);
    const newest = taken.at(-1);
    if (!newest) return null;
    const events = taken.map(({ event }) => event);
    return { batch: createBatch(events, app), newestMs: newest.sinceMs };
  }

  async #send(pending: Pending): Promise<void> {
    const { client, clock, origin, report } = this.#options;
    const { batch } = pending;
    this.#state = { kind: "sending", pending };
    const startedMs = clock.now();
    const delivery = await client.post(batch.body, batch.headers);
    if (this.#isClosed) return;
    if (!delivery.ok) return this.#failed(pending, delivery.fault, startedMs);

    this.#failures = 0;
    this.#collect();
    const durationMs = clock.now() - startedMs;
    const { status } = delivery;
    report({ kind: "webhook_delivered", ...origin, events: batch.count, status, durationMs });
  }

  #failed(pending: Pending, fault: DeliveryFault, startedMs: number): void {
    const { limits, clock, random, origin, report } = this.#options;
    const { count } = pending.batch;
    const nowMs = clock.now();
    if (this.#failures === 0) this.#failingSinceMs = startedMs;
    this.#failures += 1;

    const { giveUpAfterMs } = limits.retry;
    const leftMs = Math.max(pending.newestMs, this.#failingSinceMs) + giveUpAfterMs - nowMs;
    const delayMs = backoffMs(limits.retry, this.#failures, random);
    // The last attempt is made when the time is over, and not long before it.
    const retryInMs = leftMs > 0 ? Math.min(delayMs, leftMs) : null;
    this.#state = {
      kind: "backing-off",
      pending: retryInMs === null ? null : pending,
      cancel: clock.setTimeout(() => this.#next(), retryInMs ?? delayMs),
    };
    const lost = (retryInMs === null ? count : 0) + this.#expire(nowMs - giveUpAfterMs);
    if (lost > 0) this.#reportDropped("gave_up", lost);
    const failures = this.#failures;
    report({ kind: "webhook_failed", ...origin, events: count, fault, failures, retryInMs });
    if (this.depth === 0) this.#drained?.resolve();
  }

  #reportDropped(reason: WebhookDropReason, events: number): void {
    const { origin, report } = this.#options;
    report({ kind: "webhook_dropped", ...origin, reason, events });
  }

  /** Drops what waited behind the batch since `untilMs` or longer, if the endpoint failed that long too. */
  #expire(untilMs: number): number {
    return this.#failingSinceMs > untilMs ? 0 : this.#queue.takeUntil(untilMs).length;
  }
}
