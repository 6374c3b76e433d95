/** What a client that is away comes back to: the channels it was in, and how much of each it has received. */

import { userOfChannel } from "../channel-name.ts";
import { isObject, parseJson } from "../json.ts";
import { encodeMember, isSameMember, memberKey, parseMember, type Member } from "../presence.ts";
import type { GapReason } from "../report/recovery.ts";

/** Where somebody is in the log of an app's events. Only that log can compare two of them. */
export type Position = string;

/** A client's place in one channel. */
export interface Seat {
  /** It has received everything up to here. */
  readonly position: Position;
  /** Before `position` only where connections that share a token were at different places. */
  readonly earliest: Position;
  /** Who it was, in a presence channel. */
  readonly member: Member | null;
  /** Of the connections it had: what excluded one of them it is not sent (`toOthers()`). */
  readonly socketIds: readonly string[];
  /** What it missed can't be said. */
  readonly gap: GapReason | null;
}

export interface Session {
  /** Who had signed in. */
  readonly userId: string | null;
  /** By channel; a user's own is among them. */
  readonly seats: ReadonlyMap<string, Seat>;
  /** How many connections left it: more than one where tabs share a cookie. */
  readonly connections: number;
}

/** Of one page that is cut off again and again, so many connections are remembered. */
const maxSocketIds = 8;

/** The seat of a client that goes away again, before it was given what it missed. */
export function seatAgain(seat: Seat, socketId: string): Seat {
  const socketIds = [...seat.socketIds, socketId].slice(-maxSocketIds);
  return { ...seat, socketIds };
}

/** Of two connections with one token: the later position, so that nothing comes twice. */
export function mergeSessions(
  a: Session,
  b: Session,
  compare: (a: Position, b: Position) => number,
): Session {
  const seats = new Map(a.seats);
  for (const [channel, seat] of b.seats) {
    const other = seats.get(channel);
    seats.set(channel, other ? mergeSeats(other, seat, compare) : seat);
  }
  const userId = a.userId === b.userId ? a.userId : null;
  return { userId, seats, connections: a.connections + b.connections };
}

function mergeSeats(a: Seat, b: Seat, compare: (a: Position, b: Position) => number): Seat {
  return {
    position: compare(a.position, b.position) > 0 ? a.position : b.position,
    earliest: compare(a.earliest, b.earliest) < 0 ? a.earliest : b.earliest,
    member: isSameMember(a.member, b.member) ? a.member : null,
    socketIds: [...new Set([...a.socketIds, ...b.socketIds])].slice(-maxSocketIds),
    gap: a.gap ?? b.gap,
  };
}

/**
 * Whose it is: who signed in, and members of its channels. Of connections that share a token it may be that only some
 * were signed in: then the user's own channel says so.
 */
export function usersOf({ userId, seats }: Session): ReadonlySet<string> {
  const users = new Set(userId === null ? [] : [userId]);
  for (const [channel, { member }] of seats) {
    const user = userOfChannel(channel) ?? (member && memberKey(member));
    if (user !== null) users.add(user);
  }
  return users;
}

export function encodeSession({ userId, seats, connections }: Session): string {
  const rows = [...seats].map(([channel, { position, earliest, member, socketIds, gap }]) => [
    channel,
    position,
    earliest,
    member && encodeMember(member),
    socketIds,
    gap,
  ]);
  return JSON.stringify({ userId, connections, seats: rows });
}

/** Null: it is none that was encoded here. */
export function parseSession(text: string): Session | null {
  const json = parseJson(text);
  if (!json.ok || !isObject(json.value)) return null;
  const { userId, connections, seats } = json.value;
  if (!isTextOrNull(userId) || typeof connections !== "number") return null;
  if (!Array.isArray(seats)) return null;
  const parsed = new Map<string, Seat>();
  for (const row of seats) {
    const entry = parseRow(row);
    if (!entry) return null;
    parsed.set(...entry);
  }
  return { userId, connections, seats: parsed };
}

function parseRow(row: unknown): [string, Seat] | null {
  if (!Array.isArray(row)) return null;
  const [channel, position, earliest, memberText, socketIds, gap]: unknown[] = row;
  if (typeof channel !== "string" || typeof position !== "string") return null;
  if (typeof earliest !== "string" || !isTextOrNull(memberText)) return null;
  const member = memberText === null ? null : parseMember(memberText);
  if (!Array.isArray(socketIds) || !socketIds.every((id) => typeof id === "string")) return null;
  if (gap !== null && !isGapReason(gap)) return null;
  return [channel, { position, earliest, member, socketIds, gap }];
}

function isTextOrNull(value: unknown): value is string | null {
  return value === null || typeof value === "string";
}

function isGapReason(value: unknown): value is GapReason {
  return value === "bounds" || value === "ambiguous" || value === "dropped";
}
