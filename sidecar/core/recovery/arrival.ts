/** Where a client arrives that may have been away: in a channel, or, by signing in, in its user's own channel. */

import { channelOfUser } from "../channel-name.ts";
import type { Connection, User } from "../connection.ts";
import type { Users } from "../users.ts";
import type { Standing } from "./client.ts";
import type { Recovery } from "./recovery.ts";

/** A subscription is live and answered. Harmless if it has ended since. */
export function arriveInChannel(
  recovery: Recovery,
  connection: Connection,
  channel: string,
  done: (isUpToDate: boolean) => void,
): void {
  const subscription = connection.subscriptions.get(channel);
  if (subscription?.state.kind !== "live") return;
  const { state, member } = subscription;
  recovery.arrive(connection, {
    channel,
    member,
    isLive: () => subscription.state === state,
    replace(from, to) {
      // Muted, or gone.
      if (!state.channel.connections.delete(from)) return;
      state.channel.connections.add(to);
      state.recipient = to;
    },
    setStanding: (standing) => void (state.standing = standing),
    done,
  });
}

/** Of a signin: since when matters to nobody. */
const answered: Standing = { since: 0, from: null };

/** The signin is answered. */
export function arriveAsUser(
  recovery: Recovery,
  users: Users,
  connection: Connection,
  user: User,
): void {
  const { recovery: client } = connection;
  if (!client) return;
  recovery.arrive(connection, {
    channel: channelOfUser(user.id),
    member: null,
    // It may have signed in once more.
    isLive: () => connection.user?.id === user.id,
    replace: (from, to) => users.replace(connection, from, to),
    setStanding: (standing) => void (client.userStanding = standing ?? answered),
    done: () => undefined,
  });
}
