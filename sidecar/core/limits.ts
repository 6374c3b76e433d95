/** What an app allows one connection and one presence channel. */

import type { Connection } from "./connection.ts";
import { errors, type ProtocolError } from "./errors.ts";
import type { Hub } from "./hub.ts";
import type { Member } from "./presence.ts";

/** A subscription that is authorized already. `member`: who would join; null where nobody does. */
export interface SubscriptionToCheck {
  readonly channel: string;
  readonly channelData: string | null;
  readonly member: Member | null;
}

/** What the app's limits have against this subscription (rules L04–L06); null: nothing. */
export function findExcess(
  connection: Connection,
  { channel, channelData, member }: SubscriptionToCheck,
  hub: Hub,
): ProtocolError | null {
  const { maxChannelsPerConnection, maxPresenceMembers, maxPresenceMemberBytes } = hub.app;
  const { subscriptions } = connection;
  const isNew = !subscriptions.has(channel);
  if (isNew && subscriptions.size >= (maxChannelsPerConnection ?? Number.POSITIVE_INFINITY)) {
    return errors.tooManyChannels;
  }
  if (!member) return null;
  if (maxPresenceMemberBytes !== null && sizeOf(member, channelData) > maxPresenceMemberBytes) {
    return errors.memberTooLarge;
  }
  const presence = hub.channel(channel)?.presence;
  if (!presence || presence.has(member)) return null;
  return presence.userCount >= (maxPresenceMembers ?? Number.POSITIVE_INFINITY)
    ? errors.presenceChannelFull
    : null;
}

/** In bytes. Who is a member by signin has no `channel_data` that would tell. */
function sizeOf({ userInfo }: Member, channelData: string | null): number {
  return Math.max(
    Buffer.byteLength(channelData ?? ""),
    Buffer.byteLength(JSON.stringify(userInfo)),
  );
}
