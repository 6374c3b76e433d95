/**
 * Which channels have to announce their number of subscriptions (Pusher: "Subscription counting"), throttled so that a
 * rush costs little.
 */

import type { Channel } from "./channel.ts";

/** Up to so many subscribers, a change is sent within a tick; above, at most once an interval. */
const smallChannel = 100;
const largeChannelIntervalMs = 5_000;
/** Channels whose subscribers are counted by one question. */
const countedAtOnce = 50;

export class SubscriptionCounts {
  /** Channels whose count has changed since it was sent, and when it was sent last. */
  readonly #changed = new Map<Channel, number>();
  readonly #sentMs = new WeakMap<Channel, number>();

  changed(channel: Channel): void {
    this.#changed.set(channel, this.#sentMs.get(channel) ?? Number.NEGATIVE_INFINITY);
  }

  /** The channels whose count is to be sent now, some at a time; to be called every second or so. */
  *due(nowMs: number): Generator<readonly string[]> {
    const names = [...this.#dueOnes(nowMs)].map(({ name }) => name);
    for (let i = 0; i < names.length; i += countedAtOnce) yield names.slice(i, i + countedAtOnce);
  }

  *#dueOnes(nowMs: number): Generator<Channel> {
    for (const [channel, sentMs] of this.#changed) {
      const isLarge = channel.connections.size > smallChannel;
      if (isLarge && nowMs - sentMs < largeChannelIntervalMs) continue;
      this.#changed.delete(channel);
      this.#sentMs.set(channel, nowMs);
      if (channel.connections.size > 0) yield channel;
    }
  }
}
