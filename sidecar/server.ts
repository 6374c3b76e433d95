/** The front door: one port for everything, and the checks that every request passes first. */

import type { IncomingMessage, ServerResponse } from "node:http";
import type { Duplex } from "node:stream";
import type { Report } from "./core/report.ts";
import type { GuardResult } from "./http/guard.ts";
import type { ApiMatch } from "./http-api/router.ts";
import { loggedPath, type AccessLog } from "./http/access-log.ts";
import { limitArrival } from "./http/arrival-limit.ts";
import { limitConnections, type ConnectionLimitOptions } from "./http/connection-limit.ts";
import { failureOf } from "./http/parser-error.ts";
import { listen, type ListenAddress } from "./http/listener.ts";
import { createServer } from "./http/node-http.ts";
import { keepFilesFree } from "./http/open-files.ts";
import { recordPeers } from "./http/peer.ts";
import { answerSocketPlainly } from "./http/plain-answer.ts";
import { answerTo, apiElsewhere, refusals, upgradeRequired, type Refusal } from "./http/refusal.ts";
import { RequestContext } from "./http/request-context.ts";
import { createTurns } from "./http/turns.ts";
import { countPieces, watchSiblings } from "./http/small-chunks.ts";
import { isWebSocketUpgrade, stopAtRequest } from "./http/upgrades.ts";
import { watchUnused } from "./http/unused-connections.ts";
import { answerHealth, type HealthAnswer } from "./public-health.ts";
import { decide, misdirection, splitTarget, type RouteOptions } from "./route.ts";

/** Handlers behind the door; each completes its answer, including errors. */
export interface FrontDoorOptions extends RouteOptions, ConnectionLimitOptions {
  /** Checks a request before anything else; returns the target by which it may be routed and forwarded. */
  readonly guard: (req: IncomingMessage) => GuardResult;
  readonly webSocket: (
    context: RequestContext,
    socket: Duplex,
    head: Buffer,
    path: { readonly appKey: string; readonly recoveryToken: string | null },
  ) => void;
  readonly httpApi: (
    context: RequestContext,
    res: ServerResponse,
    match: ApiMatch,
    target: { search: string; signedPaths: readonly string[] },
  ) => void;
  /** Calls `go` when it is the turn of a WebSocket handshake, ours or the app's. Answers refusals itself. */
  readonly admitHandshake: (context: RequestContext, socket: Duplex, go: () => void) => void;
  /** Null: stand-alone mode, in place of Reverb. */
  readonly upstream: {
    handleRequest(context: RequestContext, res: ServerResponse): void;
    handleUpgrade(context: RequestContext, socket: Duplex, head: Buffer): void;
  } | null;
  /** True once the node stops: responses ask clients to reconnect elsewhere. */
  readonly isDraining: () => boolean;
  readonly headersTimeoutMs: number;
  readonly requestTimeoutMs: number;
  readonly keepAliveTimeoutMs: number;
  /** Maximum bytes of a request's head; 431 beyond it. */
  readonly maxHeaderBytes: number;
  /** How many files the process may open; null: not known. */
  readonly maxOpenFiles: number | null;
  /** Null: `/up` and `/pogo/health` go to the app. */
  readonly publicHealth: (() => HealthAnswer) | null;
  /** The id given by a trusted proxy, or a new one. */
  readonly requestIdOf: (req: IncomingMessage) => string;
  readonly accessLog: AccessLog;
  readonly report: Report;
}

export interface FrontDoor {
  /** Resolves with the port once it listens (0: a Unix socket); rejects if it can't listen there. See `listen`. */
  listen(address: ListenAddress): Promise<number>;
  /** Stops accepting; resolves when the last connection, including upgraded ones, has ended. */
  close(): Promise<void>;
  /** Closes all connections that are still open. */
  destroy(): void;
}

/** Requests that may wait behind an unanswered one of their connection; and of all connections, some 12 MB. */
const maxPipelined = { maxWaitingEach: 16, maxWaiting: 4_096 };

/** How often Node checks for requests that arrive too slowly; its default of 30 s would turn 1 s into half a minute. */
const slowRequestCheckMs = 1_000;

export function createFrontDoor(options: FrontDoorOptions): FrontDoor {
  const { upstream, guard, accessLog, report } = options;
  const turns = createTurns({ answer, ...maxPipelined });
  const server = createServer({
    headersTimeout: Math.min(options.headersTimeoutMs, options.requestTimeoutMs || Infinity),
    requestTimeout: 0, // See limitArrival.
    connectionsCheckingInterval: slowRequestCheckMs,
    keepAliveTimeout: options.keepAliveTimeoutMs,
    maxHeaderSize: options.maxHeaderBytes,
    // The guard refuses these, and counts them.
    requireHostHeader: false,
    // Any other upgrade (h2c) is an ordinary request (RFC 9110 §7.8), and so is one behind an unanswered request.
    IncomingMessage: countPieces(
      stopAtRequest((socket) => turns.isFull(socket)),
      (socket) => siblings.postpone(socket),
    ),
    shouldUpgradeCallback: (req) => isWebSocketUpgrade(req) && !turns.isBusy(req.socket),
  });

  recordPeers(server);
  const siblings = watchSiblings(server);
  limitConnections(server, options, (limit) => report({ kind: "connection_refused", limit }));
  const unused = watchUnused(server);
  keepFilesFree(server, options.maxOpenFiles, (limit) =>
    report({ kind: "open_files_exhausted", limit }),
  );
  limitArrival(server, options.requestTimeoutMs, (socket) => refuse(socket, refusals.timeout));

  for (const event of ["request", "checkContinue", "checkExpectation"]) {
    server.on(event, (req: IncomingMessage, res: ServerResponse) => {
      unused.use(req.socket);
      turns.take(req, res);
    });
  }

  function begin(req: IncomingMessage): RequestContext {
    const context = new RequestContext(req, options.requestIdOf(req), accessLog);
    report.wire?.(context.describe());
    return context;
  }

  function answer(req: IncomingMessage, res: ServerResponse): void {
    const context = begin(req);
    const guarded = guard(req);
    if (!guarded.ok) {
      reportRefusal(guarded.refusal, context);
      return context.answer(res, answerTo(guarded.refusal));
    }
    if (req.headers.expect !== undefined && req.httpVersion === "1.1") res.writeContinue();
    const { path, search } = splitTarget(guarded.target);
    req.url = guarded.target;
    if (options.isDraining()) res.setHeader("Connection", "close");
    const destination = decide(path, search, false, options);
    switch (destination.kind) {
      case "http-api":
        return options.httpApi(context, res, destination.match, {
          search,
          signedPaths: destination.signedPaths,
        });
      case "http-api-elsewhere":
        report({ kind: "api_asked_elsewhere" });
        return context.answer(res, apiElsewhere);
      case "health":
        return context.answer(res, answerHealth(req.method, destination.answer));
      case "upgrade-required":
        reportMisdirection(req, path, false);
        return context.answer(res, context.show(upgradeRequired));
      case "ws":
      case "upstream":
        reportMisdirection(req, path, false);
        return upstream ? upstream.handleRequest(context, res) : context.answer(res, notFound);
    }
  }

  server.on("upgrade", (req, socket, head) => {
    // Until somebody takes over the socket, nobody else handles its errors.
    socket.on("error", destroyIt);
    if (turns.isFull(socket)) return endTurns(socket, refusals.pipelining);
    unused.use(req.socket);
    const context = begin(req);
    const guarded = guard(req);
    if (!guarded.ok) {
      reportRefusal(guarded.refusal, context);
      return context.refuse(socket, answerTo(guarded.refusal));
    }
    const { path, search } = splitTarget(guarded.target);
    req.url = guarded.target;
    const destination = decide(path, search, true, options);
    if (destination.kind === "ws") {
      return admit(context, socket, () => options.webSocket(context, socket, head, destination));
    }
    reportMisdirection(req, path, true);
    if (!upstream) return context.refuse(socket, notFound);
    admit(context, socket, () => upstream.handleUpgrade(context, socket, head));
  });

  /** During a drain handshakes do not wait: they are refused at once. */
  function admit(context: RequestContext, socket: Duplex, go: () => void): void {
    if (options.isDraining()) go();
    else options.admitHandshake(context, socket, go);
  }

  /** Reports a mistake in a proxy or page in front that its operator would see nowhere else. */
  function reportMisdirection(req: IncomingMessage, path: string, isUpgrade: boolean): void {
    const hasWebSocketKey = req.headers["sec-websocket-key"] !== undefined;
    const found = misdirection(path, { isUpgrade, hasWebSocketKey }, options.appIdsByKey);
    if (found) report({ kind: "handshake_misdirected", ...found });
  }

  server.on("connect", (req, socket) => {
    socket.on("error", destroyIt);
    const guarded = guard(req);
    if (!guarded.ok) endTurns(socket, guarded.refusal);
  });

  /** Node has detached from the socket, so `drain` has to be passed on to the answers that come first. */
  function endTurns(socket: Duplex, refusal: Refusal): void {
    socket.on("drain", () => turns.current(socket)?.emit("drain"));
    refuse(socket, refusal);
  }

  server.on("clientError", (error, socket) => {
    const failure = failureOf(error);
    switch (failure.kind) {
      case "refused":
        return refuse(socket, failure.refusal);
      case "ended":
        return turns.end(socket, () => socket.destroy());
      case "broken":
        return void socket.destroy();
    }
  });

  function refuse(socket: Duplex, refusal: Refusal): void {
    turns.end(socket, () => {
      reportRefusal(refusal, null);
      accessLog.writeUnread(socket, refusal.status);
      answerSocketPlainly(socket, answerTo(refusal));
    });
  }

  function reportRefusal({ reason, status }: Refusal, context: RequestContext | null): void {
    const { method = null, url = "" } = context?.req ?? {};
    const id = context?.id ?? null;
    const path = context && loggedPath(url);
    report({ kind: "request_refused", reason, status, id, method, path });
  }

  return {
    listen: (address) => listen(server, address),
    close: () =>
      new Promise((resolve) => {
        // A connection whose last response is sent from now on becomes idle later.
        const idle = setInterval(() => unused.close(), 50);
        server.close(() => {
          clearInterval(idle);
          resolve();
        });
      }),
    destroy: () => server.closeAllConnections(),
  };
}

/** Shared by all sockets: a closure per socket would keep its request in memory for as long as it is open. */
function destroyIt(this: Duplex): void {
  this.destroy();
}

const notFound = { status: 404, text: "Not found." };
