/** What begins and ends in a presence store, as the facts that webhooks tell (Pusher: "Webhooks"). */

import { userOfChannel } from "./channel-name.ts";
import type { WebhookEvent } from "./ports.ts";

/** A channel is occupied, or a user is a member of it: on whichever nodes. */
export type Thing =
  | { readonly kind: "channel"; readonly channel: string }
  | { readonly kind: "member"; readonly channel: string; readonly userKey: string };

/** Null: nobody is told; a user's own channel is nobody's to occupy. */
export function toFact(thing: Thing, change: "began" | "ended"): WebhookEvent | null {
  const { channel } = thing;
  const userId = userOfChannel(channel);
  if (thing.kind === "channel") {
    if (userId !== null) return null;
    return { name: change === "began" ? "channel_occupied" : "channel_vacated", channel };
  }
  if (userId !== null) {
    const name = change === "began" ? "user_connected" : "user_disconnected";
    return { name, user_id: userId };
  }
  const name = change === "began" ? "member_added" : "member_removed";
  return { name, channel, user_id: thing.userKey };
}
