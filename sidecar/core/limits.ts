/** What an app allows one connection and one presence channel. */

import type { App } from "./app.ts";
import type { Connection } from "./connection.ts";
import { errors, type ProtocolError } from "./errors.ts";
import type { Member } from "./presence.ts";
import type { RosterView } from "./presence-store.ts";

/** A subscription that is authorized already. `member`: who would join; null where nobody does. */
export interface SubscriptionToCheck {
  readonly channel: string;
  readonly channelData: string | null;
  readonly member: Member | null;
}

/** Which of the app's limits this subscription would exceed (rules L04, L06); null: none. */
export function checkLimits(
  connection: Connection,
  { channel, channelData, member }: SubscriptionToCheck,
): ProtocolError | null {
  const { maxChannelsPerConnection, maxPresenceMemberBytes } = connection.app;
  const { subscriptions } = connection;
  const isNew = !subscriptions.has(channel);
  if (isNew && subscriptions.size >= (maxChannelsPerConnection ?? Number.POSITIVE_INFINITY)) {
    return errors.tooManyChannels;
  }
  if (!member || maxPresenceMemberBytes === null) return null;
  return sizeOf(member, channelData) > maxPresenceMemberBytes ? errors.memberTooLarge : null;
}

/** Rule X10: what the app answered may be no longer than the message with it that a client would have sent itself. */
export function isProofTooLong(
  { maxMessageBytes }: App,
  proof: { readonly event: string; readonly data: object },
): boolean {
  return Buffer.byteLength(JSON.stringify(proof)) > maxMessageBytes;
}

/** Rule L05: no more users than the app allows; who is there already may come again. */
export function isPresenceFull(
  { maxPresenceMembers }: App,
  member: Member,
  roster: RosterView | undefined,
): boolean {
  if (maxPresenceMembers === null || !roster || roster.has(member)) return false;
  return roster.userCount >= maxPresenceMembers;
}

/** In bytes. Who is a member by signin has no `channel_data` to measure. */
function sizeOf({ userInfo }: Member, channelData: string | null): number {
  return Math.max(
    Buffer.byteLength(channelData ?? ""),
    Buffer.byteLength(JSON.stringify(userInfo)),
  );
}
