/** A client over pusher-js, any version, as Node loads it. */

import { createRequire } from "node:module";
import type { PresenceChannel } from "pusher-js";
import { inbox } from "../support/inbox.ts";
import type { Channel, Pusher } from "../support/pusher-js.ts";
import { outcomeReaders } from "./client.ts";
import type {
  Client,
  ClientChannel,
  ClientError,
  ClientOptions,
  Outcome,
  Person,
} from "./client.ts";

export type PusherClass = typeof Pusher;

/** @param alias its name in node_modules: several versions are installed at once */
export function loadPusherJs(alias: string): PusherClass {
  const Library = createRequire(import.meta.url)(alias) as PusherClass;
  const { Runtime } = Library;
  const { createWebSocket } = Runtime;
  Runtime.createWebSocket = (url) => {
    const socket = createWebSocket.call(Runtime, url) as unknown as WebSocket;
    const close = socket.close.bind(socket);
    // The WebSocket that it brings for Node would wait 30 s for the close of a socket that is closed.
    socket.close = (...args) => {
      if (socket.readyState !== WebSocket.CLOSED) close(...args);
    };
    return socket as unknown as ReturnType<typeof createWebSocket>;
  };
  return Library;
}

export function pusherJsClient(Library: PusherClass, options: ClientOptions): Client {
  const headers = { Authorization: `Bearer ${options.bearerToken}` };
  const pusher = new Library(options.key, {
    ...pusherOptions(options),
    channelAuthorization: { endpoint: options.authEndpoint, transport: "ajax", headers },
    userAuthentication: { endpoint: options.userAuthEndpoint, transport: "ajax", headers },
  });
  return {
    ...clientOver(pusher),
    channel: (name) => channelOver(pusher.subscribe(name), () => pusher.unsubscribe(name)),
  };
}

/** What pusher-js needs in order to find the sidecar; Echo hands it on. */
export function pusherOptions({ host, port }: ClientOptions) {
  return {
    cluster: "",
    wsHost: host,
    wsPort: port,
    forceTLS: false,
    enabledTransports: ["ws" as const],
  };
}

/** All but the channels: what Echo leaves to pusher-js. */
export function clientOver(pusher: Pusher): Omit<Client, "channel"> {
  const connections = inbox<string>("the connection");
  const signins = inbox<string>("pusher:signin_success");
  const watchlist = inbox<string>("a watchlist event");
  const errors = inbox<ClientError>("an error");
  const { connection, user } = pusher;
  const { promise: gaveUp, resolve: giveUp } = Promise.withResolvers<void>();

  connection.bind("connected", () => connections.take(connection.socket_id));
  // Its last state: after a close that it comes back from it is "connecting" or "unavailable".
  connection.bind("disconnected", () => giveUp());
  connection.bind("error", (error: PusherJsError) => {
    const { code, message } = error.data ?? error.error?.data ?? {};
    errors.take({ code, message: message ?? JSON.stringify(error) });
  });
  // Of the connection, not of the pusher: that one tells before the user is set.
  connection.bind("message", ({ event }: { event: string }) => {
    if (event === "pusher:signin_success") signins.take((user.user_data as { id: string }).id);
  });
  user.bind("pusher:signin_error", (error: object) => {
    errors.take({ code: undefined, message: JSON.stringify(error) });
  });
  for (const name of ["online", "offline"]) {
    user.watchlist.bind(name, ({ user_ids }: { user_ids: string[] }) => {
      for (const id of user_ids) watchlist.take(`${name} ${id}`);
    });
  }
  return {
    connected: () => connections.next(),
    signIn: () => {
      pusher.signin();
      return signins.next();
    },
    signedInAgain: () => signins.next(),
    userEvents: (event) => {
      const events = inbox<unknown>(`${event} to the user`);
      user.bind(event, events.take);
      return events;
    },
    watchlist,
    errors,
    gaveUp: () => gaveUp,
    close: () => pusher.disconnect(),
  };
}

function channelOver(channel: Channel, leave: () => void): ClientChannel {
  const outcomes = inbox<Outcome>(`the answer to the subscribe to ${channel.name}`);
  const here = inbox<readonly Person[]>("the members");
  const joined = inbox<Person>("pusher:member_added");
  const left = inbox<Person>("pusher:member_removed");
  const cacheMisses = inbox<unknown>("pusher:cache_miss");
  const subscriptionCounts = inbox<number>("pusher:subscription_count");

  channel.bind("pusher:subscription_succeeded", () => {
    if (channel.name.startsWith("presence-")) here.take(membersOf(channel as PresenceChannel));
    outcomes.take({ ok: true });
  });
  channel.bind("pusher:subscription_error", (refusal: { error: string; status?: number }) => {
    outcomes.take({ ok: false, ...refusal });
  });
  channel.bind("pusher:member_added", ({ info }: { info: Person }) => joined.take(info));
  channel.bind("pusher:member_removed", ({ info }: { info: Person }) => left.take(info));
  channel.bind("pusher:cache_miss", cacheMisses.take);
  channel.bind("pusher:subscription_count", (data: { subscription_count: number }) => {
    subscriptionCounts.take(data.subscription_count);
  });
  const events = (event: string) => {
    const taken = inbox<unknown>(`${event} on ${channel.name}`);
    channel.bind(event, taken.take);
    return taken;
  };
  return {
    ...outcomeReaders(outcomes),
    onSubscribed: (callback) => channel.bind("pusher:subscription_succeeded", callback),
    events,
    clientEvents: (event) => events(`client-${event}`),
    sendClientEvent: (event, data) => channel.trigger(`client-${event}`, data),
    here,
    joined,
    left,
    cacheMisses,
    subscriptionCounts,
    leave,
  };
}

function membersOf({ members }: PresenceChannel): readonly Person[] {
  const people: Person[] = [];
  members.each(({ info }: { info: Person }) => people.push(info));
  return people;
}

interface PusherError {
  readonly data?: { readonly code?: number; readonly message?: string };
}
/** An error message comes as it is, that of a close inside another. */
type PusherJsError = PusherError & { readonly error?: PusherError };
