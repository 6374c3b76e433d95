/** Which events give way when an endpoint's queue is full: first those that are cheap to cause and least missed. */

import { channelKind } from "../core/channel-name.ts";
import type { WebhookEvent } from "../core/ports.ts";

/** From what the app misses most to what it misses least. */
export type EventGroup =
  | "members" // users that the app has authorized
  | "channels" // that the app has authorized somebody for
  | "public_channels" // anybody can occupy as many as he can name
  | "client_events"
  | "hints"; // cache misses and counts: the next one says it again

/** Shares of a full queue, relative to each other. Room that nobody else needs is for all. */
export const weights: Readonly<Record<EventGroup, number>> = {
  members: 4,
  channels: 2,
  public_channels: 1,
  client_events: 1,
  hints: 1,
};

export function groupOf(event: WebhookEvent): EventGroup {
  switch (event.name) {
    case "member_added":
    case "member_removed":
    case "user_connected":
    case "user_disconnected":
      return "members";
    case "channel_occupied":
    case "channel_vacated":
      return channelKind(event.channel).access === "public" ? "public_channels" : "channels";
    case "client_event":
      return "client_events";
    case "cache_miss":
    case "subscription_count":
      return "hints";
  }
}
