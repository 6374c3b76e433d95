/** The front door: one port for everything, and what every request passes before anybody answers it. */

import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { Socket } from "node:net";
import type { Duplex } from "node:stream";
import type { Report } from "./core/report.ts";
import type { GuardResult } from "./http/guard.ts";
import type { ApiMatch } from "./http-api/router.ts";
import { failureOf } from "./http/parser-error.ts";
import { listen, type ListenAddress } from "./http/listener.ts";
import { recordPeers } from "./http/peer.ts";
import { answerPlainly, answerSocketPlainly } from "./http/plain-answer.ts";
import { answerTo, refusals, type Refusal } from "./http/refusal.ts";
import { createTurns } from "./http/turns.ts";
import type { HealthAnswer } from "./public-health.ts";
import { decide, misdirection, splitTarget, type RouteOptions } from "./route.ts";

/** Handlers behind the door; each answers to the end, errors included. */
export interface FrontDoorOptions extends RouteOptions {
  /** Checks a request before anybody looks at it, and gives the target it may be routed and forwarded by. */
  readonly guard: (req: IncomingMessage) => GuardResult;
  readonly webSocket: (req: IncomingMessage, socket: Duplex, head: Buffer, appKey: string) => void;
  readonly httpApi: (
    req: IncomingMessage,
    res: ServerResponse,
    match: ApiMatch,
    target: { search: string; signedPaths: readonly string[] },
  ) => void;
  readonly appIdsByKey: ReadonlyMap<string, string>;
  /** Calls `go` when it is the turn of a WebSocket handshake, ours or the app's; a refusal is answered there. */
  readonly admitHandshake: (req: IncomingMessage, socket: Duplex, go: () => void) => void;
  /** Null: stand-alone, in the place of Reverb. */
  readonly upstream: {
    handleRequest(req: IncomingMessage, res: ServerResponse): void;
    handleUpgrade(req: IncomingMessage, socket: Duplex, head: Buffer): void;
  } | null;
  /** True once the node stops: responses ask clients to reconnect elsewhere. */
  readonly isDraining: () => boolean;
  readonly headersTimeoutMs: number;
  readonly requestTimeoutMs: number;
  readonly keepAliveTimeoutMs: number;
  /** Bytes of a request's head; beyond, 431. */
  readonly maxHeaderBytes: number;
  /** Null: `/up` and `/pogo/health` are the app's. */
  readonly publicHealth: (() => HealthAnswer) | null;
  readonly report: Report;
}

export interface FrontDoor {
  /** Resolves with the port once it listens (0: a Unix socket); rejects if the address can't be had. See `listen`. */
  listen(address: ListenAddress): Promise<number>;
  /** Stops accepting; resolves when the last connection, upgraded ones included, has ended. */
  close(): Promise<void>;
  /** Ends what is still open. */
  destroy(): void;
}

/** Requests of all connections that may wait behind an unanswered one of theirs; some 12 MB. */
const maxPipelined = 4_096;

/** A connection that was just accepted when the node stopped has so long to send the request that it was opened for. */
const firstRequestWithinMs = 500;

/** How often Node looks for requests that are too slow to arrive; its own 30 s would make 1 s half a minute. */
const slowRequestCheckMs = 1_000;

export function createFrontDoor(options: FrontDoorOptions): FrontDoor {
  const { upstream, guard, report } = options;
  const server = createServer({
    headersTimeout: options.headersTimeoutMs,
    requestTimeout: options.requestTimeoutMs,
    connectionsCheckingInterval: slowRequestCheckMs,
    keepAliveTimeout: options.keepAliveTimeoutMs,
    maxHeaderSize: options.maxHeaderBytes,
    // The guard refuses it, where it is counted.
    requireHostHeader: false,
    // Any other upgrade (h2c) is an ordinary request (RFC 9110 §7.8), and so is one behind an unanswered request.
    shouldUpgradeCallback: (req) => isWebSocketUpgrade(req) && !turns.current(req.socket),
  });
  const turns = createTurns({
    answer,
    maxWaiting: maxPipelined,
    onOverflow: (socket) => refuse(socket, refusals.pipelining),
  });

  recordPeers(server);
  /** Connections of which no request has come yet, by when they were accepted. */
  const unused = new Map<Socket, number>();
  function use(this: Socket): void {
    if (unused.delete(this)) this.off("close", use);
  }
  server.on("connection", (socket) => {
    unused.set(socket, performance.now());
    socket.on("close", use);
  });

  /** Browsers open connections in advance; one that nothing came on yet Node does not count as idle. */
  function closeUnusedConnections(): void {
    server.closeIdleConnections();
    const openedBeforeMs = performance.now() - firstRequestWithinMs;
    for (const [socket, acceptedMs] of unused) {
      if (socket.bytesRead === 0 && acceptedMs < openedBeforeMs) socket.destroy();
    }
  }

  for (const event of ["request", "checkContinue", "checkExpectation"]) {
    server.on(event, (req: IncomingMessage, res: ServerResponse) => {
      use.call(req.socket);
      turns.take(req, res);
    });
  }

  function answer(req: IncomingMessage, res: ServerResponse): void {
    const guarded = guard(req);
    if (!guarded.ok) {
      reportRefusal(guarded.refusal);
      return answerPlainly(req, res, answerTo(guarded.refusal));
    }
    if (req.headers.expect !== undefined && req.httpVersion === "1.1") res.writeContinue();
    const { path, search } = splitTarget(guarded.target);
    req.url = guarded.target;
    if (options.isDraining()) res.setHeader("Connection", "close");
    const destination = decide(path, search, false, options);
    switch (destination.kind) {
      case "http-api":
        return options.httpApi(req, res, destination.match, {
          search,
          signedPaths: destination.signedPaths,
        });
      case "http-api-elsewhere":
        report({ kind: "api_asked_elsewhere" });
        return answerPlainly(req, res, apiElsewhere);
      case "health":
        if (req.method !== "GET" && req.method !== "HEAD") {
          const headers = { Allow: "GET" };
          return answerPlainly(req, res, { status: 405, text: "Method not allowed.", headers });
        }
        return answerHealth(res, destination.answer());
      case "ws":
      case "upstream":
        reportMisdirection(req, path, false);
        return upstream ? upstream.handleRequest(req, res) : answerPlainly(req, res, notFound);
    }
  }

  server.on("upgrade", (req, socket, head) => {
    // Until somebody takes the socket over, nobody else would hear its errors.
    socket.on("error", destroyIt);
    use.call(req.socket);
    const guarded = guard(req);
    if (!guarded.ok) {
      reportRefusal(guarded.refusal);
      return answerSocketPlainly(socket, answerTo(guarded.refusal));
    }
    const { path, search } = splitTarget(guarded.target);
    req.url = guarded.target;
    const destination = decide(path, search, true, options);
    if (destination.kind === "ws") {
      return admit(req, socket, () => options.webSocket(req, socket, head, destination.appKey));
    }
    reportMisdirection(req, path, true);
    if (!upstream) return answerSocketPlainly(socket, notFound);
    admit(req, socket, () => upstream.handleUpgrade(req, socket, head));
  });

  /** At a drain nobody waits: the answer is no. */
  function admit(req: IncomingMessage, socket: Duplex, go: () => void): void {
    if (options.isDraining()) go();
    else options.admitHandshake(req, socket, go);
  }

  /** A proxy in front, or a page, has something wrong that its operator sees nowhere else. */
  function reportMisdirection(req: IncomingMessage, path: string, isUpgrade: boolean): void {
    const hasWebSocketKey = req.headers["sec-websocket-key"] !== undefined;
    const found = misdirection(path, { isUpgrade, hasWebSocketKey }, options.appIdsByKey);
    if (found) report({ kind: "handshake_misdirected", ...found });
  }

  // Node has let go of the socket: nobody else hears its errors, or tells the answers before it that it drained.
  server.on("connect", (req, socket) => {
    socket.on("error", () => socket.destroy());
    socket.on("drain", () => turns.current(socket)?.emit("drain"));
    const guarded = guard(req);
    if (!guarded.ok) refuse(socket, guarded.refusal);
  });

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
      reportRefusal(refusal);
      answerSocketPlainly(socket, answerTo(refusal));
    });
  }

  function reportRefusal({ reason, status }: Refusal): void {
    report({ kind: "request_refused", reason, status });
  }

  return {
    listen: (address) => listen(server, address),
    close: () =>
      new Promise((resolve) => {
        // A connection whose last response goes out from now on falls idle later.
        const idle = setInterval(closeUnusedConnections, 50);
        server.close(() => {
          clearInterval(idle);
          resolve();
        });
      }),
    destroy: () => server.closeAllConnections(),
  };
}

/** One for all sockets: a function of each one's own would keep its request as well, for as long as it is open. */
function destroyIt(this: Duplex): void {
  this.destroy();
}

/** Not to be kept by anybody: it is true now. */
function answerHealth(res: ServerResponse, { status, body }: HealthAnswer): void {
  res.writeHead(status, { "Content-Type": "application/json", "Cache-Control": "no-store" });
  res.end(body);
}

const notFound = { status: 404, text: "Not found." };

const apiElsewhere = {
  status: 404,
  text: "The HTTP API is served on its Unix socket only (POGO_API_ONLY_ON_SOCKET).",
};

/** RFC 9110 §7.8: Upgrade of HTTP/1.0 is ignored. Node has looked for `Connection: upgrade`. */
function isWebSocketUpgrade(req: IncomingMessage): boolean {
  return req.httpVersion === "1.1" && /^websocket$/i.test(req.headers.upgrade ?? "");
}
