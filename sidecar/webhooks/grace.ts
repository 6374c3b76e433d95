/**
 * Keeps reloads quiet: an end (vacated, removed, disconnected) is delayed for a while, and if the same channel, member
 * or user begins again meanwhile, neither is sent (Pusher: "Webhooks", the delay of `channel_vacated`).
 *
 * A beginning passes at once, unless it undoes a delayed end. So for each channel, member and user beginnings and ends
 * alternate, as they did before, and the last one is true. Ends pass in the order in which they happened; what
 * happened in between to others passes before them.
 */

import type { WebhookEvent } from "../core/ports.ts";
import type { Clock } from "./clock.ts";
import { encodeEvent, type EncodedEvent } from "./encoded-event.ts";

export interface GraceOptions {
  /** How long an end is delayed; 0: not at all. */
  readonly graceMs: number;
  /** Bounds of what is delayed; beyond them the oldest end passes early, so that nothing is lost but quiet. */
  readonly maxDelayedEvents: number;
  readonly maxDelayedBytes: number;
  readonly clock: Clock;
  readonly emit: (event: WebhookEvent, encoded: EncodedEvent) => void;
}

interface Delayed {
  readonly event: WebhookEvent;
  readonly encoded: EncodedEvent;
  readonly dueMs: number;
}

export class Grace {
  readonly #options: GraceOptions;
  /** By what ended, oldest first. All are delayed equally long, so that is also the order in which they are due. */
  readonly #delayed = new Map<string, Delayed>();
  #delayedBytes = 0;
  #cancelTimer: (() => void) | null = null;
  #isOver: boolean;

  constructor(options: GraceOptions) {
    this.#options = options;
    this.#isOver = options.graceMs <= 0;
  }

  /** Emits the event, delays it, or cancels it with the one it undoes. */
  pass(event: WebhookEvent): void {
    const change = changeOf(event);
    if (change?.kind === "beginning" && this.#drop(change.key)) return this.#watch();
    // Ended twice without a beginning: the first one says it.
    if (change?.kind === "end" && this.#delayed.has(change.key)) return;

    const encoded = encodeEvent(event, this.#options.clock.unixMs());
    if (change?.kind === "end" && !this.#isOver) this.#delay(change.key, event, encoded);
    else this.#options.emit(event, encoded);
  }

  /** Emits all that is delayed, and from now on everything at once. */
  end(): void {
    this.#isOver = true;
    this.#release(() => true);
  }

  #delay(key: string, event: WebhookEvent, encoded: EncodedEvent): void {
    const { graceMs, maxDelayedEvents, maxDelayedBytes, clock } = this.#options;
    this.#delayed.set(key, { event, encoded, dueMs: clock.now() + graceMs });
    this.#delayedBytes += encoded.bytes;
    this.#release(
      () => this.#delayed.size > maxDelayedEvents || this.#delayedBytes > maxDelayedBytes,
    );
  }

  #drop(key: string): boolean {
    const delayed = this.#delayed.get(key);
    if (!delayed) return false;
    this.#delayed.delete(key);
    this.#delayedBytes -= delayed.encoded.bytes;
    return true;
  }

  /** Emits delayed ends, oldest first, for as long as `isDue` says so, and sees to the rest in time. */
  #release(isDue: (delayed: Delayed) => boolean): void {
    for (const [key, delayed] of this.#delayed) {
      if (!isDue(delayed)) break;
      this.#drop(key);
      this.#options.emit(delayed.event, delayed.encoded);
    }
    this.#watch();
  }

  /** One timer, for the oldest. It may find that one gone and the next not due yet. */
  #watch(): void {
    const { clock } = this.#options;
    const [oldest] = this.#delayed.values();
    if (!oldest) {
      this.#cancelTimer?.();
      this.#cancelTimer = null;
      return;
    }
    this.#cancelTimer ??= clock.setTimeout(() => {
      this.#cancelTimer = null;
      const nowMs = clock.now();
      this.#release(({ dueMs }) => dueMs <= nowMs);
    }, oldest.dueMs - clock.now());
  }
}

/** What began or ended; null for events that undo nothing. */
function changeOf(event: WebhookEvent): { kind: "beginning" | "end"; key: string } | null {
  switch (event.name) {
    case "channel_occupied":
      return { kind: "beginning", key: channelKey(event.channel) };
    case "channel_vacated":
      return { kind: "end", key: channelKey(event.channel) };
    case "member_added":
      return { kind: "beginning", key: memberKey(event) };
    case "member_removed":
      return { kind: "end", key: memberKey(event) };
    case "user_connected":
      return { kind: "beginning", key: userKey(event.user_id) };
    case "user_disconnected":
      return { kind: "end", key: userKey(event.user_id) };
    case "cache_miss":
    case "client_event":
    case "subscription_count":
      return null;
  }
}

// A channel's name holds no colon, so that no two keys are the same.
const channelKey = (channel: string) => `channel:${channel}`;
const memberKey = (member: { channel: string; user_id: string }) =>
  `member:${member.channel}:${member.user_id}`;
const userKey = (userId: string) => `user:${userId}`;
