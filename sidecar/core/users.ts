/** The users who are signed in, and who watches whom (Pusher: "User authentication", "Watchlist events"). */

import { sendToAll } from "./channel.ts";
import type { Connection, User } from "./connection.ts";
import { encodeFrame } from "./frame.ts";
import { encodeWatchlistEvents } from "./messages.ts";

export interface UsersOptions {
  /** A user's first connection signed in, or the last one left. */
  readonly onChange: (userId: string, status: "online" | "offline") => void;
}

export class Users {
  readonly #options: UsersOptions;
  /** Signed-in connections by user id. */
  readonly #connections = new Map<string, Set<Connection>>();
  /** Connections that watch a user, by the watched user's id. */
  readonly #watchers = new Map<string, Set<Connection>>();

  constructor(options: UsersOptions) {
    this.#options = options;
  }

  connectionsOf(userId: string): ReadonlySet<Connection> | undefined {
    return this.#connections.get(userId);
  }

  /**
   * From now on the connection is this user's, and no longer whoever's it was. Returns the message that tells it who
   * of its watchlist is online and who is not; null without a watchlist.
   */
  signIn(connection: Connection, user: User): string | null {
    if (connection.user?.id === user.id) this.#unwatch(connection, connection.user);
    else this.signOut(connection);
    const isNew = connection.user === null;
    connection.user = user;
    const count = add(this.#connections, user.id, connection);
    if (isNew && count === 1) this.#announce(user.id, "online");
    for (const watched of user.watchlist) add(this.#watchers, watched, connection);
    if (user.watchlist.length === 0) return null;
    const isOnline = (userId: string): boolean => this.#connections.has(userId);
    return encodeWatchlistEvents({
      online: user.watchlist.filter(isOnline),
      offline: user.watchlist.filter((userId) => !isOnline(userId)),
    });
  }

  /** Harmless for a connection that is not signed in. */
  signOut(connection: Connection): void {
    const { user } = connection;
    if (!user) return;
    connection.user = null;
    this.#unwatch(connection, user);
    if (remove(this.#connections, user.id, connection) === 0) this.#announce(user.id, "offline");
  }

  #unwatch(connection: Connection, { watchlist }: User): void {
    for (const watched of watchlist) remove(this.#watchers, watched, connection);
  }

  #announce(userId: string, status: "online" | "offline"): void {
    this.#options.onChange(userId, status);
    const watchers = this.#watchers.get(userId);
    if (watchers) sendToAll(watchers, encodeFrame(encodeWatchlistEvents({ [status]: [userId] })));
  }
}

/** Returns how many there are now. */
function add(sets: Map<string, Set<Connection>>, key: string, connection: Connection): number {
  const set = sets.get(key) ?? new Set();
  set.add(connection);
  sets.set(key, set);
  return set.size;
}

/** Returns how many are left; a set of none is forgotten. */
function remove(sets: Map<string, Set<Connection>>, key: string, connection: Connection): number {
  const set = sets.get(key);
  set?.delete(connection);
  if (set?.size === 0) sets.delete(key);
  return set?.size ?? 0;
}
