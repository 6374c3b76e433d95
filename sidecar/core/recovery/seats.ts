/** The session that a connection leaves behind: for each of its channels, how much of it was received. */

import { channelOfUser } from "../channel-name.ts";
import type { Connection } from "../connection.ts";
import type { Member } from "../presence.ts";
import type { RecoveryClient, Standing } from "./client.ts";
import type { RecoveryLog } from "./ports.ts";
import type { GapReason } from "../report/recovery.ts";
import { seatAgain, type Seat, type Session } from "./session.ts";

/**
 * What counts as received. `sent`: everything sent, since the close comes after it. `acknowledged`: what a pong came
 * back for, or everything sent if the client never answers pings.
 */
export type Received = "sent" | "acknowledged";

/** Null: there is nothing to come back to. */
export function leaveSession(
  connection: Connection,
  client: RecoveryClient,
  { received, nowMs, log }: { received: Received; nowMs: number; log: RecoveryLog },
): Session | null {
  const { socketId, user, subscriptions } = connection;
  const { resumption } = client;
  const count = countOf(client, received, log);
  const { grants } = client;
  const seats = new Map<string, Seat>();
  const set = (channel: string, seat: Seat): void =>
    void seats.set(channel, { ...seat, isGranted: grants?.has(channel) ?? false });
  // A session that was dropped no longer counts, even if part of it was sent.
  let isOfSession = resumption !== null && resumption.endsMs > nowMs;
  if (isOfSession) {
    for (const [channel, seat] of resumption?.seats ?? []) set(channel, seatAgain(seat, socketId));
  }
  function add(channel: string, member: Member | null, standing: Standing | null): void {
    const { since = 0, from = null } = standing ?? {};
    const isReceived = since !== underWay && (count.isCertain || count.delivered >= since);
    const before = resumption && !isReceived ? from : null;
    isOfSession ||= before !== null;
    const seat = before
      ? seatAgain(before, socketId)
      : seatOf({ socketId, member, since, count, log });
    if (seat) set(channel, seat);
  }
  for (const { channel, member, state } of subscriptions.values()) {
    if (state.kind === "live") add(channel, member, state.standing);
  }
  if (user && client.userStanding) add(channelOfUser(user.id), null, client.userStanding);
  if (seats.size === 0) return null;
  const before = isOfSession ? (resumption?.session?.users ?? []) : [];
  const users = new Set([...before, ...(user ? [user.id] : [])]);
  return { users, seats, connections: 1, grant: grants?.kept ?? null };
}

/** Its missed events are still being read. */
const underWay = Number.POSITIVE_INFINITY;

interface Count {
  readonly delivered: number;
  /** Frames after it were dropped, and it is not known which. */
  readonly gap: GapReason | null;
  readonly isCertain: boolean;
}

function countOf(client: RecoveryClient, received: Received, log: RecoveryLog): Count {
  const { acknowledged, isLossy } = client;
  const all = { delivered: log.delivered, isCertain: true };
  if (received === "sent" && !isLossy) return { ...all, gap: null };
  if (acknowledged !== null && (received === "acknowledged" || acknowledged > 0)) {
    return { delivered: acknowledged, gap: null, isCertain: false };
  }
  return { ...all, gap: isLossy ? "dropped" : null };
}

function seatOf(subscription: {
  readonly socketId: string;
  readonly member: Member | null;
  readonly since: number;
  readonly count: Count;
  readonly log: RecoveryLog;
}): Seat | null {
  const { socketId, member, since, count, log } = subscription;
  // It is not known yet whether it has a session.
  if (since === underWay) return null;
  const position = log.positionAt(Math.max(count.delivered, since));
  const gap = position === null ? "bounds" : count.gap;
  const place = position ?? "";
  const socketIds = [socketId];
  return { position: place, earliest: place, member, socketIds, gap, isGranted: false };
}
