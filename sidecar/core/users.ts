/** The users who are signed in, and who watches whom (Pusher: "User authentication", "Watchlist events"). */

import { after } from "./after.ts";
import { sendToAll } from "./channel.ts";
import { channelOfUser } from "./channel-name.ts";
import type { Connection, User } from "./connection.ts";
import { encodeFrame } from "./frame.ts";
import { encodeWatchlistEvents } from "./messages.ts";
import type { PresenceStore } from "./presence-store.ts";

/**
 * Being signed in is being a member of one's own channel, and watching is having entered the other's: so that the
 * presence store answers for all nodes.
 */
export class Users {
  readonly #presence: PresenceStore;
  /** This node's signed-in connections by user id. */
  readonly #connections = new Map<string, Set<Connection>>();
  /** This node's connections that watch a user, by the watched user's id. */
  readonly #watchers = new Map<string, Set<Connection>>();

  constructor(presence: PresenceStore) {
    this.#presence = presence;
  }

  connectionsOf(userId: string): ReadonlySet<Connection> | undefined {
    return this.#connections.get(userId);
  }

  /**
   * From now on the connection is this user's, and no longer whoever's it was. What is returned tells when every node
   * knows; nothing, if it is so at once.
   */
  signIn(connection: Connection, user: User): void | Promise<void> {
    const before = connection.user;
    const isSame = before?.id === user.id;
    if (isSame) this.#unwatch(connection, before);
    else this.signOut(connection);
    connection.user = user;
    const waits = user.watchlist.map((watched) => this.#presence.enter(channelOfUser(watched)));
    if (!isSame) waits.push(...this.#come(connection, user.id));
    const promises = waits.filter((wait) => wait instanceof Promise);
    const whole = promises.length > 0 ? Promise.all(promises).then(() => undefined) : undefined;
    return after(whole, () => {
      if (connection.user !== user) return;
      for (const watched of user.watchlist) add(this.#watchers, watched, connection);
    });
  }

  /** The message that tells a connection who of its watchlist is online and who is not; null without a watchlist. */
  describeWatchlist({ watchlist }: User): string | null {
    if (watchlist.length === 0) return null;
    const isOnline = (userId: string): boolean =>
      (this.#presence.roster(channelOfUser(userId))?.userCount ?? 0) > 0;
    return encodeWatchlistEvents({
      online: watchlist.filter(isOnline),
      offline: watchlist.filter((userId) => !isOnline(userId)),
    });
  }

  /** Harmless for a connection that is not signed in. */
  signOut(connection: Connection): void {
    const { user } = connection;
    if (!user) return;
    connection.user = null;
    this.#unwatch(connection, user);
    remove(this.#connections, user.id, connection);
    const channel = channelOfUser(user.id);
    this.#presence.leave(channel, asMember(user.id));
    this.#presence.exit(channel);
  }

  /** A user's first connection signed in, or the last one left: on any node. */
  announce(userId: string, status: "online" | "offline"): void {
    const watchers = this.#watchers.get(userId);
    if (watchers) sendToAll(watchers, encodeFrame(encodeWatchlistEvents({ [status]: [userId] })));
  }

  #come(connection: Connection, userId: string): (void | Promise<void>)[] {
    const channel = channelOfUser(userId);
    add(this.#connections, userId, connection);
    return [this.#presence.enter(channel), this.#presence.join(channel, asMember(userId))];
  }

  #unwatch(connection: Connection, { watchlist }: User): void {
    for (const watched of watchlist) {
      remove(this.#watchers, watched, connection);
      this.#presence.exit(channelOfUser(watched));
    }
  }
}

function asMember(userId: string) {
  return { userId, userInfo: {} };
}

function add(sets: Map<string, Set<Connection>>, key: string, connection: Connection): void {
  const set = sets.get(key) ?? new Set();
  set.add(connection);
  sets.set(key, set);
}

/** A set of none is forgotten. */
function remove(sets: Map<string, Set<Connection>>, key: string, connection: Connection): void {
  const set = sets.get(key);
  set?.delete(connection);
  if (set?.size === 0) sets.delete(key);
}
