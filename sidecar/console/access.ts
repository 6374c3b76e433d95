/**
 * Who may use the console: on loopback whoever is there, elsewhere whoever has logged in with the token; never a page
 * of another site.
 */

import { createHash, createHmac, timingSafeEqual } from "node:crypto";
import type { IncomingMessage } from "node:http";
import { isForwardingHeader } from "../http/forwarded.ts";

export interface AccessOptions {
  /** Null: only loopback is let in. */
  readonly token: string | null;
  /** The port listens on a loopback address alone. */
  readonly isLoopback: boolean;
  /** Milliseconds since 1970. */
  readonly now: () => number;
}

/** `off`: there is no token to log in with. */
export type Access = "granted" | "login" | "off";

/** For so long one login counts. */
export const sessionSeconds = 12 * 3_600;

export interface AccessControl {
  of(req: IncomingMessage): Access;
  isToken(text: string): boolean;
  /** The Set-Cookie of who has shown the token. */
  cookie(req: IncomingMessage): string;
  /** The Set-Cookie that ends the session. */
  expiredCookie(req: IncomingMessage): string;
}

export function createAccess({ token, isLoopback, now }: AccessOptions): AccessControl {
  const sign = (text: string): string =>
    createHmac("sha256", token ?? "")
      .update(`pogo-console ${text}`)
      .digest("base64url");

  /** Nothing is kept of a session: the cookie says until when, signed with the token, and ends when that changes. */
  function hasSession(req: IncomingMessage): boolean {
    const [until = "", signature = ""] = cookieOf(req, cookieName(req))?.split(".") ?? [];
    return isEqual(signature, sign(until)) && Number(until) * 1_000 > now();
  }

  function setCookie(req: IncomingMessage, value: string, seconds: number): string {
    return `${cookieName(req)}=${value}; Path=/; Max-Age=${seconds}; HttpOnly; SameSite=Strict`;
  }

  return {
    of(req) {
      if (token !== null) return hasSession(req) ? "granted" : "login";
      return isLoopback && !isForwarded(req) ? "granted" : "off";
    },
    isToken: (text) => token !== null && isEqual(text, token),
    cookie(req) {
      const until = String(Math.floor(now() / 1_000) + sessionSeconds);
      return setCookie(req, `${until}.${sign(until)}`, sessionSeconds);
    },
    expiredCookie: (req) => setCookie(req, "", 0),
  };
}

/**
 * Not from a page of another site: browsers say where a request comes from in Sec-Fetch-Site, older ones in Origin where it
 * changes something.
 */
export function isSameOrigin({ headers }: IncomingMessage): boolean {
  const { origin, host } = headers;
  const site = headers["sec-fetch-site"] ?? "none";
  if (site !== "none" && site !== "same-origin") return false;
  return origin === undefined || URL.parse(origin)?.host === host;
}

/** A proxy has passed it on, so that whoever sent it need not be on this machine. */
function isForwarded({ headers }: IncomingMessage): boolean {
  return Object.keys(headers).some((name) => name === "via" || isForwardingHeader(name));
}

/** Cookies know no ports: each node on a machine has its own. */
function cookieName({ socket }: IncomingMessage): string {
  return `pogo_console_${socket.localPort ?? 0}`;
}

function cookieOf({ headers }: IncomingMessage, name: string): string | undefined {
  const pairs = headers.cookie?.split("; ") ?? [];
  return pairs.find((pair) => pair.startsWith(`${name}=`))?.slice(name.length + 1);
}

/** In constant time, whatever the lengths. */
function isEqual(one: string, other: string): boolean {
  return timingSafeEqual(hashOf(one), hashOf(other));
}

function hashOf(text: string): Buffer {
  return createHash("sha256").update(text).digest();
}
