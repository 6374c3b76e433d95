/** How a returning client is identified: by a token in its path, or by a cookie of the handshake. */

import { createHash, randomBytes } from "node:crypto";
import type { IncomingMessage } from "node:http";
import { parseOrigin } from "../core/origin.ts";
import type { RecoveryToken } from "../core/recovery/client.ts";
import {
  hasSeveralRecoveryCookies,
  readRecoveryCookie,
  recoverySetCookie,
} from "../http/recovery-cookie.ts";

export interface Recognized {
  readonly token: RecoveryToken;
  /** Of a page with a token, by which its browser is known besides: a digest; null: it is not. */
  readonly browser: string | null;
  /** For the answer to the handshake; null: the client has it already, or needs none. */
  readonly setCookie: string | null;
}

/**
 * Null: it is not recognized, so there is nothing to keep for it. Only pages get a cookie, for which the browser sends an
 * Origin: other clients keep none.
 *
 * @param pathToken as the client chose it
 */
export function recognize(
  req: IncomingMessage,
  {
    appId,
    pathToken,
    setsCookie,
    knowsBrowsers,
  }: {
    readonly appId: string;
    readonly pathToken: string | null;
    readonly setsCookie: boolean;
    /** Pages with a token get a cookie too, which all of a browser's share. */
    readonly knowsBrowsers: boolean;
  },
): Recognized | null {
  const [path = "/"] = (req.url ?? "").split("?");
  if (pathToken !== null) {
    const token = { key: digest(appId, "path", pathToken), isOfOnePage: true };
    const isKnown = knowsBrowsers && !hasSeveralRecoveryCookies(req.headers.cookie);
    const found = isKnown ? findCookie(req, path.slice(0, path.indexOf(`/${pathToken}/`))) : null;
    const browser = found && digest(appId, "browser", found.value);
    return { token, browser, setCookie: found?.setCookie ?? null };
  }
  const found = setsCookie ? findCookie(req, path) : null;
  if (!found) return null;
  const token = { key: digest(appId, "cookie", found.value), isOfOnePage: false };
  return { token, browser: null, setCookie: found.setCookie };
}

/** The one that was sent, or a new one for a page. @param path for which it is */
function findCookie(
  { headers: { cookie, origin } }: IncomingMessage,
  path: string,
): { readonly value: string; readonly setCookie: string | null } | null {
  const kept = readRecoveryCookie(cookie);
  if (kept !== null) return { value: kept, setCookie: null };
  const scheme = parseOrigin(origin)?.scheme;
  if (scheme === undefined) return null;
  const value = randomBytes(16).toString("base64url");
  return { value, setCookie: recoverySetCookie(value, { path, isSecure: scheme === "https" }) };
}

/** Whoever reads a session learns nothing by which it could be taken. */
function digest(appId: string, kind: string, value: string): string {
  return createHash("sha256")
    .update(`${kind}\n${value}\n${appId}`)
    .digest()
    .subarray(0, 16)
    .toString("base64url");
}
