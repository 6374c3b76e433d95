/** An app's limits in words: what would have been allowed in place of what was refused. */

import type { App, Rate } from "../core/app.ts";
import { channelNameRule } from "../core/channel-name.ts";
import type { ErrorReason } from "../core/errors.ts";
import type { PublishFault } from "../core/ports.ts";
import { maxWatchlist } from "../core/signin.ts";

/** By the reason of an error that a client was sent. */
export const errorLimits: Readonly<Partial<Record<ErrorReason, (app: App) => string | null>>> = {
  invalid_channel_name: () => channelNameRule,
  not_a_member: ({ acceptClientEventsFrom }) =>
    `a subscribe to the channel before (client events are taken from ${acceptClientEventsFrom})`,
  client_event_not_allowed_here: () => "a private or presence channel without encryption",
  client_events_disabled: () => "no client event: they are taken from none",
  client_event_rate_exceeded: ({ clientEventRate }) => rateText(clientEventRate),
  rate_limit_exceeded: ({ messageRate }) => messageRate && rateText(messageRate),
  rate_limit_terminated: ({ messageRate }) => messageRate && rateText(messageRate),
  too_many_channels: (app) => atMost(app.maxChannelsPerConnection, "channels on one connection"),
  presence_channel_full: (app) => atMost(app.maxPresenceMembers, "members"),
  member_too_large: (app) => atMost(app.maxPresenceMemberBytes, "bytes of channel_data"),
  watchlist_too_long: () => atMost(maxWatchlist, "users"),
  message_too_long: (app) => atMost(app.maxMessageBytes, "bytes"),
  event_name_too_long: (app) => atMost(app.maxEventNameLength, "characters"),
  event_data_too_large: (app) => atMost(app.maxEventDataBytes, "bytes"),
  invalid_message_format: () =>
    `JSON such as {"event": "pusher:subscribe", "data": {"channel": "news"}}`,
};

export const publishLimits: Readonly<Partial<Record<PublishFault, (app: App) => string | null>>> = {
  too_many_channels: (app) => atMost(app.maxChannelsPerPublish, "channels"),
  invalid_channel: () => channelNameRule,
  channel_too_long: () => channelNameRule,
  event_too_long: (app) => atMost(app.maxEventNameLength, "characters"),
  payload_too_large: (app) => atMost(app.maxEventDataBytes, "bytes of data"),
  rate_limited: ({ publishRate }) => publishRate && rateText(publishRate),
};

function rateText({ perSecond, burst }: Rate): string {
  return `at most ${perSecond} a second, and ${burst} at once`;
}

export function atMost(count: number | null, what: string): string | null {
  return count === null ? null : `at most ${count.toLocaleString("en")} ${what}`;
}
