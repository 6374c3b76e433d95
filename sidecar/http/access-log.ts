/** Which requests are written to the access log, and what their line says. */

import type { IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";
import type { Rate } from "../core/app.ts";
import type { Handshake } from "../core/ports.ts";
import { TokenBucket } from "../core/rate-limit.ts";
import type { Report } from "../core/report.ts";
import { peerAt, peerOf } from "./peer.ts";

/** `errors`: those that the sidecar refused, and those that ended with 500 or above. */
export type AccessLogMode = "off" | "errors" | "all";

export interface AccessLogOptions {
  readonly mode: AccessLogMode;
  /** While it has `details`, what `mode` leaves out is reported too, for the level `debug`. */
  readonly report: Report;
  readonly clientIp: (peer: Handshake) => string;
  /** Host and port, or socket; null: there is no app. */
  readonly upstream: string | null;
}

/** A request that was answered. */
export interface Answered {
  readonly req: IncomingMessage;
  readonly id: string;
  readonly startedMs: number;
  /** When the head of the answer went out; null: only now. */
  readonly firstByteMs: number | null;
  /** Written to the connection for it. */
  readonly sentBytes: number;
  /** It was sent to the app. */
  readonly isForwarded: boolean;
  /** The answer is the app's. */
  readonly isRelayed: boolean;
  /** Null: it is not recorded. */
  readonly traceId: string | null;
}

/** Status of the log for a client that left before it had its answer (nginx's). */
export const clientGoneStatus = 499;

type Level = "info" | "debug";

/** Anybody can be refused at will: of a flood so many lines; the next one says how many were left out. */
const errorRate: Rate = { perSecond: 1, burst: 20 };
/** What a client sent is not logged longer than this. */
const maxPathLength = 256;

export class AccessLog {
  readonly #options: AccessLogOptions;
  readonly #errors = new TokenBucket(errorRate, performance.now());
  #suppressed = 0;

  constructor(options: AccessLogOptions) {
    this.#options = options;
  }

  /** At which level a request is logged that ends like this; null: not at all. */
  levelOf(status: number, { isRelayed }: Pick<Answered, "isRelayed">): Level | null {
    const { mode, report } = this.#options;
    const isError = status >= 500 || (status >= 400 && !isRelayed && status !== clientGoneStatus);
    if (mode === "all" || (mode === "errors" && isError)) return "info";
    return report.details ? "debug" : null;
  }

  write(answered: Answered, status: number): void {
    const line = this.#lineOf(status, answered);
    if (!line) return;
    const { req, id, startedMs, firstByteMs, sentBytes, isForwarded, traceId } = answered;
    const { report, clientIp, upstream } = this.#options;
    const nowMs = performance.now();
    report({
      kind: "request_finished",
      ...line,
      id,
      method: req.method ?? "",
      path: loggedPath(req.url ?? ""),
      status,
      bytes: sentBytes,
      firstByteMs: (firstByteMs ?? nowMs) - startedMs,
      durationMs: nowMs - startedMs,
      client: clientIp(peerOf(req)),
      upstream: isForwarded ? upstream : null,
      traceId,
    });
  }

  /** A request that could not be read to the end of its head. */
  writeUnread(socket: Duplex, status: number): void {
    const line = this.#lineOf(status, { isRelayed: false });
    if (!line) return;
    const { report, clientIp } = this.#options;
    const peer = peerAt(socket);
    report({
      kind: "request_finished",
      ...line,
      id: null,
      method: null,
      path: null,
      status,
      bytes: null,
      firstByteMs: null,
      durationMs: null,
      client: peer ? clientIp(peer) : null,
      upstream: null,
      traceId: null,
    });
  }

  /** Its level, and how many lines were left out before it; null: it is left out too. */
  #lineOf(
    status: number,
    answered: Pick<Answered, "isRelayed">,
  ): { readonly level: Level; readonly suppressed: number } | null {
    const level = this.levelOf(status, answered);
    if (level === null) return null;
    if (this.#options.mode !== "errors" || level !== "info") return { level, suppressed: 0 };
    if (!this.#errors.tryTake(performance.now())) {
      this.#suppressed += 1;
      return null;
    }
    const suppressed = this.#suppressed;
    this.#suppressed = 0;
    return { level, suppressed };
  }
}

/** Of a target in absolute form (RFC 9112 §3.2.2). */
const userinfo = /^([a-z][a-z\d+.-]*:\/\/)[^/]*@/i;

/** A token of the WebSockets' path, by which a client is recognized when it comes back. */
const recoveryToken = /\/r\/[\w-]{16,}(?=\/app\/)/;

/**
 * A target without its query, which may hold a signature, without a password or the token of a client, and without
 * anything that a terminal might obey.
 */
export function loggedPath(target: string): string {
  const mark = target.indexOf("?");
  const path = mark === -1 ? target : target.slice(0, mark);
  return path
    .replace(userinfo, "$1")
    .replace(recoveryToken, "/r/-")
    .slice(0, maxPathLength)
    .replaceAll(/[^\x21-\x7e]/g, "?");
}
