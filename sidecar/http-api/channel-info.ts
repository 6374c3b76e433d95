/** What `info` asks for about a channel (Pusher: "HTTP API", channel attributes; combinations as in Reverb). */

import { channelKind } from "../core/channel-name.ts";
import type { Hub } from "../core/hub.ts";
import type { Broker } from "../core/ports.ts";
import type { ChannelSummary } from "../core/presence-store.ts";

/** `info` as sent: names in a comma list; unknown names are ignored. */
export function parseInfo(info: string | undefined): ReadonlySet<string> {
  return new Set((info ?? "").split(",").map((name) => name.trim()));
}

/** What was found of a channel: somebody is in it, nobody is, or nobody can say. */
export type FoundChannel = ChannelSummary | "vacant" | "unknown";

/**
 * `occupied`; `user_count` of presence channels, `subscription_count` of all others; `cache` (the last event's data and
 * the seconds for which it is still kept) of cache channels that have one. What nobody can say is left out.
 */
export async function describeChannel(
  name: string,
  channel: FoundChannel,
  { info, hub, broker }: { info: ReadonlySet<string>; hub: Hub; broker: Broker },
): Promise<Record<string, unknown>> {
  const kind = channelKind(name);
  const attributes: Record<string, unknown> = {};
  if (channel !== "unknown") {
    const counts = channel === "vacant" ? { userCount: 0, subscriptionCount: 0 } : channel;
    if (info.has("occupied")) attributes["occupied"] = channel !== "vacant";
    if (kind.access === "presence" && info.has("user_count")) {
      attributes["user_count"] = counts.userCount;
    }
    if (kind.access !== "presence" && info.has("subscription_count")) {
      attributes["subscription_count"] = counts.subscriptionCount;
    }
  }
  if (info.has("cache") && kind.cache) {
    const cached = await broker.lastEvent(hub.app.id, name);
    if (cached) {
      const data: unknown = JSON.parse(cached.event.dataJson);
      attributes["cache"] = { data, ttl: Math.ceil(cached.ttlMs / 1000) };
    }
  }
  return attributes;
}

/** What `info` asks for about each of these channels, in their order. */
export async function describeChannels(
  names: readonly string[],
  request: { info: ReadonlySet<string>; hub: Hub; broker: Broker },
): Promise<Record<string, unknown>[]> {
  const found = await request.hub.presence.findChannels({ names });
  const channels = new Map((found.ok ? found.value : []).map((channel) => [channel.name, channel]));
  const other = found.ok ? "vacant" : "unknown";
  return Promise.all(
    names.map((name) => describeChannel(name, channels.get(name) ?? other, request)),
  );
}
