/** `GET …/channels`, `…/channels/{name}`, `…/channels/{name}/users` and `…/connections` (rows G). */

import { describeChannel, parseInfo } from "./channel-info.ts";
import { json } from "./reply.ts";
import type { ApiHandler } from "./handler.ts";

export const listChannels: ApiHandler = async (request) => {
  const { hub, query } = request;
  const prefix = query.get("filter_by_prefix") ?? "";
  const info = parseInfo(query.get("info"));
  const channels: Record<string, unknown> = Object.create(null);
  for (const channel of hub.channels()) {
    if (!channel.name.startsWith(prefix)) continue;
    channels[channel.name] = await describeChannel(channel.name, info, request);
  }
  return json(200, { channels });
};

export const showChannel: ApiHandler = async (request) => {
  const name = request.params["channel"] ?? "";
  const occupied = request.hub.channel(name) !== undefined;
  const attributes = await describeChannel(name, parseInfo(request.query.get("info")), request);
  return json(200, { occupied, ...attributes });
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
