/** Reads the wire as Swift, Java, .NET and Dart do: into types, where a missing field is an error and not undefined. */

/** Whose decoder: what each says of itself in the handshake's query, and what it takes for `data` of `pusher:error`. */
export const decoders = {
  // PusherError.swift: `jsonObject["data"] as? [String: Any]`, else the error is dropped without a word.
  swift: { client: "pusher-websocket-swift", errorData: "object" },
  // Connection.cs 2.x: `ParseError(jObject["data"])` selects `message` in it, of a string nothing.
  dotnet: { client: "pusher-dotnet-client", errorData: "object" },
  // WebSocketConnection.java takes either; others that may call themselves anything are like it.
  java: { client: "java-client", errorData: "string" },
} as const;
export type Decoder = (typeof decoders)[keyof typeof decoders];

/** A message as a native client hands it on. */
export interface NativeMessage {
  readonly event: string;
  readonly channel?: string;
  /** The fields of the client's class for this event, or what a publisher sent, decoded. */
  readonly data: unknown;
}

export interface Established {
  readonly socket_id: string;
  readonly activity_timeout: number;
}
export interface Presence {
  readonly presence: {
    readonly count: number;
    readonly ids: readonly (string | number)[];
    readonly hash: Readonly<Record<string, unknown>>;
  };
}
export interface ProtocolError {
  readonly code: number;
  readonly message: string;
}

/** What a close code means to the client (Pusher: "Connection closure"): the range decides, not the code. */
export type AfterClose = "give up" | "again after a while" | "again at once";

export function afterClose(code: number): AfterClose {
  if (code >= 4000 && code < 4100) return "give up";
  if (code >= 4200 && code < 4300) return "again at once";
  if (code >= 4300 && code < 5000) return "give up";
  return "again after a while";
}

/** @throws what a native client's decoder would fail with */
export function readMessage(text: string, decoder: Decoder): NativeMessage {
  const message = object(JSON.parse(text), "a message");
  const event = nonEmptyString(message["event"], "event");
  const channel =
    message["channel"] === undefined ? undefined : nonEmptyString(message["channel"], "channel");
  const named = channel === undefined ? { event } : { event, channel };
  if (withoutData.has(event)) return { ...named, data: null };
  if (!event.startsWith("pusher:") && !event.startsWith("pusher_internal:")) {
    return { ...named, data: publishedData(message) };
  }

  const isKnown = Object.hasOwn(readers, event);
  check(isKnown, `${event} is no event of the protocol`);
  if (ofAChannel.has(event)) check(channel !== undefined, `${event} has no channel`);
  if (!("data" in message)) throw new Error(`${event} has no data`);
  const fields = fieldsOf(event, message["data"], decoder);
  readers[event]?.(fields, channel ?? "");
  return { ...named, data: fields };
}

function fieldsOf(event: string, data: unknown, { errorData }: Decoder): Fields {
  if (event === "pusher:error" && errorData === "object") return object(data, `data of ${event}`);
  check(typeof data === "string", `data of ${event} is no string`);
  return object(JSON.parse(data), `data of ${event}`);
}

const withoutData = new Set(["pusher:ping", "pusher:pong", "pusher:cache_miss"]);
const ofAChannel = new Set([
  "pusher_internal:subscription_succeeded",
  "pusher_internal:member_added",
  "pusher_internal:member_removed",
  "pusher_internal:subscription_count",
  "pusher:subscription_error",
]);

/** What each message has to have in its data. */
const readers: Readonly<Record<string, (data: Fields, channel: string) => void>> = {
  "pusher:connection_established": ({ socket_id, activity_timeout }) => {
    check(typeof socket_id === "string" && /^\d+\.\d+$/.test(socket_id), "socket_id");
    check(Number.isInteger(activity_timeout) && Number(activity_timeout) > 0, "activity_timeout");
  },
  "pusher:error": ({ code, message }) => {
    check(Number.isInteger(code), "code of an error");
    nonEmptyString(message, "message of an error");
  },
  "pusher_internal:subscription_succeeded": (data, channel) => {
    if (channel.startsWith("presence-")) presence(object(data["presence"], "presence"));
  },
  "pusher:subscription_error": ({ type, error, status }) => {
    nonEmptyString(type, "type of a subscription error");
    nonEmptyString(error, "error of a subscription error");
    check(Number.isInteger(status), "status of a subscription error");
  },
  "pusher_internal:member_added": ({ user_id, user_info }) => {
    userId(user_id);
    object(user_info, "user_info");
  },
  "pusher_internal:member_removed": ({ user_id }) => userId(user_id),
  "pusher_internal:subscription_count": ({ subscription_count }) => {
    check(Number.isInteger(subscription_count), "subscription_count");
  },
  "pusher:signin_error": (data) => readers["pusher:subscription_error"]?.(data, ""),
  "pusher:signin_success": ({ user_data }) => {
    check(typeof user_data === "string", "user_data is no string");
    nonEmptyString(object(JSON.parse(user_data), "user_data")["id"], "id of the user");
  },
  "pusher_internal:watchlist_events": ({ events }) => {
    for (const event of list(events, "events")) {
      const { name, user_ids } = object(event, "a watchlist event");
      check(name === "online" || name === "offline", "name of a watchlist event");
      for (const id of list(user_ids, "user_ids")) nonEmptyString(id, "id of a user");
    }
  },
};

function presence({ count, ids, hash }: Fields): void {
  const members = object(hash, "hash");
  const listed = list(ids, "ids");
  for (const id of listed) {
    userId(id);
    object(members[String(id)], `hash of ${String(id)}`);
  }
  check(count === listed.length, "count");
  check(Object.keys(members).length === listed.length, "hash");
}

/** An event of the API carries its data in a string, a client event as it was sent. */
function publishedData(message: Fields): unknown {
  check("data" in message, "an event has no data");
  const { data, event } = message;
  if (typeof data !== "string") {
    check(String(event).startsWith("client-"), "data of an event is no string");
    return data;
  }
  try {
    return JSON.parse(data);
  } catch {
    return data;
  }
}

type Fields = Readonly<Record<string, unknown>>;

function check(holds: boolean, what: string): asserts holds {
  if (!holds) throw new Error(`wrong: ${what}`);
}

function object(value: unknown, what: string): Fields {
  check(typeof value === "object" && value !== null && !Array.isArray(value), `${what}: no object`);
  return value as Fields;
}

function list(value: unknown, what: string): readonly unknown[] {
  check(Array.isArray(value), `${what}: no list`);
  return value;
}

function nonEmptyString(value: unknown, what: string): string {
  check(typeof value === "string" && value !== "", `${what}: no string, or an empty one`);
  return value;
}

function userId(value: unknown): void {
  check((typeof value === "string" && value !== "") || typeof value === "number", "user_id");
}
