/** What `info` asks for about a channel (Pusher: "HTTP API", channel attributes; combinations as in Reverb). */

import { channelKind } from "../core/channel-name.ts";
import type { Hub } from "../core/hub.ts";
import type { Broker } from "../core/ports.ts";

/** `info` as sent: names in a comma list; unknown names are ignored. */
export function parseInfo(info: string | undefined): ReadonlySet<string> {
  return new Set((info ?? "").split(",").map((name) => name.trim()));
}

/**
 * `user_count` for occupied presence channels, `subscription_count` for all other occupied ones, `cache` (the last
 * event's data and the seconds for which it is still kept) for cache channels that have one.
 */
export async function describeChannel(
  name: string,
  info: ReadonlySet<string>,
  { hub, broker }: { hub: Hub; broker: Broker },
): Promise<Record<string, unknown>> {
  const channel = hub.channel(name);
  const attributes: Record<string, unknown> = {};
  if (channel?.presence && info.has("user_count")) {
    attributes["user_count"] = channel.presence.userCount;
  }
  if (channel && !channel.presence && info.has("subscription_count")) {
    attributes["subscription_count"] = channel.connections.size;
  }
  if (info.has("cache") && channelKind(name).cache) {
    const cached = await broker.lastEvent(hub.app.id, name);
    if (cached) {
      const data: unknown = JSON.parse(cached.event.dataJson);
      attributes["cache"] = { data, ttl: Math.ceil(cached.ttlMs / 1000) };
    }
  }
  return attributes;
}
