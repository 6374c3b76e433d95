/** An open connection as this room sees it: passes input to the core, and its end to the endpoint. */

import type { Connection } from "../core/connection.ts";
import { errors, messageTooLong } from "../core/errors.ts";
import { encodeFrame, encodePingFrame } from "../core/frame.ts";
import { refuseTooLong } from "../core/handlers.ts";
import type { Hub } from "../core/hub.ts";
import { pingText } from "../core/messages.ts";
import type { Report } from "../core/report.ts";
import type { HeartbeatOptions, Monitored } from "./heartbeat.ts";
import type { SocketListener } from "./socket-listener.ts";
import type { SocketTransport } from "./transport.ts";

/** The same for all connections of an app. */
export interface OpenSocketOptions {
  readonly hub: Hub;
  readonly onMessage: (hub: Hub, connection: Connection, text: string, nowMs: number) => void;
  readonly onClosed: (socket: OpenSocket) => void;
  readonly report: Report;
  /** Milliseconds of a clock that never goes back. */
  readonly now: () => number;
}

export class OpenSocket implements SocketListener, Monitored {
  readonly connection: Connection;
  readonly transport: SocketTransport;
  readonly #options: OpenSocketOptions;
  lastReceivedMs: number;
  slot = 0;
  #usesControlFrames = false;

  constructor(connection: Connection, transport: SocketTransport, options: OpenSocketOptions) {
    this.connection = connection;
    this.transport = transport;
    this.#options = options;
    this.lastReceivedMs = connection.openedMs;
  }

  get heartbeat(): HeartbeatOptions {
    return this.connection.app;
  }

  ping(): void {
    this.connection.send(this.#usesControlFrames ? controlPing : eventPing, "ping");
    this.#options.hub.recovery?.askPosition(this.connection);
  }

  /** Sends the close of a node that stops, once what the client will have missed is kept. */
  leave(code: number, reason: string): void {
    this.#options.hub.suspend(this.connection, () => this.transport.close(code, reason));
  }

  expire(): void {
    this.connection.fail(errors.pongTimeout);
  }

  onReceived(isControl: boolean): void {
    this.lastReceivedMs = this.#options.now();
    this.#usesControlFrames ||= isControl;
  }

  onMessage(text: string): void {
    const { hub, onMessage } = this.#options;
    onMessage(hub, this.connection, text, this.lastReceivedMs);
  }

  onPong(payload: string): void {
    this.#options.hub.recovery?.acknowledge(this.connection, payload);
  }

  onDropped(): void {
    const { recovery } = this.connection;
    if (recovery) recovery.isLossy = true;
  }

  onLongMessage(text: string): void {
    refuseTooLong(this.connection, text, this.lastReceivedMs);
  }

  onTooLong(): void {
    const { app, socketId } = this.connection;
    const about = { appId: app.id, socketId, channel: null };
    this.#options.report({ kind: "error_sent", ...about, ...messageTooLong });
  }

  onTooSlow(): void {
    this.connection.fail(errors.slowConsumer);
  }

  onClosed(code: number): void {
    this.#options.onClosed(this);
    this.#options.hub.disconnect(this.connection, code);
  }
}

const eventPing = encodeFrame(pingText);
const controlPing = encodePingFrame();
