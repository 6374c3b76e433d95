/**
 * Which channels, members and users are present according to the presence store, and the webhooks for their beginnings
 * and ends (Pusher: "Webhooks").
 */

import { userOfChannel } from "./channel-name.ts";
import type { WebhookEvent } from "./ports.ts";

/** A channel is occupied, or a user is a member of it: on whichever nodes. */
export type Occupancy =
  | { readonly kind: "channel"; readonly channel: string }
  | { readonly kind: "member"; readonly channel: string; readonly userKey: string };

/** Null: there is none for it; nobody occupies a user's own channel. */
export function toWebhookEvent(
  occupancy: Occupancy,
  change: "began" | "ended",
): WebhookEvent | null {
  const { channel } = occupancy;
  const userId = userOfChannel(channel);
  if (occupancy.kind === "channel") {
    if (userId !== null) return null;
    return { name: change === "began" ? "channel_occupied" : "channel_vacated", channel };
  }
  if (userId !== null) {
    const name = change === "began" ? "user_connected" : "user_disconnected";
    return { name, user_id: userId };
  }
  const name = change === "began" ? "member_added" : "member_removed";
  return { name, channel, user_id: occupancy.userKey };
}
