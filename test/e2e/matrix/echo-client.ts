/** A client over Laravel Echo and the pusher-js below it, any version of either. */

import type Echo from "laravel-echo";
import { inbox } from "../support/inbox.ts";
import type { Inbox } from "../support/inbox.ts";
import { outcomeReaders } from "./client.ts";
import type { Client, ClientChannel, ClientOptions, Outcome, Person } from "./client.ts";
import { clientOver, pusherOptions } from "./pusher-js-client.ts";
import type { PusherClass } from "./pusher-js-client.ts";

export type EchoClass = typeof Echo;

/** @param alias its name in node_modules: several versions are installed at once */
export async function loadEcho(alias: string): Promise<EchoClass> {
  const { default: found } = (await import(alias)) as { default: EchoClass | CommonJs };
  return "default" in found ? found.default : found;
}

/** Echo 1, as Node sees it. */
interface CommonJs {
  readonly default: EchoClass;
}

export function echoClient(
  Library: EchoClass,
  Pusher: PusherClass,
  options: ClientOptions,
): Client {
  const { key, authEndpoint, userAuthEndpoint, bearerToken } = options;
  const echo: EchoOfReverb = new Library({
    broadcaster: "reverb",
    key,
    ...pusherOptions(options),
    authEndpoint,
    bearerToken,
    // Objects of its own: Echo 2 writes the token into its defaults, where all instances would share it.
    auth: { headers: {} },
    userAuthentication: { endpoint: userAuthEndpoint, transport: "ajax", headers: {} },
    Pusher: Pusher as never,
  });
  const { connector } = echo;
  return {
    ...clientOver(connector.pusher),
    channel: (name) => channelOver(subscribe(echo, name), () => echo.leaveChannel(name)),
  };
}

/** With Echo's own methods, which put the prefix before the name. */
function subscribe(echo: EchoOfReverb, name: string): EchoChannel {
  const row = prefixes.find(([prefix]) => name.startsWith(prefix));
  if (row === undefined) return echo.channel(name);
  const [prefix, method] = row;
  return echo[method](name.slice(prefix.length));
}

const prefixes = [
  ["private-encrypted-", "encryptedPrivate"],
  ["private-", "private"],
  ["presence-", "join"],
] as const;

function channelOver(channel: EchoChannel, leave: () => void): ClientChannel {
  const { name } = channel;
  const outcomes = inbox<Outcome>(`the answer to the subscribe to ${name}`);
  const here = inbox<readonly Person[]>("here()");
  const joined = inbox<Person>("joining()");
  const left = inbox<Person>("leaving()");
  const subscriptionCounts = inbox<number>("pusher:subscription_count");

  channel.here?.(here.take).joining(joined.take).leaving(left.take);
  channel.subscribed(() => outcomes.take({ ok: true }));
  channel.error((refusal: { error: string; status?: number }) => {
    outcomes.take({ ok: false, ...refusal });
  });
  /** The dot: a name as it is on the wire, without Laravel's namespace. */
  const events = (event: string): Inbox<unknown> => {
    const taken = inbox<unknown>(`${event} on ${name}`);
    channel.listen(`.${event}`, taken.take);
    return taken;
  };
  channel.listen(".pusher:subscription_count", (data: { subscription_count: number }) => {
    subscriptionCounts.take(data.subscription_count);
  });
  return {
    ...outcomeReaders(outcomes),
    onSubscribed: (callback) => void channel.subscribed(callback),
    events,
    clientEvents: (event) => {
      const taken = inbox<unknown>(`the whisper ${event} on ${name}`);
      channel.listenForWhisper(event, taken.take);
      return taken;
    },
    sendClientEvent: (event, data) => void channel.whisper?.(event, data),
    here,
    joined,
    left,
    cacheMisses: events("pusher:cache_miss"),
    subscriptionCounts,
    leave,
  };
}

type EchoOfReverb = Echo<"reverb">;
type EchoChannel = ReturnType<EchoOfReverb["channel"]> & {
  whisper?(event: string, data: object): unknown;
  here?(callback: (members: Person[]) => void): {
    joining(callback: (member: Person) => void): {
      leaving(callback: (member: Person) => void): unknown;
    };
  };
};
