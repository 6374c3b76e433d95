/** What a client that is away can return to: its channels, and how much of each it has received. */

import { userOfChannel } from "../channel-name.ts";
import { isObject, parseJson } from "../json.ts";
import { encodeMember, isSameMember, memberKey, parseMember, type Member } from "../presence.ts";
import type { GapReason } from "../report/recovery.ts";
import type { Grant } from "./credentials.ts";

/** A place in the log of an app's events. Only that log can compare two of them. */
export type Position = string;

/** A client's place in one channel. */
export interface Seat {
  /** It has received everything up to here. */
  readonly position: Position;
  /** Differs from `position` only if connections that share a token were at different places. */
  readonly earliest: Position;
  /** In a presence channel. */
  readonly member: Member | null;
  /** Its socket ids so far: events that excluded one of them (`toOthers()`) are not sent to it. */
  readonly socketIds: readonly string[];
  /** Why it can't be said what it missed; null: it can. */
  readonly gap: GapReason | null;
  /** The app has granted it to the page itself, so it may be granted again under the session's `grant`. */
  readonly isGranted: boolean;
}

export interface Session {
  /** The signed-in users. Several if users shared a token; then it can't be said whose seats these are. */
  readonly users: ReadonlySet<string>;
  /** By channel, including a user's own. */
  readonly seats: ReadonlyMap<string, Seat>;
  /** How many connections left it; more than one if tabs share a cookie. */
  readonly connections: number;
  /** Who may be granted its seats again without asking the app; null: nobody. */
  readonly grant: Grant | null;
}

/** Socket ids remembered for a page that is cut off again and again. */
const maxSocketIds = 8;

/** The seat of a client that goes away again before it was sent what it missed. */
export function seatAgain(seat: Seat, socketId: string): Seat {
  const socketIds = [...seat.socketIds, socketId].slice(-maxSocketIds);
  return { ...seat, socketIds };
}

/** Merges the sessions of two connections with one token; the later position wins, so that nothing comes twice. */
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
  const users = new Set([...a.users, ...b.users]);
  return { users, seats, connections: a.connections + b.connections, grant: null };
}

function mergeSeats(a: Seat, b: Seat, compare: (a: Position, b: Position) => number): Seat {
  return {
    position: compare(a.position, b.position) > 0 ? a.position : b.position,
    earliest: compare(a.earliest, b.earliest) < 0 ? a.earliest : b.earliest,
    member: isSameMember(a.member, b.member) ? a.member : null,
    socketIds: [...new Set([...a.socketIds, ...b.socketIds])].slice(-maxSocketIds),
    gap: a.gap ?? b.gap,
    isGranted: false,
  };
}

/** All users of a session: the signed-in ones, and the members in its channels. */
export function usersOf(session: Session): ReadonlySet<string> {
  const users = new Set(session.users);
  for (const [channel, { member }] of session.seats) {
    const user = userOfChannel(channel) ?? (member && memberKey(member));
    if (user !== null) users.add(user);
  }
  return users;
}

export function encodeSession({ users, seats, connections, grant }: Session): string {
  const rows = [...seats].map(([channel, seat]) => [
    channel,
    seat.position,
    seat.earliest,
    seat.member && encodeMember(seat.member),
    seat.socketIds,
    seat.gap,
    seat.isGranted,
  ]);
  return JSON.stringify({ users: [...users], connections, grant, seats: rows });
}

/** Null: the text was not made by `encodeSession`. */
export function parseSession(text: string): Session | null {
  const json = parseJson(text);
  if (!json.ok || !isObject(json.value)) return null;
  const { users, connections, seats } = json.value;
  if (!isTexts(users) || typeof connections !== "number" || !Array.isArray(seats)) return null;
  const parsed = new Map<string, Seat>();
  for (const row of seats) {
    const entry = parseRow(row);
    if (!entry) return null;
    parsed.set(...entry);
  }
  const grant = parseGrant(json.value["grant"]);
  return { users: new Set(users), connections, seats: parsed, grant };
}

function parseRow(row: unknown): [string, Seat] | null {
  if (!Array.isArray(row)) return null;
  const [channel, position, earliest, memberText, socketIds, gap, isGranted]: unknown[] = row;
  if (typeof channel !== "string" || typeof position !== "string") return null;
  if (typeof earliest !== "string" || !isTextOrNull(memberText)) return null;
  const member = memberText === null ? null : parseMember(memberText);
  if (!isTexts(socketIds)) return null;
  if (gap !== null && !isGapReason(gap)) return null;
  const seat = { position, earliest, member, socketIds, gap, isGranted: isGranted === true };
  return [channel, seat];
}

function parseGrant(value: unknown): Grant | null {
  if (!isObject(value) || !isObject(value["credentials"])) return null;
  const { browser, credentials } = value;
  const { cookies, proofs } = credentials;
  if (typeof browser !== "string" || typeof proofs !== "string" || !isTexts(cookies)) return null;
  return { browser, credentials: { cookies, proofs } };
}

function isTexts(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.every((each) => typeof each === "string");
}

function isTextOrNull(value: unknown): value is string | null {
  return value === null || typeof value === "string";
}

function isGapReason(value: unknown): value is GapReason {
  return value === "bounds" || value === "ambiguous" || value === "dropped";
}
