/** Whose credentials a subrequest may spend: a page must not have the cookies of another one's visitor used. */

import { isOriginListed, isOriginOfHost } from "../core/origin.ts";
import { valuesOf, type RawHeaders } from "../http/headers.ts";

/**
 * `all`: the handshake's cookies and the rest. `without_cookies`: what remains proves who asks. `none`: nothing of this
 * handshake may be spent, so nobody needs to be asked.
 */
export type Spendable = "all" | "without_cookies" | "none";

/**
 * A browser sends the cookies of a host with every WebSocket handshake to it, whichever page opened it (cross-site
 * WebSocket hijacking). They are spent for a page of the same host and port, or of an origin that `allowedOrigins`
 * lists by name; `*` lists nobody. A client that is no browser sends no Origin: it has to authorize itself.
 *
 * @param request.host The host that the client asked for (`Forwarding.host`).
 */
export function judgeOrigin(request: {
  readonly rawHeaders: RawHeaders;
  readonly host: string | undefined;
  readonly allowedOrigins: readonly string[];
  /** The client brings a token of its own, which no browser adds by itself. */
  readonly hasCredential: boolean;
}): Spendable {
  const { rawHeaders, host, allowedOrigins, hasCredential } = request;
  const origins = valuesOf(rawHeaders, "origin");
  const origin = origins.length === 1 ? origins[0] : undefined;
  if (host !== undefined && isOriginOfHost(origin, host)) return "all";
  if (isOriginListed(allowedOrigins, origin)) return "all";

  const isForeignPage = origins.length > 0;
  const authorizes = valuesOf(rawHeaders, "authorization").some(
    (value) => value !== "" && !(isForeignPage && ambientScheme.test(value)),
  );
  return authorizes || hasCredential ? "without_cookies" : "none";
}

/** A browser adds these by itself once the user has logged in, so they prove as little as cookies (RFC 9110 §11). */
const ambientScheme = /^\s*(basic|digest|negotiate|ntlm)\b/i;
