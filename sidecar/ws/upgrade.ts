/** The WebSocket endpoint `/app/{key}`: the checks in the protocol's order, then the open connection. */

import { randomInt } from "node:crypto";
import type { Duplex } from "node:stream";
import { Connection } from "../core/connection.ts";
import { errorDataFor, type ErrorData } from "../core/dialect.ts";
import { RecoveryClient } from "../core/recovery/client.ts";
import { Grants } from "../core/recovery/grants.ts";
import type { Hub } from "../core/hub.ts";
import { encodeEstablished } from "../core/messages.ts";
import { isOriginAllowed } from "../core/origin.ts";
import type { Handshake } from "../core/ports.ts";
import { peerOf } from "../http/peer.ts";
import type { RequestContext } from "../http/request-context.ts";
import { schedule } from "../http/timers.ts";
import { visitorOf } from "../http/visitor.ts";
import type { WebSocketEndpoint, WebSocketEndpointOptions, WebSocketPath } from "./endpoint.ts";
import { Heartbeat } from "./heartbeat.ts";
import { Inbox } from "./inbox.ts";
import { KeptHandshake } from "./kept-handshake.ts";
import { OpenSocket, type OpenSocketOptions } from "./open-socket.ts";
import { recognize } from "./recovery-tokens.ts";
import { trafficOf } from "./outbound-queue.ts";
import { Outbox } from "./outbox.ts";
import { httpRefusals, refusals, refuse, type Refusal } from "./refusals.ts";
import { SharedDeflate } from "./shared-deflate.ts";
import { SlowConsumers } from "./slow-consumers.ts";
import { stagger, type Stagger } from "../core/stagger.ts";
import { createSocketAcceptor, SocketTransport, type SocketAcceptor } from "./transport.ts";

/** How long input is handled before the event loop gets its turn. */
const turnMs = 1;
/** How much of one connection is handled before the next turn is decided: a message or two of usual size at first. */
const shareMs = 0.1;
const minShareBytes = 128;
const maxShareBytes = 4_096;
/** How many connections are written to before the event loop gets its turn. */
const writesPerTurn = 256;
const bytesPerTurn = 67_108_864;
const uncopiedBytesPerTurn = 2_097_152;
/** Input of a client of an unknown app is ignored. */
const maxUnknownAppMessageBytes = 1_024;

/** Shared by all connections of an app. */
interface AppSockets extends OpenSocketOptions {
  readonly accept: SocketAcceptor;
}

export function createWebSocketEndpoint(options: WebSocketEndpointOptions): WebSocketEndpoint {
  const { hubs, now, report } = options;
  const outbox = new Outbox({
    maxQueuedBytes: options.maxQueuedBytes,
    maxTotalBytes: options.maxTotalQueuedBytes,
    writesPerTurn,
    bytesPerTurn,
    uncopiedBytesPerTurn,
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
  const deflate = options.compression.enabled ? new SharedDeflate(options.compression) : null;
  const slowConsumers = new SlowConsumers({ outbox, writeWaitMs: options.writeWaitMs });
  const heartbeat = new Heartbeat(now());
  const sockets = new Set<OpenSocket>();
  /** All sockets with a TCP connection, including closing and refused ones. */
  const transports = new Set<SocketTransport>();
  let closing: Stagger | null = null;
  const onGone = (transport: SocketTransport): void => void transports.delete(transport);
  const shared = { inbox, outbox, deflate, onGone };
  const acceptUnknownApp = createSocketAcceptor(shared, {
    appId: null,
    maxMessageBytes: maxUnknownAppMessageBytes,
  });
  const apps = new Map<string, AppSockets>();
  for (const [key, hub] of hubs) {
    const { id: appId, maxMessageBytes } = hub.app;
    const accept = createSocketAcceptor(shared, { appId, maxMessageBytes });
    apps.set(key, { accept, hub, onMessage: options.onMessage, onClosed: forget, report, now });
  }

  function handleUpgrade(
    context: RequestContext,
    socket: Duplex,
    head: Buffer,
    { appKey, recoveryToken }: WebSocketPath,
  ): void {
    const { req } = context;
    const handshake = peerOf(req);
    if (options.isDraining()) {
      report({ kind: "handshake_refused", appId: null, reason: "draining", sent: null });
      return context.refuse(socket, httpRefusals.draining);
    }
    const visitor = visitorOf(options.clientIp(handshake));
    const app = apps.get(appKey);
    const accept = app?.accept ?? acceptUnknownApp;
    const refusal = app ? checkOpen(app.hub, req.headers.origin) : refusals.unknown_key;
    const recognized =
      app?.hub.recovery && !refusal
        ? recognize(req, {
            appId: app.hub.app.id,
            pathToken: recoveryToken,
            setsCookie: options.setsRecoveryCookie,
            knowsBrowsers: options.knowsBrowsers,
          })
        : null;
    const setCookie = recognized?.setCookie ?? null;
    const transport = accept(req, socket, head, { visitor, setCookie });
    // A handshake that violates RFC 6455 has been answered already.
    if (!(transport instanceof SocketTransport)) return context.finish(transport.status);
    context.finish(101);
    transports.add(transport);
    const errorData = errorDataFor(req.url ?? "");
    const { token, browser = null } = recognized ?? {};
    const recovery = token
      ? new RecoveryClient(token, browser === null ? null : new Grants(browser))
      : null;
    if (app && !refusal) return open(app, transport, { handshake, errorData, recovery });
    if (!refusal) return;
    const appId = app?.hub.app.id ?? null;
    const { code, reason } = refusal.error;
    const origin = refusal === refusals.origin ? (req.headers.origin ?? null) : null;
    const sent = app ? origin : appKey;
    report({ kind: "handshake_refused", appId, reason: refusal.reason, sent });
    report({ kind: "error_sent", appId, socketId: null, channel: null, code, reason });
    refuse(transport, refusal.error, errorData);
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

  function open(
    app: AppSockets,
    transport: SocketTransport,
    client: {
      readonly handshake: Handshake;
      readonly errorData: ErrorData;
      readonly recovery: RecoveryClient | null;
    },
  ): void {
    const { hub } = app;
    const socketId = `${randomInt(1, 1_000_000_000)}.${randomInt(1, 1_000_000_000)}`;
    const connection = new Connection({
      app: hub.app,
      socketId,
      handshake: new KeptHandshake(client.handshake, { keepsFields: options.keepsHandshakes }),
      transport,
      report,
      errorData: client.errorData,
      recovery: client.recovery,
      nowMs: now(),
    });
    const socket = new OpenSocket(connection, transport, app);
    transport.listen(socket);
    sockets.add(socket);
    heartbeat.watch(socket);
    hub.connect(connection);
    connection.sendText(encodeEstablished(socketId, hub.app.activityTimeoutSeconds));
  }

  function forget(socket: OpenSocket): void {
    sockets.delete(socket);
    heartbeat.forget(socket);
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
    trafficOf(connection) {
      const socket = sockets.values().find((each) => each.connection === connection);
      return socket ? trafficOf(socket.transport.queue) : null;
    },
    afterWrites: (run) => outbox.afterWrites(run),
    tick(nowMs) {
      heartbeat.tick(nowMs);
      slowConsumers.tick(nowMs);
    },
    closeAll({ code, reason }, windowMs) {
      closing = stagger([...sockets], { windowMs, now, schedule }, (socket) =>
        socket.leave(code, reason),
      );
      return closing.done;
    },
    destroy() {
      closing?.cancel();
      for (const transport of transports) transport.destroy();
    },
  };
}
