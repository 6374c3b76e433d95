/**
 * Takes the session of a client that comes back, with its first channel and not with its handshake: pusher-js abandons
 * a slow attempt to connect, and its next attempt may arrive before anybody knows that the first one is gone.
 */

import type { Connection } from "../connection.ts";
import type { Report } from "../report.ts";
import type { RecoveryClient, RecoveryToken, Resumption } from "./client.ts";
import { ownSession } from "./grants.ts";
import type { SessionStore } from "./ports.ts";
import type { Session } from "./session.ts";

export interface ResumptionOptions {
  readonly appId: string;
  readonly windowMs: number;
  readonly maxEvents: number;
  readonly maxBytes: number;
  readonly sessions: SessionStore;
  readonly report: Report;
  /** A seat of a session will not be taken any more. */
  readonly onSeatEnded: (token: string, channel: string) => void;
}

export class Resumptions {
  readonly #options: ResumptionOptions;

  constructor(options: ResumptionOptions) {
    this.#options = options;
  }

  /**
   * Asks for the client's session, once.
   *
   * @param before of the page's previous connection, which is still waiting for the session: this one gets it instead
   */
  ask(
    connection: Connection,
    client: RecoveryClient,
    nowMs: number,
    before: Resumption | null = null,
  ): void {
    if (client.hasAsked) return;
    client.hasAsked = true;
    const { windowMs, maxEvents, maxBytes, sessions } = this.#options;
    const resumption: Resumption = {
      session: null,
      seats: new Map(),
      waiting: [],
      endsMs: nowMs + windowMs,
      leftEvents: maxEvents,
      leftBytes: maxBytes,
    };
    client.resumption = resumption;
    const found = (session: Session | null): void => {
      this.#found(connection, client, resumption, session && ownSession(client.grants, session));
      for (const look of resumption.waiting.splice(0)) look();
    };
    if (before) before.handOver = found;
    else sessions.take(client.token.key, found);
  }

  /**
   * The client has left without having asked for its session.
   *
   * @param mayComeBack as far as can be told; in that case nothing is granted to it without the app
   */
  leave({ key, isOfOnePage }: RecoveryToken, mayComeBack: boolean): void {
    if (!isOfOnePage) return;
    const { sessions, onSeatEnded } = this.#options;
    sessions.take(key, (session) => {
      if (!session) return;
      if (mayComeBack) return this.#giveBack(key, { ...session, grant: null });
      for (const channel of session.seats.keys()) onSeatEnded(key, channel);
    });
  }

  #found(
    connection: Connection,
    client: RecoveryClient,
    resumption: Resumption,
    session: Session | null,
  ): void {
    const { appId, report } = this.#options;
    if (resumption.handOver) return resumption.handOver(session);
    // It has left for good meanwhile.
    if (client.resumption !== resumption) return;
    // It is gone again, without having come back to anything.
    if (session && !connection.isOpen) return this.#giveBack(client.token.key, session);
    if (session) {
      resumption.session = session;
      for (const [channel, seat] of session.seats) resumption.seats.set(channel, seat);
      const outcome = session.connections > 1 ? "ambiguous" : "resumed";
      report({ kind: "recovery_session", appId, outcome });
    } else {
      client.resumption = null;
    }
  }

  #giveBack(key: string, session: Session): void {
    this.#options.sessions.put(key, { ...session, connections: 1 }, () => undefined);
  }
}
