/** The signed-in users, and who watches whom (Pusher: "User authentication", "Watchlist events"). */

import { channelOfUser } from "./channel-name.ts";
import type { Connection, User } from "./connection.ts";
import { FlapDamper } from "./flap-damper.ts";
import { encodeFrame } from "./frame.ts";
import { encodeWatchlistEvents } from "./messages.ts";
import type { PresenceStore } from "./presence-store.ts";
import { sendToAll, type Recipient } from "./recipient.ts";

/**
 * Being signed in is being a member of one's own channel, and watching is having entered the other's: so that the
 * presence store answers for all nodes.
 */
export class Users {
  readonly #presence: PresenceStore;
  /** This node's signed-in connections by user id. */
  readonly #connections = new Map<string, Set<Recipient>>();
  /** Those in whose place another gets the user's events for now. */
  readonly #standIns = new Map<Connection, Recipient>();
  /** This node's connections that watch a user, by the watched user's id. */
  readonly #watchers = new Map<string, Set<Recipient>>();
  readonly #damper = new FlapDamper<string>();

  constructor(presence: PresenceStore) {
    this.#presence = presence;
  }

  connectionsOf(userId: string): ReadonlySet<Recipient> | undefined {
    return this.#connections.get(userId);
  }

  /** Puts another in the connection's place, or itself again in that of `from`; harmless if that no longer has it. */
  replace(connection: Connection, from: Recipient, to: Recipient): void {
    const { user } = connection;
    if (!user || this.#recipientOf(connection) !== from) return;
    if (!this.#connections.get(user.id)?.has(from)) return;
    add(this.#connections, user.id, to);
    remove(this.#connections, user.id, from);
    if (to === connection) this.#standIns.delete(connection);
    else this.#standIns.set(connection, to);
  }

  /** The connection gets nothing more, and stays whose it is. */
  mute(connection: Connection): void {
    const { user } = connection;
    if (!user) return;
    this.#forget(connection, user);
    for (const watched of user.watchlist) remove(this.#watchers, watched, connection);
  }

  /**
   * From now on the connection is this user's, and no longer whoever's it was. `answer` is called when every node
   * knows, before the watchlist's first event; not at all if the connection is somebody else's by then, or closed or about to be.
   * `isNew`: it was not this user's before.
   */
  signIn(connection: Connection, user: User, answer: (isNew: boolean) => void): void {
    const before = connection.user;
    const isSame = before?.id === user.id;
    if (isSame) this.#unwatch(connection, before);
    else this.signOut(connection);
    connection.user = user;
    // The watchlist's and, of another user than before, its own channel and membership.
    const done = gather(user.watchlist.length + (isSame ? 0 : 2), () => {
      // Closed or about to be, or somebody else by now.
      if (connection.user !== user || connection.recovery?.isSuspended) return;
      for (const watched of user.watchlist) add(this.#watchers, watched, connection);
      add(this.#connections, user.id, this.#recipientOf(connection));
      answer(!isSame);
    });
    for (const watched of user.watchlist) this.#presence.enter(channelOfUser(watched), done);
    if (!isSame) this.#come(connection, user.id, done);
  }

  /** The message that lists who of its watchlist is online and who is not; null without a watchlist. */
  describeWatchlist({ watchlist }: User): string | null {
    if (watchlist.length === 0) return null;
    const isOnline = (userId: string): boolean =>
      this.#damper.isDelayed(userId) ||
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
    if (connection.recovery) connection.recovery.userStanding = null;
    this.#unwatch(connection, user);
    this.#forget(connection, user);
    const channel = channelOfUser(user.id);
    this.#presence.leave(channel, asMember(user.id));
    this.#presence.exit(channel);
  }

  /** A user's first connection signed in, on any node. */
  cameOnline(userId: string): void {
    if (this.#damper.came(userId)) this.#announce("online", userId);
  }

  /** The last one left. */
  wentOffline(userId: string): void {
    if (this.#damper.went(userId, userId)) this.#announce("offline", userId);
  }

  /** To be done one by one: announces who went within the tick that ends, and is still gone. */
  tick(): (() => void)[] {
    return this.#damper.tick().map((userId) => () => {
      if (this.#damper.release(userId) !== null) this.#announce("offline", userId);
    });
  }

  #announce(status: "online" | "offline", userId: string): void {
    const watchers = this.#watchers.get(userId);
    if (watchers) sendToAll(watchers, encodeFrame(encodeWatchlistEvents({ [status]: [userId] })));
  }

  #come(connection: Connection, userId: string, done: () => void): void {
    const channel = channelOfUser(userId);
    // What comes before the answer is read with what was missed, where anything may have been.
    if (!mayHaveMissed(connection)) add(this.#connections, userId, connection);
    this.#presence.enter(channel, done);
    this.#presence.join(channel, asMember(userId), done);
  }

  #recipientOf(connection: Connection): Recipient {
    return this.#standIns.get(connection) ?? connection;
  }

  /** It gets the user's events no more, nor does anybody in its place. */
  #forget(connection: Connection, { id }: User): void {
    remove(this.#connections, id, this.#recipientOf(connection));
    this.#standIns.delete(connection);
  }

  #unwatch(connection: Connection, { watchlist }: User): void {
    for (const watched of watchlist) {
      remove(this.#watchers, watched, connection);
      this.#presence.exit(channelOfUser(watched));
    }
  }
}

/** Calls back when it was called so often; at once for 0. */
function gather(count: number, whenAll: () => void): () => void {
  let left = count;
  if (left === 0) whenAll();
  return () => {
    left -= 1;
    if (left === 0) whenAll();
  };
}

/** It goes on with a session, or nobody has looked yet. */
function mayHaveMissed({ recovery: client }: Connection): boolean {
  return client !== null && (!client.hasAsked || client.resumption !== null);
}

function asMember(userId: string) {
  return { userId, userInfo: {} };
}

function add(sets: Map<string, Set<Recipient>>, key: string, recipient: Recipient): void {
  const set = sets.get(key) ?? new Set();
  set.add(recipient);
  sets.set(key, set);
}

/** A set of none is forgotten. */
function remove(sets: Map<string, Set<Recipient>>, key: string, recipient: Recipient): void {
  const set = sets.get(key);
  set?.delete(recipient);
  if (set?.size === 0) sets.delete(key);
}
