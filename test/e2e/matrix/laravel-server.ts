/** Laravel as a server of the matrix: its own `reverb` broadcaster, its own signatures, behind the sidecar. */

import type { HttpClient } from "../support/http-client.ts";
import { json } from "../support/http-client.ts";
import { broadcast } from "../support/stack.ts";
import type { BroadcastRequest, Stack } from "../support/stack.ts";
import type { Person } from "./client.ts";
import type { Server } from "./server.ts";

export function laravelServer(stack: Stack): Server {
  const sessions = new Map<string, Promise<HttpClient>>();
  const session = ({ id }: Person): Promise<HttpClient> => {
    const known = sessions.get(id) ?? stack.visitor(Number(id));
    sessions.set(id, known);
    return known;
  };
  const ask = async <T>(person: Person, path: string, body: Record<string, string>): Promise<T> => {
    const response = await (await session(person)).post(path, body);
    if (!response.ok) throw new Error(`${path} answered ${response.status}`);
    return json<T>(response);
  };
  return {
    eventName: "App\\Events\\MessageSent",
    publish: async ({ channel, text, except }) => {
      const event = { ...asLaravelNamesIt(channel), text, others: except !== undefined };
      await broadcast(await session(publisher), event, except);
    },
    publishToMany: async (channels, text) => {
      await stack.laravel.artisan("broadcast:to-many", text, ...channels);
    },
    publishBatch: notThere,
    presenceChannels: notThere,
    channelInfo: notThere,
    users: notThere,
    sendToUser: notThere,
    terminate: notThere,
    webhook: notThere,
    signer: (person) => ({
      authorize: (socketId, channel) =>
        ask(person, "/broadcasting/auth", { socket_id: socketId, channel_name: channel }),
      authenticate: (socketId) => ask(person, "/broadcasting/user-auth", { socket_id: socketId }),
    }),
  };
}

/** Anybody with a session: the route wants a CSRF token. */
const publisher: Person = { id: "3", name: "Linus" };

/** Its broadcasters have one method for events, `broadcast()`, and no others. */
async function notThere(): Promise<never> {
  throw new Error("Laravel has no call for it");
}

/** It has a class for each kind, which puts the prefix before the name. */
function asLaravelNamesIt(name: string): Pick<BroadcastRequest, "kind" | "channel"> {
  const [prefix, kind] = prefixes.find(([prefix]) => name.startsWith(prefix)) ?? ["", "public"];
  return { kind, channel: name.slice(prefix.length) };
}

const prefixes: readonly (readonly [prefix: string, kind: BroadcastRequest["kind"]])[] = [
  ["private-encrypted-", "encrypted"],
  ["private-", "private"],
  ["presence-", "presence"],
];
