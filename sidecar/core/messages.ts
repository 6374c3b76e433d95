/** Messages on the wire: parses incoming ones, encodes outgoing ones. The spelling of the wire is only used here. */

import type { ChannelEvent } from "./ports.ts";
import type { ErrorData } from "./dialect.ts";
import type { ProtocolError } from "./errors.ts";
import { isComposite, isObject, parseExactJson } from "./json.ts";
import type { Subject } from "./subject.ts";
import { idText, type UserId } from "./user-id.ts";

/** A client's message; `channel` and `data` are still what the client sent, JSON strings in `data` decoded. */
export interface Message {
  readonly event: string;
  readonly channel: unknown;
  readonly data: unknown;
}

/** Member of a presence channel as it appears on the wire. */
export interface WireMember {
  readonly userId: UserId;
  readonly userInfo: unknown;
}

/** What can't be a JSON object is not parsed: a failed parse makes an error with its stack, many times the cost. */
const objectStart = /^[\t\n\r ]*\{/;

/** A JSON object with a non-empty string `event`, else null (rule X03). */
export function parseMessage(text: string): Message | null {
  if (!objectStart.test(text)) return null;
  const json = parseExactJson(text);
  if (!json.ok || !isObject(json.value)) return null;
  const { event, channel, data } = json.value;
  if (typeof event !== "string" || event === "") return null;
  return { event, channel, data: decodeData(data) };
}

export function encodeEstablished(socketId: string, activityTimeoutSeconds: number): string {
  return encodeMessage("pusher:connection_established", {
    socket_id: socketId,
    activity_timeout: activityTimeoutSeconds,
  });
}

/** `data` is an object for the clients that read nothing else (rule C21). */
export function encodeError({ code, message }: ProtocolError, data: ErrorData): string {
  return data === "object"
    ? JSON.stringify({ event: "pusher:error", data: { code, message } })
    : encodeMessage("pusher:error", { code, message });
}

/**
 * Says which subscription was refused, or that the signin was: Echo's `.error()` gets this one, no page gets a
 * `pusher:error`.
 */
export function encodeRefusal(subject: Subject, { message, refusal }: ProtocolError): string {
  const { type = "LimitReached", error = message, status = 403 } = refusal ?? {};
  const data = { type, error, status };
  return subject.kind === "channel"
    ? encodeMessage("pusher:subscription_error", data, subject.name)
    : encodeMessage("pusher:signin_error", data);
}

/** `sharedSecret`: the key of an encrypted channel, for a client that subscribed without asking the app itself. */
export function encodeSubscriptionSucceeded(channel: string, sharedSecret?: string): string {
  const data = sharedSecret === undefined ? {} : { shared_secret: sharedSecret };
  return encodeMessage("pusher_internal:subscription_succeeded", data, channel);
}

/** The reply on a presence channel lists all members, the subscriber included. */
export function encodePresenceSucceeded(channel: string, members: Iterable<WireMember>): string {
  const ids: UserId[] = [];
  // No prototype: a user may be called __proto__.
  const hash: Record<string, unknown> = Object.create(null);
  for (const { userId, userInfo } of members) {
    ids.push(userId);
    hash[idText(userId)] = userInfo;
  }
  const presence = { count: ids.length, ids, hash };
  return encodeMessage("pusher_internal:subscription_succeeded", { presence }, channel);
}

export function encodeMemberAdded(channel: string, member: WireMember): string {
  const data = { user_id: member.userId, user_info: member.userInfo };
  return encodeMessage("pusher_internal:member_added", data, channel);
}

export function encodeMemberRemoved(channel: string, userId: UserId): string {
  return encodeMessage("pusher_internal:member_removed", { user_id: userId }, channel);
}

export function encodeSubscriptionCount(channel: string, count: number): string {
  const data = { subscription_count: count };
  return encodeMessage("pusher_internal:subscription_count", data, channel);
}

/** Who of a watchlist is online and who is not; a status without users is left out. */
export function encodeWatchlistEvents(users: {
  online?: readonly string[];
  offline?: readonly string[];
}): string {
  const events = (["online", "offline"] as const)
    .map((name) => ({ name, user_ids: users[name] ?? [] }))
    .filter(({ user_ids }) => user_ids.length > 0);
  return encodeMessage("pusher_internal:watchlist_events", { events });
}

export function encodeSigninSuccess(userData: string): string {
  return encodeMessage("pusher:signin_success", { user_data: userData });
}

/** What the channel had meanwhile can't be said: an app that listens for it may fetch what it shows anew. */
export function encodeGap(channel: string, reason: string): string {
  return encodeMessage("pogo:gap", { reason }, channel);
}

/** No `data`, as in Reverb. */
export function encodeCacheMiss(channel: string): string {
  return JSON.stringify({ event: "pusher:cache_miss", channel });
}

export const pingText = '{"event":"pusher:ping"}';
export const pongText = '{"event":"pusher:pong"}';

/** An event of a channel; `data` goes out as the publisher gave it. */
export function encodeChannelEvent(event: ChannelEvent): string {
  const head = `{"event":${JSON.stringify(event.event)},"channel":${JSON.stringify(event.channel)},"data":${event.dataJson}`;
  return event.userId === undefined
    ? `${head}}`
    : `${head},"user_id":${JSON.stringify(event.userId)}}`;
}

/** `data` is a JSON string (native clients need it so), and comes before `channel` as in Reverb. */
function encodeMessage(event: string, data: object, channel?: string): string {
  return JSON.stringify({ event, data: JSON.stringify(data), channel });
}

/** A string that holds a JSON object or array is decoded; any other value stays as sent. */
function decodeData(data: unknown): unknown {
  if (typeof data !== "string" || !mayBeComposite(data)) return data;
  const json = parseExactJson(data);
  return json.ok && isComposite(json.value) ? json.value : data;
}

/** A failed parse costs many times what this look does, and plain text is what most strings are. */
function mayBeComposite(text: string): boolean {
  return compositeStart.test(text);
}

const compositeStart = /^[ \t\n\r]*[[{]/;
