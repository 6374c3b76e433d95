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
  /** A seat of a session was taken, or will not be: its member need not be kept in the channel any more. */
  readonly onSeatEnded: (token: string, channel: string) => void;
}

export class Recovery {
  readonly windowMs: number;
  readonly #options: RecoveryOptions;
  readonly #resumptions: Resumptions;
  readonly #arrivals: Arrivals;
  readonly #isForCuts: boolean;
  /** Null: broken connections are not recovered. */
  readonly #pages: OpenPages | null;
  /** Channels whose subscribers were pinged with a position in this tick. */
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

  /** Sessions kept in this process for clients that are away. */
  get sessionCount(): number {
    return this.#options.sessions.size;
  }

  connected(connection: Connection): void {
    const client = connection.recovery;
    if (!client) return;
    const before = this.#pages?.add(connection, client)?.resumption;
    // Two connections at once: the session that the first has asked for goes to the second.
    if (before && !before.session) this.#resumptions.ask(connection, client, this.#nowMs, before);
  }

  /** A subscription is live or a signin done: sends its missed events, now or as soon as they have been read. */
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

  /** A page asks for a channel. Calls back once, when it is known whether the connection resumes a session. */
  regrant(
    connection: Connection,
    channel: string,
    shown: Credentials | null,
    done: (outcome: Regrant) => void,
  ): void {
    this.#whenAsked(connection, () => done(regrant(connection, channel, shown, this.#nowMs)));
  }

  /** The app did not grant the channel: its earlier grant no longer counts. */
  revoke(connection: Connection, channel: string): void {
    this.#whenAsked(connection, () => {
      connection.recovery?.grants?.delete(channel);
      this.changed(connection);
    });
  }

  /** Runs it once it is known whether the connection resumes a session. */
  #whenAsked(connection: Connection, run: () => void): void {
    const client = connection.recovery;
    if (client) this.#resumptions.ask(connection, client, this.#nowMs);
    const { resumption } = client ?? {};
    if (resumption && !resumption.session) resumption.waiting.push(run);
    else run();
  }

  /** The session that the connection would leave has changed: its channels or its grants. */
  changed({ recovery: client }: Connection): void {
    if (client) this.#pages?.changed(client);
  }

  /** An event is about to be delivered. */
  begin(event: ChannelEvent): void {
    if (!event.isClientEvent) this.#options.log.begin(event);
  }

  /** It has been delivered. Its recipients are pinged once per tick; their pongs acknowledge it. */
  end(recipients: ReadonlySet<Recipient> | undefined): void {
    const { log } = this.#options;
    log.end();
    if (!this.#isForCuts || !recipients || this.#asked.has(recipients)) return;
    this.#asked.add(recipients);
    const ping = encodePingFrame(String(log.delivered));
    for (const recipient of recipients) recipient.askPosition?.(ping, this.#tick);
  }

  /** Pings one client with a position, along with something that it is sent anyway. */
  askPosition(connection: Connection): void {
    if (!this.#isForCuts || !connection.recovery) return;
    connection.askPosition(encodePingFrame(String(this.#options.log.delivered)), this.#tick);
  }

  /** @param payload of a pong, which may be any bytes */
  acknowledge(connection: Connection, payload: string): void {
    const delivered = /^\d{1,15}$/.test(payload) ? Number(payload) : Number.POSITIVE_INFINITY;
    if (delivered <= this.#options.log.delivered) connection.recovery?.acknowledge(delivered);
  }

  /**
   * The connection is about to be closed by this node. Waits until the session that it resumes is known, calls `mute`
   * when it must get no more events, then `done` once its session is kept.
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

  /** True: it may come back, and until then its members stay listed. */
  closed(connection: Connection, code: number): boolean {
    const client = connection.recovery;
    if (!client) return false;
    const isPresent = this.#pages?.remove(connection, client) ?? false;
    if (client.isSuspended) return true;
    client.isSuspended = true;
    const isCut = code === goneCode || code === errors.pongTimeout.closeCode;
    // This is how pusher-js closes a connection that fell silent; it may arrive once the network is back.
    const isGivenUp = client.token.isOfOnePage && (code === normalCode || code === noCode);
    // The page may also have left on purpose, which looks the same.
    if (isGivenUp) client.grants = null;
    if (!client.hasAsked) {
      if (!isCut) this.#resumptions.leave(client.token, isGivenUp);
      return false;
    }
    const mayComeBack = this.#isForCuts && (isCut || isGivenUp);
    const isKept = mayComeBack && this.#keep(connection, client, "acknowledged");
    // It leaves less than what was stored while it was open.
    if (isPresent && !isKept) this.#pages?.forget(client.token.key);
    // It left for good, and with it the seats that it had not come back to.
    if (!mayComeBack) this.#arrivals.drop(client);
    return isKept && isCut;
  }

  /** Ends the sessions of a user, including those that open connections are still resuming. */
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

  /** False: there is nothing to keep, and `done` is not called. */
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
