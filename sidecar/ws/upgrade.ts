/** The WebSocket endpoint `/app/{key}`: a ladder of guards in the protocol's order, then the open connection. */

import { randomInt } from "node:crypto";
import type { IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";
import { Connection } from "../core/connection.ts";
import { errorDataFor, type ErrorData } from "../core/dialect.ts";
import { errors, messageTooLong } from "../core/errors.ts";
import { encodeFrame, encodePingFrame } from "../core/frame.ts";
import { refuseTooLong } from "../core/handlers.ts";
import type { Hub } from "../core/hub.ts";
import { encodeEstablished, pingText } from "../core/messages.ts";
import { isOriginAllowed } from "../core/origin.ts";
import type { Handshake } from "../core/ports.ts";
import type { Report } from "../core/report.ts";
import { peerOf } from "../http/peer.ts";
import { answerSocketPlainly } from "../http/plain-answer.ts";
import { visitorOf } from "../http/visitor.ts";
import { Heartbeat, type Monitored } from "./heartbeat.ts";
import { Inbox } from "./inbox.ts";
import { Outbox } from "./outbox.ts";
import { httpRefusals, refusals, refuse, type Refusal } from "./refusals.ts";
import { SlowConsumers } from "./slow-consumers.ts";
import { stagger, type Stagger } from "../core/stagger.ts";
import { createSocketAcceptor, type SocketAcceptor, type SocketTransport } from "./transport.ts";

export interface WebSocketEndpointOptions {
  /** By app key. */
  readonly hubs: ReadonlyMap<string, Hub>;
  readonly onMessage: (hub: Hub, connection: Connection, text: string, nowMs: number) => void;
  readonly report: Report;
  readonly clientIp: (handshake: Handshake) => string;
  /** True once the node stops: new handshakes are answered 503. */
  readonly isDraining: () => boolean;
  /** Milliseconds of a clock that never goes back. */
  readonly now: () => number;
  /** Open connections of this node, all apps together. */
  readonly maxConnections: number;
  /** Bytes that may wait for one client; and for all of them together. */
  readonly maxQueuedBytes: number;
  readonly maxTotalQueuedBytes: number;
  /** A connection that is still full after this is closed with 4100. */
  readonly writeWaitMs: number;
  /** Whether every frame and write is measured, which costs some time of each. */
  readonly hotPathMetrics: boolean;
}

export interface WebSocketEndpoint {
  /** Takes over an upgrade request whose path is `/app/{appKey}`. */
  readonly handleUpgrade: (
    req: IncomingMessage,
    socket: Duplex,
    head: Buffer,
    appKey: string,
  ) => void;
  readonly connectionCount: number;
  /** Memory that waits for slow clients. */
  readonly queuedBytes: number;
  /** Bytes written to clients so far. */
  readonly writtenBytes: number;
  /**
   * Sends every connection a close, spread over `windowMs` (rule O04); those that don't answer are cut. Resolves when
   * all were sent, or with `destroy`.
   */
  closeAll(
    close: { readonly code: number; readonly reason: string },
    windowMs: number,
  ): Promise<void>;
  /** Cuts what is still open and stops the timer. */
  destroy(): void;
}

/** What clients sent is handled for so long before the event loop gets its turn. */
const turnMs = 1;
/** What one connection gets before it is asked whose turn is next: at first a message or two of a usual size. */
const shareMs = 0.1;
const minShareBytes = 128;
const maxShareBytes = 4_096;
/** Connections written to before the event loop gets its turn. */
const writesPerTurn = 256;
const bytesPerTurn = 67_108_864;
const tickMs = 1_000;
/** A client of an unknown app has nothing to say. */
const maxUnknownAppMessageBytes = 1_024;

/** What a handshake says of its client. */
interface Client {
  readonly handshake: Handshake;
  readonly errorData: ErrorData;
}

/** An open connection as this room keeps it. */
interface OpenSocket extends Monitored {
  readonly connection: Connection;
  readonly transport: SocketTransport;
}

export function createWebSocketEndpoint(options: WebSocketEndpointOptions): WebSocketEndpoint {
  const { hubs, now, report } = options;
  const outbox = new Outbox({
    maxQueuedBytes: options.maxQueuedBytes,
    maxTotalBytes: options.maxTotalQueuedBytes,
    writesPerTurn,
    bytesPerTurn,
    schedule: setImmediate,
    report,
    measure: options.hotPathMetrics ? now : null,
  });
  const inbox = new Inbox({
    now,
    schedule: setImmediate,
    defer: queueMicrotask,
    turnMs,
    shareMs,
    minShareBytes,
    maxShareBytes,
  });
  const ways = { inbox, outbox };
  const slowConsumers = new SlowConsumers({ outbox, writeWaitMs: options.writeWaitMs });
  const heartbeat = new Heartbeat(now());
  const sockets = new Set<OpenSocket>();
  /** Everything with a TCP connection, closing or refused ones too. */
  const transports = new Set<SocketTransport>();
  let closing: Stagger | null = null;
  const acceptUnknownApp = createSocketAcceptor(ways, {
    appId: null,
    maxMessageBytes: maxUnknownAppMessageBytes,
  });
  const acceptors = new Map<Hub, SocketAcceptor>();
  for (const hub of hubs.values()) {
    const { id: appId, maxMessageBytes } = hub.app;
    acceptors.set(hub, createSocketAcceptor(ways, { appId, maxMessageBytes }));
  }

  const timer = setInterval(() => {
    const nowMs = now();
    heartbeat.tick(nowMs);
    slowConsumers.tick(nowMs);
  }, tickMs);
  timer.unref();

  function handleUpgrade(req: IncomingMessage, socket: Duplex, head: Buffer, appKey: string): void {
    const handshake = peerOf(req);
    if (options.isDraining()) return refuseHandshake(socket, "draining");
    const visitor = visitorOf(options.clientIp(handshake));
    const hub = hubs.get(appKey);
    const accept = (hub && acceptors.get(hub)) ?? acceptUnknownApp;
    accept(req, socket, head, visitor, (transport) => {
      transports.add(transport);
      transport.onGone(() => transports.delete(transport));
      const refusal = hub ? checkOpen(hub, req.headers.origin) : refusals.unknown_key;
      const errorData = errorDataFor(req.url ?? "");
      if (hub && !refusal) return open(hub, transport, { handshake, errorData });
      if (!refusal) return;
      const appId = hub?.app.id ?? null;
      const { code, reason } = refusal.error;
      const origin = refusal === refusals.origin ? (req.headers.origin ?? null) : null;
      const sent = hub ? origin : appKey;
      report({ kind: "handshake_refused", appId, reason: refusal.reason, sent });
      report({ kind: "error_sent", appId, code, reason });
      refuse(transport, refusal.error, errorData);
    });
  }

  /** Pusher's order: capacity, then origin. */
  function checkOpen(hub: Hub, origin: string | undefined): Refusal | null {
    const { maxConnections, allowedOrigins } = hub.app;
    if (sockets.size >= options.maxConnections) return refusals.over_capacity;
    if (maxConnections !== null && hub.connectionCount >= maxConnections) {
      return refusals.over_quota;
    }
    return isOriginAllowed(allowedOrigins, origin) ? null : refusals.origin;
  }

  function open(hub: Hub, transport: SocketTransport, client: Client): void {
    const { app } = hub;
    const socketId = `${randomInt(1, 1_000_000_000)}.${randomInt(1, 1_000_000_000)}`;
    const nowMs = now();
    const connection = new Connection({ ...client, app, socketId, transport, report, nowMs });
    let usesControlFrames = false;
    const socket: OpenSocket = {
      connection,
      transport,
      heartbeat: app,
      lastReceivedMs: nowMs,
      ping: () => connection.send(usesControlFrames ? controlPing : eventPing, "ping"),
      expire: () => connection.fail(errors.pongTimeout),
    };
    transport.listen({
      onReceived: (isControl) => {
        socket.lastReceivedMs = now();
        usesControlFrames ||= isControl;
      },
      onTooLong: () => report({ kind: "error_sent", appId: app.id, ...messageTooLong }),
      onTooSlow: () => connection.fail(errors.slowConsumer),
      onMessage: (text) => options.onMessage(hub, connection, text, socket.lastReceivedMs),
      onLongMessage: (text) => refuseTooLong(connection, text, socket.lastReceivedMs),
      onClosed: (code) => {
        sockets.delete(socket);
        heartbeat.forget(socket);
        hub.disconnect(connection, code);
      },
    });
    sockets.add(socket);
    heartbeat.watch(socket);
    hub.connect(connection);
    connection.sendText(encodeEstablished(socketId, app.activityTimeoutSeconds));
  }

  function refuseHandshake(socket: Duplex, reason: keyof typeof httpRefusals): void {
    report({ kind: "handshake_refused", appId: null, reason, sent: null });
    answerSocketPlainly(socket, httpRefusals[reason]);
  }

  return {
    handleUpgrade,
    get connectionCount() {
      return sockets.size;
    },
    get queuedBytes() {
      return outbox.retainedBytes;
    },
    get writtenBytes() {
      return outbox.writtenBytes;
    },
    closeAll({ code, reason }, windowMs) {
      closing = stagger([...sockets], { windowMs, now, schedule }, ({ transport }) =>
        transport.close(code, reason),
      );
      return closing.done;
    },
    destroy() {
      clearInterval(timer);
      closing?.cancel();
      for (const transport of transports) transport.destroy();
    },
  };
}

function schedule(run: () => void, delayMs: number): () => void {
  const timer = setTimeout(run, delayMs);
  return () => clearTimeout(timer);
}

const eventPing = encodeFrame(pingText);
const controlPing = encodePingFrame();
