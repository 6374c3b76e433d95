/** Members of presence channels: what they are, and how a client's `channel_data` describes one. */

import type { WireMember } from "./messages.ts";
import { isComposite, isObject, parseExactJson } from "./json.ts";
import { idText, isInfinite, isUserId } from "./user-id.ts";

/** A user in a presence channel. `userId` keeps the JSON type and the digits it came with. */
export type Member = WireMember;

/** What makes two members the same user. */
export function memberKey(member: Member): string {
  return idText(member.userId);
}

/** Both null, or the same user. */
export function isSameMember(a: Member | null, b: Member | null): boolean {
  return a === null || b === null ? a === b : memberKey(a) === memberKey(b);
}

/**
 * Reads the `channel_data` of a subscription: JSON text of an object (or an array, as PHP writes an empty one).
 * Without a `user_id` there is no member; without `user_info` it is `{}`, which no page trips over.
 */
export function parseChannelData(
  channelData: string,
): { readonly ok: true; readonly member: Member | null } | { readonly ok: false } {
  const json = parseExactJson(channelData);
  if (!json.ok || !isComposite(json.value)) return { ok: false };
  if (!isObject(json.value)) return { ok: true, member: null };
  const { user_id: userId, user_info: userInfo } = json.value;
  if (isInfinite(userId)) return { ok: false };
  if (!isUserId(userId)) return { ok: true, member: null };
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
