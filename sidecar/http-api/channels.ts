/** `GET …/channels`, `…/channels/{name}`, `…/channels/{name}/users` and `…/connections` (rows G). */

import { describeChannel, parseInfo } from "./channel-info.ts";
import { json } from "./reply.ts";
import type { ApiHandler } from "./router.ts";

export const listChannels: ApiHandler = ({ hub, query }) => {
  const prefix = query.get("filter_by_prefix") ?? "";
  const info = parseInfo(query.get("info"));
  const channels: Record<string, unknown> = Object.create(null);
  for (const channel of hub.channels()) {
    if (channel.name.startsWith(prefix)) channels[channel.name] = describeChannel(channel, info);
  }
  return json(200, { channels });
};

export const showChannel: ApiHandler = ({ hub, params, query }) => {
  const channel = hub.channel(params["channel"] ?? "");
  const info = parseInfo(query.get("info"));
  return json(200, { occupied: channel !== undefined, ...describeChannel(channel, info) });
};

export const listUsers: ApiHandler = ({ hub, params }) => {
  const channel = hub.channel(params["channel"] ?? "");
  if (!channel) return json(404, {});
  if (!channel.presence) return json(400, {});
  const users = [...channel.presence.members()].map(({ userId }) => ({ id: userId }));
  return json(200, { users });
};

export const countConnections: ApiHandler = ({ hub }) =>
  json(200, { connections: hub.countSubscribed() });
