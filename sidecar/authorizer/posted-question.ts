/** Parses a page's POST to the app's auth endpoint, as pusher-js and Echo write it. */

import { isChannelName } from "../core/channel-name.ts";
import { isObject, parseJson } from "../core/json.ts";
import { bodyLength, valueOf, valuesOf, type RawHeaders } from "../http/headers.ts";

export interface PostedQuestion {
  readonly socketId: string;
  readonly channel: string;
}

/** The longest name of a channel, each character as three, and what stands around it. */
const maxBytes = 2_048;

/** With one of these the app reads another body, or no POST (Symfony). */
const transforming: readonly string[] = ["content-encoding", "x-http-method-override"];

type Fields = Readonly<Record<string, unknown>>;

const readers: ReadonlyMap<string, (text: string) => Fields | null> = new Map([
  ["application/x-www-form-urlencoded", readForm],
  ["application/json", readJson],
]);

/** How long its body is; null: it is none that could be read here. */
export function questionBytes(rawHeaders: RawHeaders): number | null {
  const length = bodyLength(rawHeaders);
  const isPlain = transforming.every((name) => valueOf(rawHeaders, name) === undefined);
  const isReadable = isPlain && readerFor(rawHeaders) !== undefined;
  return isReadable && length !== "chunked" && length > 0 && length <= maxBytes ? length : null;
}

/** Null: it is another question, or one with more to it (`auth.params`, a batch), which the app alone understands. */
export function readQuestion(rawHeaders: RawHeaders, body: Buffer): PostedQuestion | null {
  const {
    socket_id: socketId,
    channel_name: channel,
    ...rest
  } = readerFor(rawHeaders)?.(body.toString()) ?? {};
  if (typeof socketId !== "string" || typeof channel !== "string") return null;
  return Object.keys(rest).length === 0 && isChannelName(channel) ? { socketId, channel } : null;
}

function readerFor(rawHeaders: RawHeaders) {
  const types = valuesOf(rawHeaders, "content-type");
  const [type = ""] = (types[0] ?? "").split(";");
  return types.length === 1 ? readers.get(type.trim().toLowerCase()) : undefined;
}

/** Null: a field is there twice. A `?` in front is the first name's, as PHP has it. */
function readForm(text: string): Fields | null {
  const pairs = [...new URLSearchParams(`?${text}`)];
  const fields = Object.fromEntries(pairs);
  return Object.keys(fields).length === pairs.length ? fields : null;
}

function readJson(text: string): Fields | null {
  const json = parseJson(text);
  return json.ok && isObject(json.value) ? json.value : null;
}
