/** How a client that comes back is recognized: by a token in its path, or by a cookie of the handshake. */

import { createHash, randomBytes } from "node:crypto";
import type { IncomingMessage } from "node:http";
import { parseOrigin } from "../core/origin.ts";
import type { RecoveryToken } from "../core/recovery/client.ts";
import { readRecoveryCookie, recoverySetCookie } from "../http/recovery-cookie.ts";

export interface Recognized {
  readonly token: RecoveryToken;
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
  }: {
    readonly appId: string;
    readonly pathToken: string | null;
    readonly setsCookie: boolean;
  },
): Recognized | null {
  if (pathToken !== null) {
    return { token: { key: digest(appId, "path", pathToken), isOfOnePage: true }, setCookie: null };
  }
  if (!setsCookie) return null;
  const { cookie, origin } = req.headers;
  const kept = readRecoveryCookie(cookie);
  const scheme = parseOrigin(origin)?.scheme;
  if (kept === null && scheme === undefined) return null;
  const value = kept ?? randomBytes(16).toString("base64url");
  const [path = "/"] = (req.url ?? "").split("?");
  const setCookie = recoverySetCookie(value, { path, isSecure: scheme === "https" });
  return {
    token: { key: digest(appId, "cookie", value), isOfOnePage: false },
    setCookie: kept === null ? setCookie : null,
  };
}

/** Whoever reads a session learns nothing by which it could be taken. */
function digest(appId: string, kind: string, value: string): string {
  return createHash("sha256")
    .update(`${kind}\n${value}\n${appId}`)
    .digest()
    .subarray(0, 16)
    .toString("base64url");
}
