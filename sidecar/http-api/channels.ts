/** `GET …/channels`, `…/channels/{name}`, `…/channels/{name}/users` and `…/connections` (rows G), for all nodes. */

import { channelKind } from "../core/channel-name.ts";
import { describeChannel, parseInfo } from "./channel-info.ts";
import type { ApiHandler } from "./handler.ts";
import { json, unavailable } from "./reply.ts";

export const listChannels: ApiHandler = async ({ hub, broker, query }) => {
  const prefix = query.get("filter_by_prefix") ?? "";
  const info = parseInfo(query.get("info"));
  const found = await hub.presence.findChannels({ prefix });
  if (!found.ok) return unavailable();
  const channels: Record<string, unknown> = Object.create(null);
  for (const channel of found.value) {
    channels[channel.name] = await describeChannel(channel.name, channel, { info, hub, broker });
  }
  return json(200, { channels });
};

export const showChannel: ApiHandler = async ({ hub, broker, params, query }) => {
  const name = params["channel"] ?? "";
  const info = parseInfo(query.get("info"));
  const found = await hub.presence.findChannels({ names: [name] });
  if (!found.ok) return unavailable();
  const channel = found.value[0] ?? "vacant";
  const attributes = await describeChannel(name, channel, { info, hub, broker });
  return json(200, { occupied: channel !== "vacant", ...attributes });
};

export const listUsers: ApiHandler = async ({ hub, params }) => {
  const name = params["channel"] ?? "";
  const [channels, members] = await Promise.all([
    hub.presence.findChannels({ names: [name] }),
    hub.presence.findMembers(name),
  ]);
  if (!channels.ok || !members.ok) return unavailable();
  if (channels.value.length === 0) return json(404, {});
  if (channelKind(name).access !== "presence") return json(400, {});
  return json(200, { users: members.value.map(({ userId }) => ({ id: userId })) });
};

export const countConnections: ApiHandler = async ({ hub }) => {
  const connections = await hub.presence.countConnections();
  return connections.ok ? json(200, { connections: connections.value }) : unavailable();
};
