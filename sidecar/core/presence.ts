/** Members of presence channels: what they are, and how a client's `channel_data` names one. */

import type { WireMember } from "./messages.ts";
import { isObject, parseJson } from "./json.ts";

/** A user in a presence channel. `userId` keeps the JSON type it came with; two ids are equal as strings. */
export type Member = WireMember;

/** What makes two members the same user. */
export function memberKey(member: Member): string {
  return String(member.userId);
}

/**
 * Reads the `channel_data` of a subscription: JSON text of an object (or an array, as PHP writes an empty one).
 * Without a `user_id` there is no member; without `user_info` it is `{}`, which no page trips over.
 */
export function parseChannelData(
  channelData: string,
): { readonly ok: true; readonly member: Member | null } | { readonly ok: false } {
  const json = parseJson(channelData);
  if (!json.ok || typeof json.value !== "object" || json.value === null) return { ok: false };
  if (!isObject(json.value)) return { ok: true, member: null };
  const { user_id: userId, user_info: userInfo } = json.value;
  if (typeof userId !== "string" && typeof userId !== "number") return { ok: true, member: null };
  return { ok: true, member: { userId, userInfo: userInfo ?? {} } };
}

/** A member as text between nodes. */
export function encodeMember({ userId, userInfo }: Member): string {
  return JSON.stringify({ user_id: userId, user_info: userInfo });
}

/** Null if the text is none. */
export function parseMember(text: string): Member | null {
  const parsed = parseChannelData(text);
  return parsed.ok ? parsed.member : null;
}
