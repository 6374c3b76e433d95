/** The front door: one port for everything, and the one table that says who handles a request. */

import { once } from "node:events";
import { createServer, STATUS_CODES, type IncomingMessage, type ServerResponse } from "node:http";
import type { Socket } from "node:net";
import type { Duplex } from "node:stream";
import type { ApiMatch } from "./http-api/router.ts";
import { recordPeers } from "./http/peer.ts";
import { answerPlainly, answerUpgradePlainly } from "./http/plain-answer.ts";

/** Handlers behind the door; each answers to the end, errors included. */
export interface FrontDoorOptions {
  /** In front of `/app` and `/apps`; empty or `/…` without a slash at the end. */
  readonly pathPrefix: string;
  readonly appIds: ReadonlySet<string>;
  /** Checks a request before anybody looks at it, and gives the target it may be routed and forwarded by. */
  readonly guard: (req: IncomingMessage) => GuardResult;
  readonly matchApi: (path: string) => ApiMatch | null;
  readonly webSocket: (req: IncomingMessage, socket: Duplex, head: Buffer, appKey: string) => void;
  readonly httpApi: (
    req: IncomingMessage,
    res: ServerResponse,
    match: ApiMatch,
    target: { search: string; signedPaths: readonly string[] },
  ) => void;
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
}

type GuardResult =
  | { readonly ok: true; readonly target: string }
  | {
      readonly ok: false;
      readonly status: number;
      readonly reason: string;
      /** The Allow field of a 405. */
      readonly allow?: string;
    };

export type Destination =
  | { readonly kind: "ws"; readonly appKey: string }
  | { readonly kind: "http-api"; readonly match: ApiMatch; readonly signedPaths: readonly string[] }
  | { readonly kind: "health" }
  | { readonly kind: "upstream" };

export interface FrontDoor {
  /** Resolves with the port once it listens; rejects if the address can't be had. */
  listen(host: string, port: number): Promise<number>;
  /** Stops accepting; resolves when the last connection, upgraded ones included, has ended. */
  close(): Promise<void>;
  /** Ends what is still open. */
  destroy(): void;
}

/**
 * Who handles a request, by the bytes of its path and nothing else: no decoding, no `..`, no joining of slashes,
 * so that what is decided here is what the upstream would see.
 */
export function decide(
  path: string,
  search: string,
  isUpgrade: boolean,
  options: Pick<FrontDoorOptions, "pathPrefix" | "appIds" | "matchApi" | "upstream">,
): Destination {
  const { pathPrefix, upstream } = options;
  if (!path.startsWith(`${pathPrefix}/`)) return { kind: "upstream" };
  const inner = path.slice(pathPrefix.length);

  const appKey = /^\/app\/([^/]+)$/.exec(inner)?.[1];
  if (isUpgrade) return appKey === undefined ? { kind: "upstream" } : { kind: "ws", appKey };

  const match = options.matchApi(inner);
  if (match && (options.appIds.has(match.appId) || isSigned(search) || !upstream)) {
    return { kind: "http-api", match, signedPaths: [...new Set([path, inner])] };
  }
  return !upstream && inner === "/up" ? { kind: "health" } : { kind: "upstream" };
}

/** A publisher with a wrong app id is told so, instead of getting a page of the app. */
function isSigned(search: string): boolean {
  return /(^|&)auth_signature=/.test(search);
}

/** How often Node looks for requests that are too slow to arrive; its own 30 s would make 1 s half a minute. */
const slowRequestCheckMs = 1_000;

export function createFrontDoor(options: FrontDoorOptions): FrontDoor {
  const { upstream, guard } = options;
  const server = createServer({
    headersTimeout: options.headersTimeoutMs,
    requestTimeout: options.requestTimeoutMs,
    connectionsCheckingInterval: slowRequestCheckMs,
    keepAliveTimeout: options.keepAliveTimeoutMs,
    // Any other upgrade (h2c) is an ordinary request (RFC 9110 §7.8).
    shouldUpgradeCallback: isWebSocketUpgrade,
  });

  recordPeers(server);
  const connections = new Set<Socket>();
  server.on("connection", (socket) => {
    connections.add(socket);
    socket.once("close", () => connections.delete(socket));
  });

  /** Browsers open connections in advance; one that nothing came on yet Node does not count as idle. */
  function closeUnusedConnections(): void {
    server.closeIdleConnections();
    for (const socket of connections) if (socket.bytesRead === 0) socket.destroy();
  }

  /** The last answer on each connection, until it is complete. */
  const answering = new WeakMap<Duplex, ServerResponse>();

  server.on("request", (req, res) => {
    answering.set(req.socket, res);
    res.once("finish", () => answering.delete(req.socket));
    const guarded = guard(req);
    if (!guarded.ok) {
      const allow = guarded.allow === undefined ? {} : { Allow: guarded.allow };
      const headers = { ...allow, Connection: "close" };
      return answerPlainly(req, res, {
        status: guarded.status,
        text: `${guarded.reason}\n`,
        headers,
      });
    }
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
      case "health":
        if (req.method !== "GET" && req.method !== "HEAD") {
          const headers = { Allow: "GET" };
          return answerPlainly(req, res, { status: 405, text: "Method not allowed.", headers });
        }
        res.setHeader("Content-Type", "application/json");
        return void res.end('{"health":"OK"}');
      case "ws":
      case "upstream":
        return upstream ? upstream.handleRequest(req, res) : answerPlainly(req, res, notFound);
    }
  });

  server.on("upgrade", (req, socket, head) => {
    // Until somebody takes the socket over, nobody else would hear its errors.
    socket.on("error", () => socket.destroy());
    const guarded = guard(req);
    if (!guarded.ok) {
      const { status, reason } = guarded;
      return answerUpgradePlainly(socket, { status, text: `${reason}\n` });
    }
    const { path, search } = splitTarget(guarded.target);
    req.url = guarded.target;
    const destination = decide(path, search, true, options);
    if (destination.kind === "ws") {
      return options.webSocket(req, socket, head, destination.appKey);
    }
    if (upstream) return upstream.handleUpgrade(req, socket, head);
    answerUpgradePlainly(socket, notFound);
  });

  server.on("clientError", (error: NodeJS.ErrnoException, socket) => {
    // An answer that has begun can't be followed by another one: it would be read as part of the first.
    const isAnswering = answering.get(socket)?.headersSent ?? false;
    if (isAnswering || !socket.writable || error.code === "ECONNRESET") {
      return void socket.destroy();
    }
    const status = clientErrorStatuses[error.code ?? ""] ?? 400;
    answerUpgradePlainly(socket, { status, text: `${STATUS_CODES[status] ?? ""}\n` });
  });

  return {
    async listen(host, port) {
      server.listen(port, host);
      await once(server, "listening");
      const address = server.address();
      return typeof address === "object" && address ? address.port : port;
    },
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

const notFound = { status: 404, text: "Not found." };

/** What Node's parser refused, in HTTP's terms. */
const clientErrorStatuses: Readonly<Record<string, number>> = {
  HPE_HEADER_OVERFLOW: 431,
  HPE_CHUNK_EXTENSIONS_OVERFLOW: 413,
  ERR_HTTP_REQUEST_TIMEOUT: 408,
};

function isWebSocketUpgrade(req: IncomingMessage): boolean {
  return /^websocket$/i.test(req.headers.upgrade ?? "");
}

function splitTarget(target: string): { path: string; search: string } {
  const mark = target.indexOf("?");
  return mark === -1
    ? { path: target, search: "" }
    : { path: target.slice(0, mark), search: target.slice(mark + 1) };
}
