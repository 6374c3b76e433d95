/** One client over one WebSocket, as the protocol sees it. */

import type { App } from "./app.ts";
import type { Handshake } from "./ports.ts";
import type { Report } from "./report.ts";
import type { FrameKind } from "./report/websocket.ts";
import type { Member } from "./presence.ts";
import { encodeFrame, type Frame } from "./frame.ts";
import { errorFrame } from "./error-frames.ts";
import type { ProtocolError } from "./errors.ts";
import type { SubscribeOutcome } from "./subscriptions.ts";
import { TokenBucket } from "./rate-limit.ts";

/** The way to the client. Both calls are harmless after the socket closed. */
export interface Transport {
  /** Queues a frame; frames leave in the order of the calls. `kind` is for metrics. */
  send(frame: Frame, kind: FrameKind): void;
  /** Sends what is queued, then a WebSocket close. */
  close(code: number, reason: string): void;
}

/** A connection in a channel, or on its way there; `member` is who it is there, on presence channels. */
export interface Subscription {
  readonly channel: string;
  readonly member: Member | null;
  /** Events reach it. */
  isLive: boolean;
  /** Its member was told to the presence store. */
  hasJoined: boolean;
  /** What became of it. */
  outcome: SubscribeOutcome | Promise<SubscribeOutcome>;
}

/** Who signed in over this connection. */
export interface User {
  readonly id: string;
  readonly info: unknown;
  /** Users whose coming and going this one wants to hear of. */
  readonly watchlist: readonly string[];
}

export class Connection {
  readonly app: App;
  readonly socketId: string;
  readonly handshake: Handshake;
  /** On the node's clock. */
  readonly openedMs: number;
  readonly subscriptions = new Map<string, Subscription>();
  /** Subscriptions that wait for the app's word; aborting one makes as if it had never been asked for. */
  readonly pending = new Map<string, AbortController>();
  readonly #transport: Transport;
  readonly #report: Report;
  readonly #messageBucket: TokenBucket | null;
  readonly #clientEventBucket: TokenBucket;
  user: User | null = null;
  #isOpen = true;

  constructor(options: {
    app: App;
    socketId: string;
    handshake: Handshake;
    transport: Transport;
    report: Report;
    nowMs: number;
  }) {
    const { app, nowMs } = options;
    this.app = app;
    this.socketId = options.socketId;
    this.handshake = options.handshake;
    this.openedMs = nowMs;
    this.#transport = options.transport;
    this.#report = options.report;
    this.#messageBucket = app.messageRate && new TokenBucket(app.messageRate, nowMs);
    this.#clientEventBucket = new TokenBucket(app.clientEventRate, nowMs);
  }

  get isOpen(): boolean {
    return this.#isOpen;
  }

  mayReceiveMessage(nowMs: number): boolean {
    return this.#messageBucket?.tryTake(nowMs) ?? true;
  }

  maySendClientEvent(nowMs: number): boolean {
    return this.#clientEventBucket.tryTake(nowMs);
  }

  send(frame: Frame, kind: FrameKind = "prepared"): void {
    this.#transport.send(frame, kind);
  }

  sendText(text: string): void {
    this.#transport.send(encodeFrame(text), "bytes");
  }

  /** Sends `pusher:error`, and closes where the catalogue says so. */
  fail(error: ProtocolError): void {
    const { code, reason } = error;
    this.#report({ kind: "error_sent", appId: this.app.id, code, reason });
    this.send(errorFrame(error));
    if (error.closeCode !== undefined) this.close(error.closeCode, error.message);
  }

  /** Sends a WebSocket close; what is queued goes out before. */
  close(code: number, reason: string): void {
    this.#transport.close(code, reason);
  }

  /** The socket is gone: nothing that still waits for an answer may act on this connection. */
  markClosed(): void {
    this.#isOpen = false;
    for (const waiting of this.pending.values()) waiting.abort();
    this.pending.clear();
  }
}
