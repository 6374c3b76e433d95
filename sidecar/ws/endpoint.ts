/** The WebSocket endpoint, as seen by those who build it and close it. */

import type { Duplex } from "node:stream";
import type { Connection } from "../core/connection.ts";
import type { Hub } from "../core/hub.ts";
import type { Handshake } from "../core/ports.ts";
import type { Report } from "../core/report.ts";
import type { Traffic } from "../core/transport.ts";
import type { RequestContext } from "../http/request-context.ts";

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
  /** Maximum bytes queued for one client; and for all of them together. */
  readonly maxQueuedBytes: number;
  readonly maxTotalQueuedBytes: number;
  /** Milliseconds after which a connection whose queue is still full is closed with 4100. */
  readonly writeWaitMs: number;
  /** Whether every frame and write is measured, which costs some time each. */
  readonly hotPathMetrics: boolean;
  /** Of events, for clients that offer it, and of what those send. */
  readonly compression: {
    readonly enabled: boolean;
    /** Shorter events are sent uncompressed. */
    readonly thresholdBytes: number;
  };
  /** Whether handshake fields are kept, to ask the app for authorization. */
  readonly keepsHandshakes: boolean;
  /** Whether a page without a token gets a cookie, by which it is recognized when it comes back. */
  readonly setsRecoveryCookie: boolean;
  /** Whether a page with a token gets a cookie as well, so that it is identified by both. */
  readonly knowsBrowsers: boolean;
}

export interface WebSocketPath {
  readonly appKey: string;
  readonly recoveryToken: string | null;
}

export interface WebSocketEndpoint {
  /** Takes over an upgrade request whose path is `/app/{appKey}`, or `/r/{recoveryToken}/app/{appKey}`. */
  readonly handleUpgrade: (
    context: RequestContext,
    socket: Duplex,
    head: Buffer,
    path: WebSocketPath,
  ) => void;
  readonly connectionCount: number;
  /** Bytes queued for slow clients. */
  readonly queuedBytes: number;
  /** Bytes written to clients so far. */
  readonly writtenBytes: number;
  /** Of an open connection; looks through all of them. */
  trafficOf(connection: Connection): Traffic | null;
  /** Runs its argument once everything sent so far has been written to its socket; at once if it has. */
  afterWrites(run: () => void): void;
  /**
   * Sends every connection a close, spread over `windowMs` (rule O04); those that don't answer are cut. Resolves when
   * all were sent, or with `destroy`.
   */
  closeAll(
    close: { readonly code: number; readonly reason: string },
    windowMs: number,
  ): Promise<void>;
  /** Pings silent connections, and closes those that neither answer nor read. To be called every second or so. */
  tick(nowMs: number): void;
  /** Cuts all connections that are still open. */
  destroy(): void;
}
