/** A client of one node, and what it has seen of channels and their members. */

import assert from "node:assert/strict";
import { WebSocket } from "ws";
import { endsItself, openClient, type Message } from "../../kit/client.ts";
import { app, signChannel, signUser } from "../../kit/sign.ts";
import { eventName } from "./api.ts";

export interface Client {
  readonly socketId: string;
  readonly received: readonly Message[];
  readonly isOpen: boolean;
  /** Resolves with the close code. */
  readonly closed: Promise<number>;
  send(event: string, data: unknown, channel?: string): void;
  /** Public or private; resolves when it has succeeded. */
  subscribe(channel: string): Promise<Message>;
  /** A presence channel as this user. */
  join(channel: string, userId: string): Promise<Message>;
  unsubscribe(channel: string): void;
  signIn(userId: string, watchlist?: readonly string[]): Promise<Message>;
  whisper(channel: string, id: string): void;
  /** The first message that fits, come or to come. @throws after `deadlineMs`, with what came instead */
  first(what: string, fits: (message: Message) => boolean, deadlineMs?: number): Promise<Message>;
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

/**
 * @param token by which it is recognized when it comes back; without one it is not
 * @throws when the node refuses it or is silent
 */
export async function connectClient(port: number, token?: string): Promise<Client> {
  const {
    socket,
    frames: received,
    say,
    first,
    close,
  } = openClient(endsItself, port, {
    path: `${token === undefined ? "" : `/r/${token}`}/app/${app.key}?protocol=7`,
    perMessageDeflate: false,
    handshakeTimeout: 5_000,
  });
  const closed = close.then(({ code }) => code);
  const firstFrom = (
    start: number,
    what: string,
    fits: (message: Message) => boolean,
    deadlineMs = 5_000,
  ): Promise<Message> => first(what, () => received.slice(start).find(fits), deadlineMs);
  const answerOf = (
    events: readonly string[],
    channel: string | undefined,
    ask: () => void,
  ): Promise<Message> => {
    const start = received.length;
    ask();
    return firstFrom(
      start,
      `${events[0]} ${channel ?? ""}`,
      (message) => events.includes(message.event) && message.channel === channel,
    );
  };
  const subscribe = async (channel: string, proof: object): Promise<Message> => {
    const answer = await answerOf([succeeded, "pusher:subscription_error"], channel, () =>
      say("pusher:subscribe", { channel, ...proof }),
    );
    assert.equal(answer.event, succeeded, answer.text);
    return answer;
  };

  const isEstablished = ({ event }: Message) => event === "pusher:connection_established";
  const { data } = await firstFrom(0, `a connection to ${port}`, isEstablished);
  const { socket_id: socketId } = data as { socket_id: string };
  return {
    socketId,
    received,
    closed,
    get isOpen() {
      return socket.readyState === WebSocket.OPEN;
    },
    send: say,
    subscribe: (channel) =>
      subscribe(channel, channel.startsWith("private-") ? signChannel(app, socketId, channel) : {}),
    join: (channel, userId) => {
      const member = { user_id: userId, user_info: { name: userId } };
      return subscribe(channel, signChannel(app, socketId, channel, member));
    },
    unsubscribe: (channel) => say("pusher:unsubscribe", { channel }),
    signIn: (userId, watchlist = []) =>
      answerOf(["pusher:signin_success"], undefined, () =>
        say("pusher:signin", signUser(app, socketId, { id: userId, watchlist })),
      ),
    whisper: (channel, id) => say("client-whisper", { id }, channel),
    first: (what, fits, deadlineMs) => firstFrom(0, what, fits, deadlineMs),
    until: async (what, isSo, deadlineMs = 5_000) => {
      await first(what, () => isSo() || undefined, deadlineMs);
    },
    roundTrip: async () => {
      await answerOf(["pusher:pong"], undefined, () => say("pusher:ping"));
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

function changesIn(received: readonly Message[], channel: string): string[] {
  return received
    .filter((message) => message.channel === channel && message.event in signs)
    .map(({ event, data }) => `${signs[event]}${(data as { user_id: string }).user_id}`);
}

function replayMembers(received: readonly Message[], channel: string): string[] {
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
