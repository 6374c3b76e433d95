/** One client over one WebSocket, as the protocol sees it. */

import type { App } from "./app.ts";
import type { ErrorData } from "./dialect.ts";
import { errorFrame } from "./error-frames.ts";
import type { ProtocolError } from "./errors.ts";
import { encodeFrame, type Frame } from "./frame.ts";
import { encodeRefusal } from "./messages.ts";
import type { Handshake } from "./ports.ts";
import { memberKey } from "./presence.ts";
import { TokenBucket } from "./rate-limit.ts";
import type { Recipient } from "./recipient.ts";
import type { RecoveryClient } from "./recovery/client.ts";
import type { Report } from "./report.ts";
import type { FrameKind } from "./report/websocket.ts";
import { channelOf, subjectKey, type Subject } from "./subject.ts";
import type { Subscription } from "./subscription.ts";
import type { Transport } from "./transport.ts";
import { traceSent } from "./wire-trace.ts";

/** Who signed in over this connection. */
export interface User {
  readonly id: string;
  readonly info: unknown;
  /** Users whose coming and going this one is sent. */
  readonly watchlist: readonly string[];
}

export class Connection implements Recipient {
  readonly app: App;
  readonly socketId: string;
  readonly handshake: Handshake;
  /** On the node's clock. */
  readonly openedMs: number;
  /** Null: its client can't be recognized when it comes back. */
  readonly recovery: RecoveryClient | null;
  readonly subscriptions = new Map<string, Subscription>();
  /** Pending requests to the app, by subject; null before the first. */
  #pending: Map<string, AbortController> | null = null;
  readonly #transport: Transport;
  readonly #report: Report;
  readonly #errorData: ErrorData;
  /** Full until something is taken, so created only then. */
  #messageBucket: TokenBucket | null = null;
  #clientEventBucket: TokenBucket | null = null;
  user: User | null = null;
  #isOpen = true;

  constructor(options: {
    app: App;
    socketId: string;
    handshake: Handshake;
    transport: Transport;
    report: Report;
    /** As this client reads `pusher:error`. */
    errorData: ErrorData;
    nowMs: number;
    recovery?: RecoveryClient | null;
  }) {
    const { app, nowMs } = options;
    this.app = app;
    this.socketId = options.socketId;
    this.handshake = options.handshake;
    this.openedMs = nowMs;
    this.recovery = options.recovery ?? null;
    const { transport, report } = options;
    const client = { appId: app.id, socketId: options.socketId };
    this.#transport = report.wire ? traceSent(report.wire, client, transport) : transport;
    this.#report = report;
    this.#errorData = options.errorData;
  }

  get isOpen(): boolean {
    return this.#isOpen;
  }

  /** Whether it belongs to this user: signed in, or a member of any presence channel under that id. */
  isOf(userId: string): boolean {
    if (this.user?.id === userId) return true;
    for (const { member } of this.subscriptions.values()) {
      if (member && memberKey(member) === userId) return true;
    }
    return false;
  }

  /** Whether one more message would exceed the app's rate. */
  isOverMessageRate(nowMs: number): boolean {
    return this.#messageBucket?.isEmpty(nowMs) ?? false;
  }

  mayReceiveMessage(nowMs: number): boolean {
    const { messageRate } = this.app;
    if (!messageRate) return true;
    this.#messageBucket ??= new TokenBucket(messageRate, nowMs);
    return this.#messageBucket.tryTake(nowMs);
  }

  maySendClientEvent(nowMs: number): boolean {
    this.#clientEventBucket ??= new TokenBucket(this.app.clientEventRate, nowMs);
    return this.#clientEventBucket.tryTake(nowMs);
  }

  send(frame: Frame, kind: FrameKind = "prepared"): void {
    this.#transport.send(frame, kind);
  }

  sendText(text: string): void {
    this.#transport.send(encodeFrame(text), "bytes");
  }

  askPosition(ping: Frame, tick: number): void {
    if (this.recovery?.mayAsk(tick)) this.#transport.send(ping, "ping");
  }

  /** See `Transport`. */
  hasRoom(bytes: number): boolean {
    return this.#transport.hasRoom(bytes);
  }

  /**
   * Sends `pusher:error`, then, if it is about a subscription or the signin, that one's own error, since pages never see
   * the former; then closes the connection if the catalogue says so.
   *
   * @param channel for the report, if it is not the subject's
   */
  fail(error: ProtocolError, subject?: Subject | null, channel = channelOf(subject)): void {
    const { code, reason } = error;
    const { socketId } = this;
    const about = { appId: this.app.id, socketId, channel };
    this.#report({ kind: "error_sent", ...about, code, reason });
    this.send(errorFrame(error, this.#errorData));
    if (subject) this.sendText(encodeRefusal(subject, error));
    if (error.closeCode !== undefined) this.close(error.closeCode, error.message);
  }

  /** Sends what is queued, then a WebSocket close. */
  close(code: number, reason: string): void {
    this.#transport.close(code, reason);
  }

  isPending(subject: Subject): boolean {
    return this.#pending?.has(subjectKey(subject)) ?? false;
  }

  /** The signal is aborted by `cancel` and when the connection closes; `cancel` or `finish` must end the request. */
  begin(subject: Subject): AbortSignal {
    const controller = new AbortController();
    this.#pending ??= new Map();
    this.#pending.set(subjectKey(subject), controller);
    return controller.signal;
  }

  /** The app has answered. */
  finish(subject: Subject): void {
    this.#pending?.delete(subjectKey(subject));
  }

  /** The app's answer is no longer wanted. */
  cancel(subject: Subject): void {
    const key = subjectKey(subject);
    this.#pending?.get(key)?.abort();
    this.#pending?.delete(key);
  }

  /** The socket is gone: pending requests are aborted, so that none acts on this connection any more. */
  markClosed(): void {
    this.#isOpen = false;
    for (const controller of this.#pending?.values() ?? []) controller.abort();
    this.#pending = null;
  }
}
