/**
 * A client is back in a channel: reads and sends what it missed, then what was published meanwhile, then lets it
 * receive live.
 */

import { userOfChannel } from "../channel-name.ts";
import type { Connection } from "../connection.ts";
import { encodeGap } from "../messages.ts";
import { isSameMember, type Member } from "../presence.ts";
import type { Recipient } from "../recipient.ts";
import type { Report } from "../report.ts";
import type { RecoveryClient, Standing } from "./client.ts";
import { outcomeOf, type Outcome } from "./missed.ts";
import type { RecoveryLog } from "./ports.ts";
import { Replay } from "./replay.ts";
import { usersOf, type Seat } from "./session.ts";

/** A subscription that has just become live, or a signin. */
export interface Arrival {
  readonly channel: string;
  readonly member: Member | null;
  /** Whether it still is. */
  readonly isLive: () => boolean;
  /** Replaces one recipient of the channel's events by another. */
  readonly replace: (from: Recipient, to: Recipient) => void;
  readonly setStanding: (standing: Standing | null) => void;
  /** Called once, if it is still live by then. `isUpToDate`: it has been sent the channel's last event. */
  readonly done: (isUpToDate: boolean) => void;
}

export interface ArrivalOptions {
  readonly appId: string;
  /** Clients acknowledge what they receive, so the start of a subscription has to be known. */
  readonly isForCuts: boolean;
  readonly log: RecoveryLog;
  readonly report: Report;
  /** A seat was taken, or will not be. */
  readonly onSeatEnded: (token: string, channel: string) => void;
}

interface Decision {
  readonly outcome: Outcome;
  readonly seat: Seat | null;
}

const isNew: Decision = { outcome: { kind: "new" }, seat: null };

export class Arrivals {
  readonly #options: ArrivalOptions;

  constructor(options: ArrivalOptions) {
    this.#options = options;
  }

  /** @param nowMs to tell whether the session has expired */
  arrive(connection: Connection, client: RecoveryClient, arrival: Arrival, nowMs: number): void {
    const { log } = this.#options;
    let replay: Replay | null = null;
    let isDecided = false;
    const decide = (decision: Decision): void => {
      if (isDecided) return;
      isDecided = true;
      if (replay) arrival.replace(replay, connection);
      // A suspended connection must not get what its successor will be sent.
      const isHere = arrival.isLive() && !client.isSuspended;
      if (isHere) this.#give(connection, arrival, decision, replay);
    };
    this.#look(connection, client, arrival, nowMs, decide);
    if (isDecided) return;
    replay = new Replay({
      socketId: connection.socketId,
      current: () => log.current,
      onOver: () => decide({ outcome: { kind: "gap", reason: "bounds" }, seat: null }),
    });
    arrival.replace(connection, replay);
  }

  /** The client is somebody else, or has left for good: its session is given and granted to nobody. */
  drop(client: RecoveryClient): void {
    const { resumption, token } = client;
    client.resumption = null;
    client.grants?.clear();
    for (const channel of resumption?.seats.keys() ?? []) {
      this.#options.onSeatEnded(token.key, channel);
    }
  }

  /** The same if it resumes a session of this user: at once, or as soon as the session is known. */
  dropOf(userId: string, client: RecoveryClient): void {
    const { resumption } = client;
    const look = (): void => {
      const session = resumption?.session;
      if (session && usersOf(session).has(userId)) this.drop(client);
    };
    if (resumption?.session) look();
    else resumption?.waiting.unshift(look);
  }

  #look(
    connection: Connection,
    client: RecoveryClient,
    arrival: Arrival,
    nowMs: number,
    decide: (decision: Decision) => void,
  ): void {
    const { resumption } = client;
    const { channel, member } = arrival;
    if (!resumption || resumption.endsMs <= nowMs) return decide(isNew);
    const { session, seats } = resumption;
    if (!session) {
      arrival.setStanding({ since: Number.POSITIVE_INFINITY, from: null });
      const again = (): void => this.#look(connection, client, arrival, nowMs, decide);
      return void resumption.waiting.push(again);
    }
    const seat = seats.get(channel);
    const user = userOfChannel(channel);
    const isOtherUser = user !== null && session.users.size > 0 && !session.users.has(user);
    if (isOtherUser || (seat && !isSameMember(seat.member, member))) {
      const { report, appId } = this.#options;
      this.drop(client);
      report({ kind: "recovery_session", appId, outcome: "refused" });
      return decide(isNew);
    }
    if (!seat) return decide(isNew);
    seats.delete(channel);
    this.#options.onSeatEnded(client.token.key, channel);
    const reason = session.users.size > 1 ? "ambiguous" : seat.gap;
    if (reason) return decide({ outcome: { kind: "gap", reason }, seat });
    arrival.setStanding({ since: Number.POSITIVE_INFINITY, from: seat });
    const { socketId } = connection;
    const hasRoom = (bytes: number): boolean => connection.hasRoom(bytes);
    const { log } = this.#options;
    log.read(channel, seat.earliest, (missed) => {
      // Meanwhile it turned out to be somebody else, or its user was terminated.
      if (client.resumption !== resumption) return decide(isNew);
      const compare = log.compare.bind(log);
      decide({
        outcome: outcomeOf(missed, seat, { socketId, resumption, hasRoom }, compare),
        seat,
      });
    });
  }

  #give(
    connection: Connection,
    arrival: Arrival,
    { outcome, seat }: Decision,
    replay: Replay | null,
  ): void {
    const { appId, report, log, isForCuts } = this.#options;
    const { channel } = arrival;
    const frames = outcome.kind === "resumed" ? outcome.frames : [];
    if (outcome.kind === "gap") {
      const { reason } = outcome;
      report({ kind: "recovery_gap", appId, socketId: connection.socketId, channel, reason });
      connection.sendText(encodeGap(channel, reason));
    }
    for (const frame of frames) connection.send(frame);
    if (frames.length > 0) report({ kind: "recovery_replayed", appId, events: frames.length });
    const rest = replay?.rest(
      (position) => outcome.kind === "resumed" && log.compare(position, outcome.upTo) <= 0,
    );
    for (const frame of rest ?? []) connection.send(frame);
    const from = frames.length > 0 ? seat : null;
    arrival.setStanding(isForCuts ? { since: from ? log.mark() : log.delivered, from } : null);
    arrival.done(outcome.kind === "resumed" || (rest?.length ?? 0) > 0);
  }
}
