/** Pusher's PHP SDK as a server of the matrix: one `php` for each call. */

import { join } from "node:path";
import { startChild } from "../../../sidecar/testing/child.ts";
import type { Server } from "./server.ts";

export interface PhpServerOptions {
  /** Where Composer has put it. */
  readonly vendorFolder: string;
  readonly port: number;
  readonly appId: string;
  readonly key: string;
  readonly secret: string;
  readonly encryptionMasterKeyBase64: string;
}

type Argument = string | number | readonly unknown[] | { readonly [name: string]: unknown };

export function phpServer(options: PhpServerOptions): Server {
  const { vendorFolder, port, appId, key, secret, encryptionMasterKeyBase64 } = options;
  /** @throws what PHP wrote, when it failed */
  const call = async <T>(method: string, ...args: readonly Argument[]): Promise<T> => {
    const script = join(import.meta.dirname, "server.php");
    const app = [vendorFolder, String(port), appId, key, secret, encryptionMasterKeyBase64];
    const php = startChild("php", [script, ...app, method, JSON.stringify(args)], {
      cwd: import.meta.dirname,
      env: {},
    });
    const { code } = await php.exited;
    if (code !== 0) throw new Error(`${method} failed:\n${php.lines.join("\n")}`);
    return JSON.parse(php.lines.join("\n")) as T;
  };
  /** Signatures are JSON texts, to be printed as they are. */
  const sign = async <T>(method: string, ...args: readonly Argument[]): Promise<T> =>
    JSON.parse(await call<string>(method, ...args)) as T;

  const eventName = "greeting";
  return {
    eventName,
    publish: async ({ channel, text, except }) => {
      const params = except === undefined ? {} : { socket_id: except };
      await call("trigger", channel, eventName, { text }, params);
    },
    publishToMany: async (channels, text) => {
      await call("trigger", channels, eventName, { text });
    },
    publishBatch: async (events) => {
      const batch = events.map(({ channel, text, except }) => ({
        channel,
        name: eventName,
        data: { text },
        ...(except !== undefined && { socket_id: except }),
      }));
      await call("triggerBatch", batch);
    },
    presenceChannels: async (prefix) => {
      const params = { filter_by_prefix: prefix, info: "user_count" };
      type Channels = Record<string, { user_count: number }>;
      const { channels } = await call<{ channels: Channels | [] }>("getChannels", params);
      // The SDK has made an array of the object: PHP writes an empty one as a list.
      return Array.isArray(channels) ? {} : channels;
    },
    channelInfo: (channel) => call("getChannelInfo", channel, { info: "subscription_count" }),
    users: async (channel) => {
      const { users } = await call<{ users: { id: string }[] }>("getPresenceUsers", channel);
      return users.map(({ id }) => id);
    },
    sendToUser: async (id, text) => {
      await call("sendToUser", id, eventName, { text });
    },
    terminate: async (id) => {
      await call("terminateUserConnections", id);
    },
    webhook: ({ headers, body }) =>
      call(
        "webhook",
        {
          "X-Pusher-Key": headers["x-pusher-key"],
          "X-Pusher-Signature": headers["x-pusher-signature"],
        },
        body,
      ),
    signer: ({ id, name }) => ({
      authorize: (socketId, channel) =>
        channel.startsWith("presence-")
          ? sign("authorizePresenceChannel", channel, socketId, id, { id, name })
          : sign("authorizeChannel", channel, socketId),
      authenticate: (socketId) =>
        sign("authenticateUser", socketId, { id, user_info: { id, name } }),
    }),
  };
}
