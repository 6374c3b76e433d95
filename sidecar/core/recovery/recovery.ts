/**
 * Sends clients that come back what they missed. When a connection ends that may be resumed, its session is kept; when
 * its channels are subscribed again, the events published since are sent (rules Y01–Y20 of docs/protocol.md).
 */

import { goneCode, noCode, normalCode } from "../close-codes.ts";
import type { Connection } from "../connection.ts";
import { errors } from "../errors.ts";
import { encodePingFrame } from "../frame.ts";
import type { ChannelEvent } from "../ports.ts";
import type { Recipient } from "../recipient.ts";
import type { Report } from "../report.ts";
import { Arrivals, type Arrival } from "./arrivals.ts";
import type { RecoveryClient } from "./client.ts";
import type { Credentials } from "./credentials.ts";
import { OpenPages } from "./open-pages.ts";
import type { RecoveryLog, RecoveryMode, SessionStore } from "./ports.ts";
import { regrant, type Regrant } from "./regrant.ts";
import { Resumptions } from "./resumptions.ts";
import { leaveSession, type Received } from "./seats.ts";

export interface RecoveryOptions {
  readonly appId: string;
  readonly mode: Exclude<RecoveryMode, "off">;
  readonly windowMs: number;
  /** What one client is sent when it comes back, over all its channels. */
  readonly maxEvents: number;
  readonly maxBytes: number;
  readonly log: RecoveryLog;
  readonly sessions: SessionStore;
  readonly report: Report;
  /** A seat of a session is taken, or will not be: its member need not stay in the channel for it any more. */
  readonly onSeatEnded: (token: string, channel: string) => void;
}

export class Recovery {
  readonly windowMs: number;
  readonly #options: RecoveryOptions;
  readonly #resumptions: Resumptions;
  readonly #arrivals: Arrivals;
  readonly #isForCuts: boolean;
  /** Null: cut connections are not gone on with. */
  readonly #pages: OpenPages | null;
  /** Channels whose subscribers were pinged with a position within the tick. */
  readonly #asked = new Set<ReadonlySet<Recipient>>();
  #tick = 0;
  #nowMs = 0;

  constructor(options: RecoveryOptions) {
    this.#options = options;
    this.windowMs = options.windowMs;
    this.#isForCuts = options.mode === "all";
    const { log, sessions, appId, report } = options;
    const onShared = (): void => report({ kind: "recovery_token_shared", appId });
    const onReplaced = (connection: Connection): void =>
      void this.closed(connection, errors.pongTimeout.closeCode);
    const ends = { onReplaced, onShared };
    this.#pages = this.#isForCuts ? new OpenPages(log, sessions.checkpoints, ends) : null;
    this.#resumptions = new Resumptions(options);
    this.#arrivals = new Arrivals({ ...options, isForCuts: this.#isForCuts });
  }

  /** Sessions that wait here for their client. */
  get sessionCount(): number {
    return this.#options.sessions.size;
  }

  connected(connection: Connection): void {
    const client = connection.recovery;
    if (!client) return;
    const before = this.#pages?.add(connection, client)?.resumption;
    // Two connections at once: what the first has asked for already is the second's.
    if (before && !before.session) this.#resumptions.ask(connection, client, this.#nowMs, before);
  }

  /** A subscription is live or a signin done: sends what was missed of it, now or as soon as that is read. */
  arrive(connection: Connection, arrival: Arrival): void {
    const client = connection.recovery;
    if (!client) return arrival.done(false);
    this.#resumptions.ask(connection, client, this.#nowMs);
    const done = (isUpToDate: boolean): void => {
      this.askPosition(connection);
      this.#pages?.changed(client);
      arrival.done(isUpToDate);
    };
    this.#arrivals.arrive(connection, client, { ...arrival, done }, this.#nowMs);
  }

  /** A page asks for a channel. Calls back once, when it is known whether the connection goes on with a session. */
  regrant(
    connection: Connection,
    channel: string,
    shown: Credentials | null,
    done: (outcome: Regrant) => void,
  ): void {
    this.#whenAsked(connection, () => done(regrant(connection, channel, shown, this.#nowMs)));
  }

  /** The app has not said yes: it is asked again, whatever it said before. */
  revoke(connection: Connection, channel: string): void {
    this.#whenAsked(connection, () => {
      connection.recovery?.grants?.delete(channel);
      this.changed(connection);
    });
  }

  /** Once it is known whether the connection goes on with a session. */
  #whenAsked(connection: Connection, run: () => void): void {
    const client = connection.recovery;
    if (client) this.#resumptions.ask(connection, client, this.#nowMs);
    const { resumption } = client ?? {};
    if (resumption && !resumption.session) resumption.waiting.push(run);
    else run();
  }

  /** What the connection would leave is another than before: a channel, or what is granted of it. */
  changed({ recovery: client }: Connection): void {
    if (client) this.#pages?.changed(client);
  }

  /** An event is about to be delivered. */
  begin(event: ChannelEvent): void {
    if (!event.isClientEvent) this.#options.log.begin(event);
  }

  /** It was. Who was sent it is pinged, once in a tick: the pong says that it has come. */
  end(recipients: ReadonlySet<Recipient> | undefined): void {
    const { log } = this.#options;
    log.end();
    if (!this.#isForCuts || !recipients || this.#asked.has(recipients)) return;
    this.#asked.add(recipients);
    const ping = encodePingFrame(String(log.delivered));
    for (const recipient of recipients) recipient.askPosition?.(ping, this.#tick);
  }

  /** Rides along with what one client is sent anyway. */
  askPosition(connection: Connection): void {
    if (!this.#isForCuts || !connection.recovery) return;
    connection.askPosition(encodePingFrame(String(this.#options.log.delivered)), this.#tick);
  }

  /** @param payload of a pong, which may be anything */
  acknowledge(connection: Connection, payload: string): void {
    const delivered = /^\d{1,15}$/.test(payload) ? Number(payload) : Number.POSITIVE_INFINITY;
    if (delivered <= this.#options.log.delivered) connection.recovery?.acknowledge(delivered);
  }

  /**
   * The connection is about to be closed by this node. `mute` is called when it is to get no event any more, then
   * `done` once its session is kept; where its last session is still asked for, that is waited for.
   */
  suspend(connection: Connection, mute: () => void, done: () => void): void {
    const client = connection.recovery;
    if (!client || client.isSuspended) return done();
    this.#whenAsked(connection, () => {
      if (client.isSuspended) return done();
      client.isSuspended = true;
      mute();
      const received = client.isSilent(this.#tick) ? "acknowledged" : "sent";
      if (!this.#keep(connection, client, received, done)) done();
    });
  }

  /** True: it may come back, and until then its members stay in their channels. */
  closed(connection: Connection, code: number): boolean {
    const client = connection.recovery;
    if (!client) return false;
    const isPresent = this.#pages?.remove(connection, client) ?? false;
    if (client.isSuspended) return true;
    client.isSuspended = true;
    const isCut = code === goneCode || code === errors.pongTimeout.closeCode;
    // So pusher-js ends a line that fell silent, which may be seen here when the line is back.
    const isGivenUp = client.token.isOfOnePage && (code === normalCode || code === noCode);
    // Or so it was left, which can't be told apart.
    if (isGivenUp) client.grants = null;
    if (!client.hasAsked) {
      if (!isCut) this.#resumptions.leave(client.token, isGivenUp);
      return false;
    }
    const mayComeBack = this.#isForCuts && (isCut || isGivenUp);
    const isKept = mayComeBack && this.#keep(connection, client, "acknowledged");
    // What was stored while it was open is more than it has left.
    if (isPresent && !isKept) this.#pages?.forget(client.token.key);
    // It left for good, and so it has what it had not come back to.
    if (!mayComeBack) this.#arrivals.drop(client);
    return isKept && isCut;
  }

  /** Ends the sessions of a user, those that open connections have not wholly come back to among them. */
  terminate(userId: string, connections: Iterable<Connection>): void {
    this.#options.sessions.terminate(userId);
    for (const { recovery: client } of connections) {
      if (client) this.#arrivals.dropOf(userId, client);
    }
  }

  /** To be called every second or so. */
  tick(nowMs: number): void {
    this.#tick += 1;
    this.#nowMs = nowMs;
    this.#asked.clear();
    this.#pages?.tick(nowMs);
    this.#options.log.tick(nowMs);
    this.#options.sessions.tick(nowMs);
  }

  /** False: there is nothing to keep, and nobody is called. */
  #keep(
    connection: Connection,
    client: RecoveryClient,
    received: Received,
    done: () => void = () => undefined,
  ): boolean {
    const { log, sessions, appId, report } = this.#options;
    const session = leaveSession(connection, client, { received, nowMs: this.#nowMs, log });
    if (!session) return false;
    sessions.put(client.token.key, session, (isKept) => {
      report({ kind: "recovery_session", appId, outcome: isKept ? "kept" : "evicted" });
      done();
    });
    return true;
  }
}
