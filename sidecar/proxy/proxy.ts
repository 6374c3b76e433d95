/** The reverse proxy: passes requests and WebSockets that nobody else takes to the app, and its answers back. */

import type { ServerResponse } from "node:http";
import type { Duplex } from "node:stream";
import type { Handshake } from "../core/ports.ts";
import { stagger, type Stagger } from "../core/stagger.ts";
import type { Report } from "../core/report.ts";
import type { Tracer } from "../core/trace.ts";
import type { Forwarding } from "../http/forwarded.ts";
import { peerOf } from "../http/peer.ts";
import { requestIdField, type RequestContext } from "../http/request-context.ts";
import { withTrace } from "../http/trace-fields.ts";
import { schedule, systemTimers } from "../http/timers.ts";
import { showUpstream, type UpstreamAddress } from "../http/upstream-address.ts";
import { visitorOf } from "../http/visitor.ts";
import { createAdmission } from "./admission.ts";
import { createEngine } from "./engine.ts";
import { Exchange } from "./exchange.ts";
import { refusalPages } from "./faults.ts";
import { toUpstreamFields, underscoredField } from "./hop-headers.ts";
import type { Tunnel } from "./tunnel.ts";
import { createWaitingRoom, type WaitingRoom } from "./waiting-room.ts";
import { passThrough } from "./websocket.ts";

export interface UpstreamProxyOptions {
  readonly upstream: UpstreamAddress;
  readonly forwarding: Forwarding;
  /** For a new connection to the upstream; then 504. 0: no limit. */
  readonly connectTimeoutMs: number;
  /** Until the head of a response, while it is the upstream's turn; then 504. Bodies may take for ever. 0: no limit. */
  readonly responseTimeoutMs: number;
  /** Longest body of a request; beyond, 413. 0: no limit. */
  readonly maxBodyBytes: number;
  /** Longest head of a response; beyond, 502. */
  readonly maxHeadBytes: number;
  /** Requests that the upstream works on at a time, each on a connection of its own. */
  readonly maxConnections: number;
  /** Requests that wait for one of them; beyond, 503. */
  readonly maxWaiting: number;
  /** For so long; then 503. */
  readonly maxWaitMs: number;
  /** How long a request waits while the upstream can't be connected to; then 503. 0: it is answered 502 at once. */
  readonly awayWaitMs: number;
  /** Requests that wait so; beyond, 503. */
  readonly maxAwayWaiting: number;
  /** WebSockets that pass through, pending handshakes included; beyond, 503. */
  readonly maxWebSockets: number;
  /** While true, clients are told to close their connection after a response. */
  readonly isDraining: () => boolean;
  readonly report: Report;
  /** Without it no traces are recorded, and what a client says of its own goes to the app as it came. */
  readonly tracer?: Tracer | null;
}

/** Takes what `guardRequest` has let pass, with `req.url` set to its target. */
export interface UpstreamProxy {
  handleRequest(context: RequestContext, res: ServerResponse): void;
  handleUpgrade(context: RequestContext, socket: Duplex, head: Buffer): void;
  /** Requests that have no whole answer yet, waiting for whatever. */
  readonly requests: number;
  /** Requests that the upstream works on. */
  readonly openRequests: number;
  /** Requests that wait for a connection to become free. */
  readonly waitingRequests: number;
  /** Where requests wait that can't be connected, or are not to be. */
  readonly waitingRoom: Omit<WaitingRoom, "enter">;
  /** WebSockets that are passing through. */
  readonly openTunnels: number;
  /** Closes the WebSockets that are passing through with 1001, spread evenly over `windowMs`. */
  closeTunnels(windowMs: number): void;
  /** Ends all connections to the upstream, requests under way and WebSockets included. */
  close(): void;
}

const now = (): number => performance.now();

export function createUpstreamProxy(options: UpstreamProxyOptions): UpstreamProxy {
  const { upstream, forwarding, maxConnections, maxWaiting, maxWaitMs, report } = options;
  const engine = createEngine(options);
  const waitingRoom = createWaitingRoom({
    waitMs: options.awayWaitMs,
    maxWaiting: options.maxAwayWaiting,
    address: showUpstream(upstream),
    now,
    timers: systemTimers,
    report,
  });
  const exchangeOptions = { ...options, send: engine.openRequest };
  const timers = systemTimers;
  const requests = createAdmission({ maxInUse: maxConnections, maxWaiting, maxWaitMs, timers });
  const webSockets = createAdmission({
    maxInUse: options.maxWebSockets,
    maxWaiting: 0,
    maxWaitMs: 0,
    timers,
  });
  const host = upstream.kind === "tcp" ? `${upstream.host}:${upstream.port}` : "localhost";
  /** Sockets of clients that were to be upgraded, with the tunnels of those that were. */
  const sockets = new Map<Duplex, Tunnel | null>();
  let closing: Stagger | null = null;

  function handleRequest(context: RequestContext, res: ServerResponse): void {
    const peer = peerOf(context.req);
    const visitor = visitorOf(forwarding.clientIp(peer));
    const exchange = new Exchange(context, res, fieldsFor(context, peer), {
      ...exchangeOptions,
      visitor,
    });
    exchange.run({
      enter: (guest) => waitingRoom.enter(visitor, guest),
      admit: (turn, precedence) => requests.admit(visitor, turn, precedence),
    });
  }

  function handleUpgrade(context: RequestContext, socket: Duplex, head: Buffer): void {
    const peer = peerOf(context.req);
    const visitor = visitorOf(forwarding.clientIp(peer));
    const giveBack = webSockets.admit(visitor, {
      start() {
        sockets.set(socket, null);
        passThrough(context, socket, head, {
          ...options,
          engine,
          visitor,
          enter: (guest) => waitingRoom.enter(visitor, guest),
          fields: fieldsFor(context, peer),
          onOpen(tunnel) {
            sockets.set(socket, tunnel);
            if (options.isDraining()) tunnel.close();
          },
        });
      },
      refuse() {
        const reason = "too_many_websockets";
        context.refuse(socket, context.show(refusalPages[reason]));
        report({ kind: "proxy_refused", reason });
      },
    });
    socket.once("close", () => {
      sockets.delete(socket);
      giveBack();
    });
  }

  function fieldsFor(context: RequestContext, peer: Handshake): string[] {
    const { req, id } = context;
    const { method = "GET" } = req;
    const dropped = underscoredField(peer.rawHeaders);
    if (dropped !== null) report({ kind: "field_dropped", name: dropped });
    const { rawHeaders } = peer;
    const fields = toUpstreamFields({ method, rawHeaders, host }, forwarding.headers(peer));
    fields.push(requestIdField, id);
    return options.tracer ? traced(context, peer, fields, options.tracer) : fields;
  }

  /** A client that is not trusted does not say what is recorded: a trace of its own begins here. */
  function traced(
    context: RequestContext,
    peer: Handshake,
    fields: readonly string[],
    tracer: Tracer,
  ): string[] {
    const parent = forwarding.trace(peer);
    const span = tracer.begin("proxy", parent, context.startedMs);
    context.trace(span);
    return withTrace(fields, span.context, { isContinued: parent !== null });
  }

  function openTunnels(): Tunnel[] {
    return [...sockets.values()].filter((tunnel) => tunnel !== null);
  }

  return {
    handleRequest,
    handleUpgrade,
    get requests() {
      return requests.inUse + requests.waiting + waitingRoom.waiting;
    },
    get openRequests() {
      return requests.inUse;
    },
    get waitingRequests() {
      return requests.waiting;
    },
    waitingRoom,
    get openTunnels() {
      return openTunnels().length;
    },
    closeTunnels(windowMs) {
      closing = stagger(openTunnels(), { windowMs, now, schedule }, (tunnel) => tunnel.close());
    },
    close() {
      closing?.cancel();
      waitingRoom.close();
      engine.close();
      for (const socket of sockets.keys()) socket.destroy();
    },
  };
}
