/** Tells subscribers how many they are (Pusher: "Subscription counting"), gathered so that a rush costs little. */

import type { Channel } from "./channel.ts";

/** Up to so many subscribers, a change is told within a tick; above, at most once an interval. */
const smallChannel = 100;
const largeChannelIntervalMs = 5_000;

export class SubscriptionCounts {
  /** Channels whose count has changed since it was told, and when it was told last. */
  readonly #changed = new Map<Channel, number>();
  readonly #toldMs = new WeakMap<Channel, number>();

  changed(channel: Channel): void {
    this.#changed.set(channel, this.#toldMs.get(channel) ?? Number.NEGATIVE_INFINITY);
  }

  /** The channels whose count is to be told now; to be called every second or so. */
  *due(nowMs: number): Generator<Channel> {
    for (const [channel, toldMs] of this.#changed) {
      const isLarge = channel.connections.size > smallChannel;
      if (isLarge && nowMs - toldMs < largeChannelIntervalMs) continue;
      this.#changed.delete(channel);
      this.#toldMs.set(channel, nowMs);
      if (channel.connections.size > 0) yield channel;
    }
  }
}
