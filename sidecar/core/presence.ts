/** Who is in a presence channel: users, each present once however many connections it has. */

import type { WireMember } from "./messages.ts";
import { isObject, parseJson } from "./json.ts";

/** A user in a presence channel. `userId` keeps the JSON type it came with; two ids are equal as strings. */
export type Member = WireMember;

interface Entry {
  readonly member: Member;
  connections: number;
}

export class Presence {
  readonly #entries = new Map<string, Entry>();

  get userCount(): number {
    return this.#entries.size;
  }

  has(member: Member): boolean {
    return this.#entries.has(memberKey(member));
  }

  /** One more connection of this user. True if the user was not there before; the first `userInfo` stays. */
  join(member: Member): boolean {
    const entry = this.#entries.get(memberKey(member));
    if (entry) {
      entry.connections += 1;
      return false;
    }
    this.#entries.set(memberKey(member), { member, connections: 1 });
    return true;
  }

  /** One connection less. True if it was the user's last one. */
  leave(member: Member): boolean {
    const entry = this.#entries.get(memberKey(member));
    if (!entry) return false;
    entry.connections -= 1;
    if (entry.connections > 0) return false;
    this.#entries.delete(memberKey(member));
    return true;
  }

  /** In the order in which they came. */
  *members(): Generator<Member> {
    for (const entry of this.#entries.values()) yield entry.member;
  }
}

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
