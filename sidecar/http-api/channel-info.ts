/** What `info` asks for about a channel (Pusher: "HTTP API", channel attributes; combinations as in Reverb). */

import type { Channel } from "../core/channel.ts";

/** `info` as sent: names in a comma list; unknown names are ignored. */
export function parseInfo(info: string | undefined): ReadonlySet<string> {
  return new Set((info ?? "").split(",").map((name) => name.trim()));
}

/** `user_count` for presence channels only, `subscription_count` for all others; a vacant channel has neither. */
export function describeChannel(
  channel: Channel | undefined,
  info: ReadonlySet<string>,
): Record<string, unknown> {
  if (!channel) return {};
  const { presence, connections } = channel;
  if (presence) return info.has("user_count") ? { user_count: presence.userCount } : {};
  return info.has("subscription_count") ? { subscription_count: connections.size } : {};
}
