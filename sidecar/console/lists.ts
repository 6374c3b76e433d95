/** The node's connections and channels: a page of them at a time, and the details of one. */

import type { Channel } from "../core/channel.ts";
import type { Connection } from "../core/connection.ts";
import type { Hub } from "../core/hub.ts";
import { idText } from "../core/user-id.ts";
import { valueOf } from "../http/headers.ts";
import { scan, type Page } from "./scan.ts";
import type { ConsoleSources } from "./sources.ts";

/** What is asked of a list. */
export interface ListQuery {
  /** Null: all apps. */
  readonly appId: string | null;
  /** Stands in a name, in any case of letters. Empty: everything. */
  readonly text: string;
  /** From 0. */
  readonly page: number;
}

const rowsPerPage = 50;
/** Of one connection's subscriptions, or one channel's connections and members. */
const maxDetails = 200;

export interface Lists {
  /** The newest first. */
  connections(query: ListQuery): Promise<Page<object>>;
  /** Null: it is gone. */
  connection(socketId: string): object | null;
  /** Those with the most subscribers first. */
  channels(query: ListQuery): Promise<Page<object>>;
  /** Null: nobody on this node is subscribed to it. */
  channel(appId: string, name: string): object | null;
}

export function createLists({ hubs, now, clientIp, trafficOf }: ConsoleSources): Lists {
  const list = { size: rowsPerPage, schedule: setImmediate };
  const hubsOf = ({ appId }: ListQuery) =>
    hubs.filter(({ app }) => appId === null || app.id === appId);

  const toRow = (connection: Connection) => ({
    appId: connection.app.id,
    socketId: connection.socketId,
    address: clientIp(connection.handshake),
    user: userOf(connection),
    channels: connection.subscriptions.size,
    openForMs: Math.round(now() - connection.openedMs),
  });

  function isMatch(connection: Connection, text: string): boolean {
    if (text === "") return true;
    const { socketId, handshake, subscriptions } = connection;
    const names = [socketId, userOf(connection) ?? "", clientIp(handshake)];
    return [...names, ...subscriptions.keys()].some((name) => contains(name, text));
  }

  return {
    async connections(query) {
      const found = await scan(connectionsOf(hubsOf(query)), {
        ...list,
        page: query.page,
        matches: (connection) => isMatch(connection, query.text),
        order: ({ openedMs }) => openedMs,
      });
      return { ...found, rows: found.rows.map(toRow) };
    },
    connection(socketId) {
      const connection = findConnection(hubs, socketId);
      if (!connection) return null;
      const { handshake, subscriptions } = connection;
      const fieldOf = (name: string) => valueOf(handshake.rawHeaders, name) ?? null;
      return {
        ...toRow(connection),
        peer: handshake.remoteAddress,
        // Without an app behind that could be asked it is not kept.
        handshake:
          handshake.rawHeaders.length === 0
            ? null
            : {
                origin: fieldOf("origin"),
                userAgent: fieldOf("user-agent"),
                hasCookies: fieldOf("cookie") !== null,
              },
        subscriptions: firstOf(subscriptions.values()).map(({ channel, state, member }) => ({
          channel,
          state: state.kind,
          member: member && idText(member.userId),
        })),
        traffic: trafficOf(connection),
      };
    },
    async channels(query) {
      const found = await scan(channelsOf(hubsOf(query)), {
        ...list,
        page: query.page,
        matches: ({ channel }) => contains(channel.name, query.text),
        order: ({ channel }) => channel.connections.size,
      });
      return { ...found, rows: found.rows.map(toChannelRow) };
    },
    channel(appId, name) {
      const hub = hubs.find(({ app }) => app.id === appId);
      const channel = hub?.channel(name);
      if (!hub || !channel) return null;
      const members = channel.feed ? hub.roster(name)?.members() : null;
      const here = firstOf(channel.connections).map(({ socketId }) =>
        hub.connections.get(socketId),
      );
      return {
        ...toChannelRow({ hub, channel }),
        events: channel.eventCount,
        memberIds: members ? firstOf(members).map(({ userId }) => idText(userId)) : null,
        connections: here.filter((connection) => connection !== undefined).map(toRow),
      };
    },
  };
}

function findConnection(hubs: readonly Hub[], socketId: string): Connection | undefined {
  for (const { connections } of hubs) {
    const found = connections.get(socketId);
    if (found) return found;
  }
  return undefined;
}

/** Who has signed in or, in an app that uses none of that, who it is in a presence channel. */
function userOf({ user, subscriptions }: Connection): string | null {
  if (user) return user.id;
  for (const { member } of subscriptions.values()) if (member) return idText(member.userId);
  return null;
}

interface Entry {
  readonly hub: Hub;
  readonly channel: Channel;
}

function toChannelRow({ hub, channel: { name, kind, connections, feed } }: Entry) {
  return {
    appId: hub.app.id,
    name,
    access: kind.access,
    isCache: kind.cache,
    isEncrypted: kind.encrypted,
    subscribers: connections.size,
    /** Over all nodes. */
    members: feed ? (hub.roster(name)?.userCount ?? 0) : null,
  };
}

function* connectionsOf(hubs: readonly Hub[]): Iterable<Connection> {
  for (const { connections } of hubs) yield* connections.values();
}

function* channelsOf(hubs: readonly Hub[]): Iterable<Entry> {
  for (const hub of hubs) for (const channel of hub.channels.values()) yield { hub, channel };
}

function firstOf<T>(all: Iterable<T>): T[] {
  return Iterator.from(all).take(maxDetails).toArray();
}

function contains(name: string, text: string): boolean {
  return name.toLowerCase().includes(text);
}
