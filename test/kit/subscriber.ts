/** A page's pusher-js in Node: subscribed to private channels, back by itself, and it keeps the numbers that come. */

import { randomUUID } from "node:crypto";
import { request } from "node:http";
import type { PusherClass } from "../e2e/matrix/pusher-js-client.ts";
import { eventName } from "./numbered.ts";

export interface Subscriber {
  /** Numbers as they came, by channel. */
  readonly seen: ReadonlyMap<string, readonly number[]>;
  /** Reasons of `pogo:gap`, by channel. */
  readonly gaps: ReadonlyMap<string, readonly string[]>;
  /** All of its channels are subscribed. */
  readonly isBack: boolean;
  /** How often it was away. */
  readonly absences: number;
  leave(): void;
}

export interface SubscriberOptions {
  readonly Library: PusherClass;
  readonly host?: string;
  readonly port: number;
  readonly key: string;
  readonly channels: readonly string[];
  /** Says who it is in its path, as a page does with Echo's `wsPath`. */
  readonly hasToken: boolean;
  readonly authorize: Authorize;
  /** It closes a line on which nothing comes for so long, twice. @default as pusher-js does */
  readonly impatienceMs?: number | undefined;
}

/** Calls back once, as pusher-js has it: an error, or what the app has signed. */
export type Authorize = (
  socketId: string,
  channel: string,
  done: (error: Error | null, proof: { auth: string } | null) => void,
) => void;

export function openSubscriber(options: SubscriberOptions): Subscriber {
  const { Library, host = "127.0.0.1", port, key, channels, hasToken, authorize } = options;
  const { impatienceMs: patience } = options;
  const seen = new Map(channels.map((channel) => [channel, [] as number[]]));
  const gaps = new Map(channels.map((channel) => [channel, [] as string[]]));
  const live = new Set<string>();
  let absences = 0;
  const pusher = new Library(key, {
    cluster: "",
    wsHost: host,
    wsPort: port,
    forceTLS: false,
    enabledTransports: ["ws"],
    ...(hasToken && { wsPath: `/r/${randomUUID()}` }),
    ...(patience !== undefined && { activityTimeout: patience, pongTimeout: patience }),
    channelAuthorization: {
      endpoint: "",
      transport: "ajax",
      customHandler: ({ socketId, channelName }, callback) =>
        authorize(socketId, channelName, callback),
    },
  });
  // Not "error": it comes too where one of several attempts to connect has failed.
  pusher.connection.bind("state_change", ({ previous }: { previous: string }) => {
    if (previous !== "connected") return;
    absences += Number(live.size === channels.length);
    live.clear();
  });
  for (const name of channels) {
    const channel = pusher.subscribe(name);
    channel.bind("pusher:subscription_succeeded", () => live.add(name));
    channel.bind(eventName, ({ n }: { n: number }) => seen.get(name)?.push(n));
    channel.bind("pogo:gap", ({ reason }: { reason: string }) => gaps.get(name)?.push(reason));
  }
  return {
    seen,
    gaps,
    get isBack() {
      return live.size === channels.length;
    },
    get absences() {
      return absences;
    },
    leave: () => pusher.disconnect(),
  };
}

/** Asks `/broadcasting/auth` at this port, each time over a connection of its own. @param origin of a page */
export function askedAt(port: number, user: string, origin?: string): Authorize {
  const headers = {
    "Content-Type": "application/x-www-form-urlencoded",
    Cookie: `session=${user}`,
    ...(origin !== undefined && { Origin: origin }),
  };
  return (socketId, channel, done) => {
    const options = { port, path: "/broadcasting/auth", method: "POST", headers, agent: false };
    const asking = request(options, (response) => {
      let text = "";
      response.on("data", (chunk) => (text += String(chunk)));
      response.once("end", () => {
        if (response.statusCode === 200) done(null, JSON.parse(text));
        else done(new Error(`/broadcasting/auth answered ${response.statusCode}`), null);
      });
    });
    asking.once("error", (error) => done(error, null));
    asking.end(`socket_id=${socketId}&channel_name=${channel}`);
  };
}
