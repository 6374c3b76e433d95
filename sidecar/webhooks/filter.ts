/** Which events an endpoint gets. */

import type { WebhookEvent, WebhookEventName } from "../core/ports.ts";

export interface WebhookFilter {
  /** Null: all of them. */
  readonly events: ReadonlySet<WebhookEventName> | null;
  /**
   * Only events of channels whose names begin so; null: of all channels. What belongs to no channel
   * (`user_connected`, `user_disconnected`) is not narrowed by it, only by `events`.
   */
  readonly channelPrefix: string | null;
}

/** True if the endpoint is to get `event`. */
export function isWanted(filter: WebhookFilter, event: WebhookEvent): boolean {
  return (filter.events === null || filter.events.has(event.name)) && isInside(filter, event);
}

/**
 * True if `event` is wanted, or may undo one that is: an endpoint that wants only vacated channels does not get
 * one that was occupied again at once.
 */
export function isRelevant(filter: WebhookFilter, event: WebhookEvent): boolean {
  const { events } = filter;
  if (!isInside(filter, event)) return false;
  if (events === null || events.has(event.name)) return true;
  const opposite = opposites[event.name];
  return opposite !== null && events.has(opposite);
}

const opposites: Record<WebhookEventName, WebhookEventName | null> = {
  channel_occupied: "channel_vacated",
  channel_vacated: "channel_occupied",
  member_added: "member_removed",
  member_removed: "member_added",
  user_connected: "user_disconnected",
  user_disconnected: "user_connected",
  cache_miss: null,
  client_event: null,
  subscription_count: null,
};

function isInside({ channelPrefix }: WebhookFilter, event: WebhookEvent): boolean {
  return channelPrefix === null || !("channel" in event) || event.channel.startsWith(channelPrefix);
}
