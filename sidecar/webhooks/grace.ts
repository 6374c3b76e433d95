/**
 * Keeps reloads quiet: an end (vacated, removed, disconnected) is held for a while, and if the beginning of the same
 * thing follows meanwhile, neither is told (Pusher: "Webhooks", the delay of `channel_vacated`).
 *
 * A beginning is told at once, unless it undoes a held end. So for each channel, member and user beginnings and ends
 * alternate, as they did before, and the last one told is true. Ends are told in the order in which they happened; what
 * happened in between to others is told before them.
 */

import type { WebhookEvent } from "../core/ports.ts";
import type { Clock } from "./clock.ts";
import { toFact, type Fact } from "./fact.ts";

export interface GraceOptions {
  /** How long an end is held; 0: not at all. */
  readonly graceMs: number;
  /** Bounds of what is held; beyond them the oldest end is told early, so that nothing is lost but quiet. */
  readonly maxHeldEvents: number;
  readonly maxHeldBytes: number;
  readonly clock: Clock;
  readonly tell: (event: WebhookEvent, fact: Fact) => void;
}

interface Held {
  readonly event: WebhookEvent;
  readonly fact: Fact;
  readonly dueMs: number;
}

export class Grace {
  readonly #options: GraceOptions;
  /** By what ended, oldest first. All are held equally long, so that is also the order in which they are due. */
  readonly #held = new Map<string, Held>();
  #heldBytes = 0;
  #cancelTimer: (() => void) | null = null;
  #isOver: boolean;

  constructor(options: GraceOptions) {
    this.#options = options;
    this.#isOver = options.graceMs <= 0;
  }

  get heldCount(): number {
    return this.#held.size;
  }

  /** Tells the event, holds it, or cancels it with the one it undoes. */
  pass(event: WebhookEvent): void {
    const change = changeOf(event);
    if (change?.kind === "beginning" && this.#drop(change.key)) return this.#watch();
    // Ended twice without a beginning: the first one says it.
    if (change?.kind === "end" && this.#held.has(change.key)) return;

    const fact = toFact(event, this.#options.clock.unixMs());
    if (change?.kind === "end" && !this.#isOver) this.#hold(change.key, event, fact);
    else this.#options.tell(event, fact);
  }

  /** Tells all that is held, and from now on everything at once. */
  end(): void {
    this.#isOver = true;
    this.#release(() => true);
  }

  #hold(key: string, event: WebhookEvent, fact: Fact): void {
    const { graceMs, maxHeldEvents, maxHeldBytes, clock } = this.#options;
    this.#held.set(key, { event, fact, dueMs: clock.now() + graceMs });
    this.#heldBytes += fact.bytes;
    this.#release(() => this.#held.size > maxHeldEvents || this.#heldBytes > maxHeldBytes);
  }

  #drop(key: string): boolean {
    const held = this.#held.get(key);
    if (!held) return false;
    this.#held.delete(key);
    this.#heldBytes -= held.fact.bytes;
    return true;
  }

  /** Tells held ends, oldest first, for as long as `isDue` says so, and sees to the rest in time. */
  #release(isDue: (held: Held) => boolean): void {
    for (const [key, held] of this.#held) {
      if (!isDue(held)) break;
      this.#drop(key);
      this.#options.tell(held.event, held.fact);
    }
    this.#watch();
  }

  /** One timer, for the oldest. It may find that one gone and the next not due yet. */
  #watch(): void {
    const { clock } = this.#options;
    const [oldest] = this.#held.values();
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

// A channel's name holds no colon, so that no two things have the same key.
const channelKey = (channel: string) => `channel:${channel}`;
const memberKey = (member: { channel: string; user_id: string }) =>
  `member:${member.channel}:${member.user_id}`;
const userKey = (userId: string) => `user:${userId}`;
