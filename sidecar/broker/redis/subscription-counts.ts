/** Announces a channel's number of subscriptions to its subscribers on every node, and to webhooks. */

import type { PresenceListener } from "../../core/presence-store.ts";
import type { Availability } from "./availability.ts";
import type { Registrations } from "./registrations.ts";
import { announceCounts } from "./scripts/queries.ts";
import type { RunScript } from "./scripts/script.ts";

export function createCountAnnouncer(options: {
  readonly run: RunScript;
  readonly registrations: Registrations;
  readonly availability: Availability;
  readonly listener: PresenceListener;
  /** Subscriptions of a channel on this node. */
  readonly ownCount: (channel: string) => number;
}): (channels: readonly string[]) => Promise<void> {
  const { run, registrations, availability, listener, ownCount } = options;

  return async (channels) => {
    const { signal } = availability;
    if (!signal) {
      // What this node knows is better than nothing.
      for (const channel of channels) {
        const count = ownCount(channel);
        if (count > 0) listener.subscriptionsCounted(channel, count);
      }
      return;
    }
    try {
      await registrations.flush();
      const counts = await run(announceCounts, channels);
      for (const [index, channel] of channels.entries()) {
        const count = counts[index] ?? 0;
        if (count === 0) continue;
        listener.webhookDue({ name: "subscription_count", channel, subscription_count: count });
      }
    } catch {
      if (!signal.aborted) availability.lose();
    }
  };
}
