/** The two ways to the app: requests over kept connections, WebSocket handshakes by http-proxy-3 and all that it needs around it. */

import type { ClientRequest, IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";
import type { ProxyServer, ProxyTarget } from "http-proxy-3";
import { showDuration } from "../core/duration.ts";
import type { UpstreamAddress } from "../http/upstream-address.ts";
import { codeOf, toUpstreamError } from "./http1/connection-error.ts";
import { probe } from "./http1/connection.ts";
import { createPool, type Pool } from "./http1/pool.ts";
import { UpstreamError, unreadable } from "./http1/upstream-error.ts";

export interface EngineOptions {
  readonly upstream: UpstreamAddress;
  /** 0: no limit. */
  readonly connectTimeoutMs: number;
  /** Of a response's head. */
  readonly maxHeadBytes: number;
}

export interface Engine {
  readonly openRequest: Pool["send"];
  /** Resolves with `openUpgrade`. */
  readonly loadUpgrades: () => Promise<OpenUpgrade>;
  /** As `probe` of a connection. */
  readonly probe: () => Promise<void>;
  /** Ends all connections of requests. */
  close(): void;
}

/**
 * Sends a handshake. When the app takes it, the engine writes the 101 to `socket` and joins the two; who listens to
 * `upgrade` and `response` of the request before that has to do it in the same turn. A refusal is the caller's to relay.
 *
 * @param fields names and values in turn, without Connection and Upgrade.
 * @param onError once for each thing that goes wrong, also after the upgrade.
 */
export type OpenUpgrade = (
  req: IncomingMessage,
  socket: Duplex,
  head: Buffer,
  fields: readonly string[],
  onError: (error: UpstreamError) => void,
) => ClientRequest;

export function createEngine(options: EngineOptions): Engine {
  const { upstream, connectTimeoutMs } = options;
  const pool = createPool({ ...options, address: upstream });
  let upgrades: Promise<OpenUpgrade> | null = null;

  async function loadUpgrades(): Promise<OpenUpgrade> {
    const { createProxyServer } = await loadHttpProxy();
    const engine = createProxyServer({
      target: toTarget(upstream),
      connectTimeout: connectTimeoutMs,
      // Targets are sent as they came; without it the engine would resolve `..` and re-encode.
      toProxy: true,
    });
    // Errors go to the callbacks. What is left are those of a client's socket, which closes after them.
    engine.on("error", () => {});
    return (req, socket, head, fields, onError) =>
      openUpgrade(engine, { req, socket, head, fields }, (error) =>
        onError(toHandshakeError(error, options)),
      );
  }

  return {
    openRequest: (message, handler, how) => pool.send(message, handler, how),
    probe: () => probe({ address: upstream, connectTimeoutMs }),
    loadUpgrades: () => (upgrades ??= loadUpgrades()),
    close: () => pool.close(),
  };
}

const importHttpProxy = () => import("http-proxy-3");

let httpProxy: ReturnType<typeof importHttpProxy> | null = null;

/**
 * Loaded by the first WebSocket of the app, for most apps have none. Once for the whole process, since of two imports at
 * a time the second can find the module half made (Node 22).
 */
function loadHttpProxy(): ReturnType<typeof importHttpProxy> {
  return (httpProxy ??= importHttpProxy());
}

interface Handshake {
  readonly req: IncomingMessage;
  readonly socket: Duplex;
  readonly head: Buffer;
  readonly fields: readonly string[];
}

/**
 * The engine makes its request in the turn of `ws()`, and emits `proxyReqWs` with it before it listens to it itself. It
 * joins paths: a lone `?` at the end would be lost. It merges the fields of `req` with those that it is given, so it
 * finds none there but those that it looks for itself.
 */
function openUpgrade(
  engine: ProxyServer,
  { req, socket, head, fields }: Handshake,
  onError: (error: Error) => void,
): ClientRequest {
  const { headers, url = "/" } = req;
  const upgrade = { connection: "Upgrade", upgrade: "websocket" };
  const made: ClientRequest[] = [];
  const catchRequest = (request: ClientRequest): void => {
    request.path = url;
    made.push(request);
  };
  engine.once("proxyReqWs", catchRequest);
  req.headers = upgrade;
  try {
    const named = { ...byName(fields), ...upgrade };
    engine.ws(req, socket, head, { agent: false, headers: named }, onError);
  } finally {
    req.headers = headers;
    engine.off("proxyReqWs", catchRequest);
  }
  const [request] = made;
  if (!request) throw new Error("http-proxy-3 made no request");
  // It would relay a refusal without backpressure, and never end one that breaks off.
  request.removeAllListeners("response");
  return request;
}

/** What the engine takes: one entry a name, in the order and the spelling of the first occurrence. */
export function byName(fields: readonly string[]): Record<string, string | string[]> {
  // A map first: an object has names of its own (`constructor`), and clients choose these.
  const collected = new Map<string, { name: string; values: string[] }>();
  for (let index = 0; index + 1 < fields.length; index += 2) {
    const name = fields[index] ?? "";
    const value = fields[index + 1] ?? "";
    const field = collected.get(name.toLowerCase());
    if (field) field.values.push(value);
    else collected.set(name.toLowerCase(), { name, values: [value] });
  }
  return Object.fromEntries(
    [...collected.values()].map(({ name, values: [first = "", ...others] }) => [
      name,
      others.length === 0 ? first : [first, ...others],
    ]),
  );
}

function toHandshakeError(
  error: Error,
  { upstream, connectTimeoutMs }: EngineOptions,
): UpstreamError {
  const code = codeOf(error);
  if (code === "ECONNECT_TIMEOUT") {
    return new UpstreamError(
      "connect_timeout",
      `timeout: no connection within ${showDuration(connectTimeoutMs)}`,
    );
  }
  if (code === "HPE_HEADER_OVERFLOW") {
    return new UpstreamError("head_too_large", "the head of the answer is too large");
  }
  if (code.startsWith("HPE_")) return unreadable(code);
  const isConnecting =
    error instanceof AggregateError ||
    ("syscall" in error && (error.syscall === "connect" || error.syscall === "getaddrinfo"));
  return toUpstreamError(error, { isConnected: !isConnecting, address: upstream });
}

function toTarget(upstream: UpstreamAddress): ProxyTarget {
  if (upstream.kind === "tcp") return { host: upstream.host, port: upstream.port };
  // Host and port go nowhere, for the fields have a Host.
  return { socketPath: upstream.socketPath, host: "localhost", port: 80 };
}
