// A client of one node that writes down every message and when it came, and never comes back by itself.
import assert from "node:assert/strict";
import { WebSocket } from "ws";
import { eventName } from "./api.ts";
import { app, signChannel, signUser } from "./app.ts";

export interface Received {
  /** Of `performance.now()`. */
  readonly atMs: number;
  readonly event: string;
  readonly channel?: string;
  /** Decoded, where the wire carried JSON in a string. */
  readonly data: unknown;
  /** The sender of a client event on a presence channel. */
  readonly user_id?: string;
}

export interface Client {
  readonly socketId: string;
  readonly received: readonly Received[];
  readonly isOpen: boolean;
  /** Resolves with the close code. */
  readonly closed: Promise<number>;
  send(event: string, data: unknown, channel?: string): void;
  /** Public or private; resolves when it has succeeded. */
  subscribe(channel: string): Promise<Received>;
  /** A presence channel as this user. */
  join(channel: string, userId: string): Promise<Received>;
  unsubscribe(channel: string): void;
  signIn(userId: string, watchlist?: readonly string[]): Promise<Received>;
  whisper(channel: string, id: string): void;
  /** The first message that fits, come or to come. @throws after `deadlineMs`, with what came instead */
  first(what: string, fits: (message: Received) => boolean, deadlineMs?: number): Promise<Received>;
  /** Resolves once `isSo`, looked at after each message. @throws as `first` */
  until(what: string, isSo: () => boolean, deadlineMs?: number): Promise<void>;
  /** A ping and its pong: what this node had sent before is here now. */
  roundTrip(): Promise<void>;
  /** Ids of the events published to a channel, in the order in which they came. */
  ids(channel: string): string[];
  /** `+user` and `-user` for each `member_added` and `member_removed` in a channel. */
  changes(channel: string): string[];
  /** The same since it subscribed to the channel last. */
  changesOfStay(channel: string): string[];
  /** Who is in a channel as this client has seen. @throws if someone came twice or left without having come */
  members(channel: string): string[];
  close(): Promise<number>;
  /** Drops the TCP connection without a close frame. */
  terminate(): void;
}

/** @throws when the node refuses it or is silent */
export async function connectClient(port: number): Promise<Client> {
  const url = `ws://127.0.0.1:${port}/app/${app.key}?protocol=7`;
  const socket = new WebSocket(url, { perMessageDeflate: false, handshakeTimeout: 5_000 });
  const received: Received[] = [];
  const watchers = new Set<() => void>();
  const wake = (): void => {
    for (const watcher of watchers) watcher();
  };
  socket.on("message", (bytes) => {
    received.push(decode(String(bytes)));
    wake();
  });
  const { promise: closed, resolve: resolveClosed } = Promise.withResolvers<number>();
  socket.on("close", (code) => {
    resolveClosed(code);
    wake();
  });
  const failed: Error[] = [];
  socket.on("error", (error) => failed.push(error));

  const until: Client["until"] = (what, isSo, deadlineMs = 5_000) => {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const done = (): void => {
      clearTimeout(timer);
      watchers.delete(look);
    };
    const fail = (why: string): void => {
      done();
      const others = received.filter(({ event }) => event !== eventName);
      const came = others.slice(-20).map((message) => JSON.stringify(message));
      const cause = new Error(`received last:\n${came.join("\n")}`);
      reject(new Error(`${what}: ${why}`, { cause: failed[0] ?? cause }));
    };
    const look = (): void => {
      if (isSo()) {
        done();
        resolve();
      } else if (socket.readyState === WebSocket.CLOSED) {
        fail("the connection closed");
      }
    };
    const timer = setTimeout(() => fail(`not within ${deadlineMs} ms`), deadlineMs);
    watchers.add(look);
    look();
    return promise;
  };
  const firstFrom = async (
    start: number,
    what: string,
    fits: (message: Received) => boolean,
    deadlineMs?: number,
  ): Promise<Received> => {
    let found: Received | undefined;
    const find = () => (found = received.slice(start).find(fits)) !== undefined;
    await until(what, find, deadlineMs);
    assert.ok(found);
    return found;
  };
  const send: Client["send"] = (event, data, channel) =>
    socket.send(JSON.stringify({ event, data, ...(channel !== undefined && { channel }) }));
  const answerOf = (
    events: readonly string[],
    channel: string | undefined,
    ask: () => void,
  ): Promise<Received> => {
    const start = received.length;
    ask();
    return firstFrom(
      start,
      `${events[0]} ${channel ?? ""}`,
      (message) => events.includes(message.event) && message.channel === channel,
    );
  };

  const subscribe = async (channel: string, signed: object): Promise<Received> => {
    const answer = await answerOf([succeeded, "pusher:subscription_error"], channel, () =>
      send("pusher:subscribe", { channel, ...signed }),
    );
    assert.equal(answer.event, succeeded, JSON.stringify(answer));
    return answer;
  };

  const established = await firstFrom(
    0,
    `a connection to ${port}`,
    ({ event }) => event === "pusher:connection_established",
  );
  const { socket_id: socketId } = established.data as { socket_id: string };
  return {
    socketId,
    received,
    closed,
    get isOpen() {
      return socket.readyState === WebSocket.OPEN;
    },
    send,
    subscribe: (channel) =>
      subscribe(channel, channel.startsWith("private-") ? signChannel(socketId, channel) : {}),
    join: (channel, userId) => {
      const member = { user_id: userId, user_info: { name: userId } };
      return subscribe(channel, signChannel(socketId, channel, member));
    },
    unsubscribe: (channel) => send("pusher:unsubscribe", { channel }),
    signIn: (userId, watchlist = []) =>
      answerOf(["pusher:signin_success"], undefined, () =>
        send("pusher:signin", signUser(socketId, { id: userId, watchlist })),
      ),
    whisper: (channel, id) => send("client-whisper", { id }, channel),
    first: (what, fits, deadlineMs) => firstFrom(0, what, fits, deadlineMs),
    until,
    roundTrip: async () => {
      await answerOf(["pusher:pong"], undefined, () => send("pusher:ping", {}));
    },
    ids: (channel) =>
      received
        .filter((message) => message.event === eventName && message.channel === channel)
        .map(({ data }) => (data as { id: string }).id),
    changes: (channel) => changesIn(received, channel),
    changesOfStay: (channel) =>
      changesIn(
        received.slice(
          received.findLastIndex(
            (message) => message.channel === channel && message.event === succeeded,
          ),
        ),
        channel,
      ),
    members: (channel) => replayMembers(received, channel),
    close: () => {
      socket.close();
      return closed;
    },
    terminate: () => socket.terminate(),
  };
}

const succeeded = "pusher_internal:subscription_succeeded";
const signs: Readonly<Record<string, string>> = {
  "pusher_internal:member_added": "+",
  "pusher_internal:member_removed": "-",
};

function changesIn(received: readonly Received[], channel: string): string[] {
  return received
    .filter((message) => message.channel === channel && message.event in signs)
    .map(({ event, data }) => `${signs[event]}${(data as { user_id: string }).user_id}`);
}

function replayMembers(received: readonly Received[], channel: string): string[] {
  let members = new Set<string>();
  for (const message of received) {
    if (message.channel !== channel) continue;
    if (message.event === succeeded) {
      members = new Set((message.data as { presence: { ids: string[] } }).presence.ids);
      continue;
    }
    if (!(message.event in signs)) continue;
    const { user_id: userId } = message.data as { user_id: string };
    if (message.event === "pusher_internal:member_added") {
      assert.ok(!members.has(userId), `${userId} came to ${channel} twice in a row`);
      members.add(userId);
    } else {
      assert.ok(members.delete(userId), `${userId} left ${channel} without being there`);
    }
  }
  return [...members].toSorted();
}

function decode(text: string): Received {
  const message = JSON.parse(text) as { event: string; channel?: string; data?: unknown };
  const { data } = message;
  return {
    ...message,
    data: typeof data === "string" ? decodeData(data) : data,
    atMs: performance.now(),
  };
}

function decodeData(data: string): unknown {
  try {
    return JSON.parse(data);
  } catch {
    return data;
  }
}
