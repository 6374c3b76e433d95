/** Pusher's Node SDK as a server of the matrix. */

import type PusherServer from "pusher";
import type { Server } from "./server.ts";

export function nodeServer(sdk: PusherServer): Server {
  const ask = async <T>(path: string, params: Record<string, string> = {}): Promise<T> =>
    (await sdk.get({ path, params })).json() as Promise<T>;
  const eventName = "greeting";
  return {
    eventName,
    publish: async ({ channel, text, except }) => {
      await sdk.trigger(
        channel,
        eventName,
        { text },
        except === undefined ? {} : { socket_id: except },
      );
    },
    publishToMany: async (channels, text) => {
      await sdk.trigger([...channels], eventName, { text });
    },
    publishBatch: async (events) => {
      const batch = events.map(({ channel, text, except }) => ({
        channel,
        name: eventName,
        data: { text },
        ...(except !== undefined && { socket_id: except }),
      }));
      await sdk.triggerBatch(batch);
    },
    presenceChannels: async (prefix) => {
      const params = { filter_by_prefix: prefix, info: "user_count" };
      const answer = await ask<{ channels: Record<string, { user_count: number }> }>(
        "/channels",
        params,
      );
      return answer.channels;
    },
    channelInfo: (channel) => ask(`/channels/${channel}`, { info: "subscription_count" }),
    users: async (channel) => {
      const { users } = await ask<{ users: { id: string }[] }>(`/channels/${channel}/users`);
      return users.map(({ id }) => id);
    },
    sendToUser: async (id, text) => {
      await sdk.sendToUser(id, eventName, { text });
    },
    terminate: async (id) => {
      await sdk.terminateUserConnections(id);
    },
    webhook: async ({ headers, body }) => {
      const webhook = sdk.webhook({ headers, rawBody: body });
      if (!webhook.isValid()) throw new Error("Received WebHook with invalid signature");
      return webhook.getEvents();
    },
    signer: ({ id, name }) => ({
      authorize: async (socketId, channel) =>
        channel.startsWith("presence-")
          ? sdk.authorizeChannel(socketId, channel, { user_id: id, user_info: { id, name } })
          : sdk.authorizeChannel(socketId, channel),
      authenticate: async (socketId) =>
        sdk.authenticateUser(socketId, { id, user_info: { id, name } }),
    }),
  };
}
