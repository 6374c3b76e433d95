/** A client as the native SDKs are: strict about the wire, signs in and subscribes again after a reconnect. */

import nacl from "tweetnacl";
import { WebSocket } from "ws";
import { inbox } from "../support/inbox.ts";
import type { Inbox } from "../support/inbox.ts";
import { outcomeReaders } from "./client.ts";
import type {
  Client,
  ClientChannel,
  ClientError,
  ClientOptions,
  Outcome,
  Person,
} from "./client.ts";
import { afterClose, decoders, readMessage } from "./native-wire.ts";
import type {
  Decoder,
  Established,
  NativeMessage,
  Presence,
  ProtocolError,
} from "./native-wire.ts";

interface ChannelAuth {
  readonly auth: string;
  readonly channel_data?: string;
  readonly shared_secret?: string;
}

/** Who signs: the app's endpoint, unless the test does it with an SDK of its own. */
export interface Signer {
  authorize(socketId: string, channel: string): Promise<ChannelAuth>;
  authenticate(socketId: string): Promise<{ auth: string; user_data: string }>;
}

const pauseMs = 1_000;

/** A message that breaks the wire's rules is an error without a code, and the end. */
export function nativeClient(
  options: ClientOptions,
  signer = endpointSigner(options),
  decoder: Decoder = decoders.swift,
): Client {
  const { host, port, key } = options;
  const url = `ws://${host}:${port}/app/${key}?client=${decoder.client}&version=1.0&protocol=7`;
  const connections = inbox<string>("the connection");
  const signins = inbox<string>("pusher:signin_success");
  const watchlist = inbox<string>("a watchlist event");
  const errors = inbox<ClientError>("an error");
  const userEvents = new Map<string, Inbox<unknown>>();
  const channels = new Map<string, NativeChannel>();
  const { promise: gaveUp, resolve: giveUp } = Promise.withResolvers<void>();
  let socket: WebSocket;
  let socketId: string | undefined;
  let wantsUser = false;
  let isOver = false;
  let pause: NodeJS.Timeout | undefined;

  const send = (event: string, data: object, channel?: string): void =>
    socket.send(JSON.stringify({ event, data, channel }));

  const signIn = async (): Promise<void> => {
    if (socketId === undefined) return;
    const { auth, user_data } = await signer.authenticate(socketId);
    send("pusher:signin", { auth, user_data });
  };
  const subscribe = async (channel: NativeChannel): Promise<void> => {
    if (socketId === undefined) return;
    const { name } = channel;
    if (!/^(private|presence)-/.test(name)) return send("pusher:subscribe", { channel: name });
    const { auth, channel_data, shared_secret } = await signer.authorize(socketId, name);
    if (shared_secret !== undefined) channel.key = Buffer.from(shared_secret, "base64");
    send("pusher:subscribe", { channel: name, auth, channel_data });
  };
  const attempt = (action: Promise<void>): void => {
    void action.catch((error: unknown) => {
      errors.take({ code: undefined, message: String(error) });
    });
  };

  const established = ({ socket_id }: Established): void => {
    socketId = socket_id;
    connections.take(socket_id);
    if (wantsUser) attempt(signIn());
    for (const channel of channels.values()) attempt(subscribe(channel));
  };
  const dispatch = ({ event, channel, data }: NativeMessage): void => {
    if (event === "pusher:ping") return send("pusher:pong", {});
    if (event === "pusher:connection_established") return established(data as Established);
    if (event === "pusher:error") return errors.take(data as ProtocolError);
    if (event === "pusher:signin_success") {
      const { id } = JSON.parse((data as { user_data: string }).user_data) as Person;
      send("pusher:subscribe", { channel: `#server-to-user-${id}` });
      return signins.take(id);
    }
    if (event === "pusher_internal:watchlist_events") {
      const { events } = data as { events: { name: string; user_ids: string[] }[] };
      for (const { name, user_ids } of events) {
        for (const id of user_ids) watchlist.take(`${name} ${id}`);
      }
      return;
    }
    if (channel?.startsWith("#server-to-user-")) return userEvents.get(event)?.take(data);
    channels.get(channel ?? "")?.dispatch(event, data);
  };

  const end = (): void => {
    isOver = true;
    clearTimeout(pause);
    giveUp();
    socket.close();
  };
  const connect = (): void => {
    socket = new WebSocket(url);
    let isFirst = true;
    socket.on("message", (bytes, isBinary) => {
      try {
        if (isBinary) throw new Error("a binary message");
        const message = readMessage(String(bytes), decoder);
        if (isFirst && !firstEvents.has(message.event)) throw new Error("the first message");
        isFirst = false;
        dispatch(message);
      } catch (error) {
        errors.take({ code: undefined, message: `${String(error)} in ${String(bytes)}` });
        end();
      }
    });
    // Its close follows.
    socket.on("error", () => undefined);
    socket.on("close", (code, reason) => {
      socketId = undefined;
      if (isOver) return;
      if (code >= 4000) errors.take({ code, message: String(reason) });
      const next = afterClose(code);
      if (next === "give up") return end();
      pause = setTimeout(connect, next === "again at once" ? 0 : pauseMs);
    });
  };
  connect();

  return {
    connected: () => connections.next(),
    channel: (name) => {
      const channel = nativeChannel(name, send, () => channels.delete(name));
      channels.set(name, channel);
      attempt(subscribe(channel));
      return channel.ofClient;
    },
    signIn: () => {
      wantsUser = true;
      attempt(signIn());
      return signins.next();
    },
    signedInAgain: () => signins.next(),
    userEvents: (event) => {
      const events = inbox<unknown>(`${event} to the user`);
      userEvents.set(event, events);
      return events;
    },
    watchlist,
    errors,
    gaveUp: () => gaveUp,
    close: end,
  };
}

const firstEvents = new Set(["pusher:connection_established", "pusher:error"]);

interface NativeChannel {
  readonly name: string;
  readonly ofClient: ClientChannel;
  /** Of an encrypted channel. */
  key: Uint8Array | undefined;
  dispatch(event: string, data: unknown): void;
}

function nativeChannel(
  name: string,
  send: (event: string, data: object, channel?: string) => void,
  forget: () => void,
): NativeChannel {
  const outcomes = inbox<Outcome>(`the answer to the subscribe to ${name}`);
  const here = inbox<readonly Person[]>("the members");
  const joined = inbox<Person>("pusher_internal:member_added");
  const left = inbox<Person>("pusher_internal:member_removed");
  const cacheMisses = inbox<unknown>("pusher:cache_miss");
  const subscriptionCounts = inbox<number>("pusher_internal:subscription_count");
  const events = new Map<string, Inbox<unknown>>();
  const members = new Map<string, Person>();
  const onSubscribed: (() => void)[] = [];

  const protocolEvents: Readonly<Record<string, (data: never) => void>> = {
    "pusher_internal:subscription_succeeded": ({ presence }: Partial<Presence>) => {
      members.clear();
      for (const [id, info] of Object.entries(presence?.hash ?? {})) {
        members.set(id, info as Person);
      }
      if (presence) here.take([...members.values()]);
      outcomes.take({ ok: true });
      for (const callback of onSubscribed) callback();
    },
    "pusher:subscription_error": (refusal: { error: string; status: number }) => {
      outcomes.take({ ok: false, ...refusal });
    },
    "pusher_internal:member_added": ({ user_id, user_info }: MemberAdded) => {
      members.set(String(user_id), user_info);
      joined.take(user_info);
    },
    "pusher_internal:member_removed": ({ user_id }: Pick<MemberAdded, "user_id">) => {
      const member = members.get(String(user_id));
      if (member) left.take(member);
      members.delete(String(user_id));
    },
    "pusher:cache_miss": cacheMisses.take,
    "pusher_internal:subscription_count": (data: { subscription_count: number }) => {
      subscriptionCounts.take(data.subscription_count);
    },
  };
  const eventsNamed = (event: string): Inbox<unknown> => {
    const taken = inbox<unknown>(`${event} on ${name}`);
    events.set(event, taken);
    return taken;
  };

  const channel: NativeChannel = {
    name,
    key: undefined,
    dispatch: (event, data) => {
      const ofProtocol = protocolEvents[event];
      if (ofProtocol) return ofProtocol(data as never);
      events.get(event)?.take(channel.key === undefined ? data : decrypt(data, channel.key));
    },
    ofClient: {
      ...outcomeReaders(outcomes),
      onSubscribed: (callback) => void onSubscribed.push(callback),
      events: eventsNamed,
      clientEvents: (event) => eventsNamed(`client-${event}`),
      sendClientEvent: (event, data) => send(`client-${event}`, data, name),
      here,
      joined,
      left,
      cacheMisses,
      subscriptionCounts,
      leave: () => {
        forget();
        send("pusher:unsubscribe", { channel: name });
      },
    },
  };
  return channel;
}

interface MemberAdded {
  readonly user_id: string | number;
  readonly user_info: Person;
}

/** @throws when it is not what Pusher encrypts, or not with this key */
function decrypt(data: unknown, key: Uint8Array): unknown {
  const { nonce, ciphertext } = data as { nonce: string; ciphertext: string };
  const box = Buffer.from(ciphertext, "base64");
  const text = nacl.secretbox.open(box, Buffer.from(nonce, "base64"), key);
  if (text === null) throw new Error("it can't be decrypted");
  return JSON.parse(Buffer.from(text).toString());
}

/** Asks with a form, as Java and Swift do. */
function endpointSigner(options: ClientOptions): Signer {
  const ask = async <T>(endpoint: string, form: Record<string, string>): Promise<T> => {
    const response = await fetch(endpoint, {
      method: "POST",
      headers: { Authorization: `Bearer ${options.bearerToken}` },
      body: new URLSearchParams(form),
    });
    if (!response.ok) throw new Error(`${endpoint} answered ${response.status}`);
    return (await response.json()) as T;
  };
  return {
    authorize: (socketId, channel) =>
      ask(options.authEndpoint, { socket_id: socketId, channel_name: channel }),
    authenticate: (socketId) => ask(options.userAuthEndpoint, { socket_id: socketId }),
  };
}
