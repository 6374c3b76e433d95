/** The reverse proxy: requests and WebSockets that nobody else takes go to the app, and its answers come back. */

import { Agent, type IncomingMessage, type ServerResponse } from "node:http";
import type { Duplex } from "node:stream";
import { createProxyServer, type ProxyTarget } from "http-proxy-3";
import type { Report } from "../core/report.ts";
import type { UpstreamAddress } from "../http/upstream-address.ts";
import { peerOf } from "../http/peer.ts";
import { exchange } from "./exchange.ts";
import type { Forwarding } from "../http/forwarded.ts";
import { toUpstreamFields } from "./hop-headers.ts";
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
  /** While true, clients are told to close their connection after a response. */
  readonly isDraining: () => boolean;
  readonly report: Report;
}

/** Takes what `guardRequest` has let pass, with `req.url` set to its target. */
export interface UpstreamProxy {
  handleRequest(req: IncomingMessage, res: ServerResponse): void;
  handleUpgrade(req: IncomingMessage, socket: Duplex, head: Buffer): void;
  /** WebSockets that are passing through. */
  readonly openTunnels: number;
  /** Ends the WebSockets that are passing through, once what is on its way is written. */
  closeTunnels(): void;
  /** Ends all connections to the upstream, requests under way and WebSockets included. */
  close(): void;
}

/** Below the idle timeouts of common upstreams (Node 5 s, nginx 75 s), so that we close a connection before they do. */
const idleConnectionMs = 4_000;

export function createUpstreamProxy(options: UpstreamProxyOptions): UpstreamProxy {
  const { connectTimeoutMs, responseTimeoutMs, maxBodyBytes, isDraining, forwarding, report } =
    options;
  const agent = new Agent({ keepAlive: true, timeout: idleConnectionMs });
  const engine = createProxyServer({
    target: toTarget(options.upstream),
    agent,
    connectTimeout: connectTimeoutMs,
    selfHandleResponse: true,
    // Targets are sent as they came; without it the engine would resolve `..` and re-encode.
    toProxy: true,
  });
  // Errors of requests go to their callbacks. What is left are those of a client's socket, which closes after them.
  engine.on("error", () => {});

  /** Sockets of clients: all that were to be upgraded, and of these the ones that were. */
  const sockets = new Set<Duplex>();
  const tunnels = new Set<Duplex>();

  return {
    handleRequest(req, res) {
      const fields = fieldsFor(req);
      exchange(req, res, {
        engine,
        fields,
        responseTimeoutMs,
        maxBodyBytes,
        isDraining,
        report,
      });
    },

    handleUpgrade(req, socket, head) {
      sockets.add(socket);
      socket.once("close", () => {
        sockets.delete(socket);
        tunnels.delete(socket);
      });
      const fields = fieldsFor(req);
      const onOpen = (): void => {
        tunnels.add(socket);
        if (isDraining()) endTunnel(socket);
      };
      passThrough(req, socket, head, { engine, fields, responseTimeoutMs, onOpen, report });
    },

    get openTunnels() {
      return tunnels.size;
    },

    closeTunnels() {
      for (const socket of tunnels) endTunnel(socket);
    },

    close() {
      agent.destroy();
      for (const socket of sockets) socket.destroy();
    },
  };

  function fieldsFor(req: IncomingMessage) {
    return toUpstreamFields(req.rawHeaders, forwarding.headers(peerOf(req)));
  }
}

/** The upstream's side ends with it (`tieTogether`). */
function endTunnel(socket: Duplex): void {
  socket.end(() => socket.destroy());
}

function toTarget(upstream: UpstreamAddress): ProxyTarget {
  if (upstream.kind === "tcp") return { host: upstream.host, port: upstream.port };
  // Host and port go nowhere, unless a client of HTTP/1.0 named no host itself.
  return { socketPath: upstream.socketPath, host: "localhost", port: 80 };
}
