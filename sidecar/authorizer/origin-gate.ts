/** Whose credentials a subrequest may use: no page may have the cookies used that belong to another site's visitor. */

import { isOriginListed, isOriginOfHost, parseOrigin } from "../core/origin.ts";
import { valuesOf, type RawHeaders } from "../http/headers.ts";

/**
 * `all`: the handshake's cookies and the rest. `without_cookies`: what remains proves who asks. `none`: nothing of this
 * handshake may be spent, so nobody needs to be asked.
 */
export type CredentialPolicy = "all" | "without_cookies" | "none";

/**
 * A browser sends the cookies of a host with every WebSocket handshake to it, whichever page opened it (cross-site
 * WebSocket hijacking). They are spent for a page of the same host and port, or of an origin that `allowedOrigins`
 * lists by name; `*` lists nobody. A client that is no browser sends no Origin: it has to authorize itself.
 *
 * What a browser says of the page itself comes first: a handshake that is `cross-site` (Fetch Metadata, `Sec-Fetch-Site`)
 * spends no cookies, whatever its Origin.
 */
export function credentialPolicyFor(request: {
  readonly rawHeaders: RawHeaders;
  /** The host that the client asked for (`Forwarding.host`). */
  readonly host: string | undefined;
  /** By which scheme it asked, where that is known (`Forwarding.scheme`). */
  readonly scheme: "http" | "https" | undefined;
  readonly allowedOrigins: readonly string[];
  /** The client brings a token of its own, which no browser adds by itself. */
  readonly hasCredential: boolean;
}): CredentialPolicy {
  const { rawHeaders, host, scheme, allowedOrigins, hasCredential } = request;
  const origins = valuesOf(rawHeaders, "origin");
  const origin = origins.length === 1 ? origins[0] : undefined;
  if (!isCrossSite(rawHeaders)) {
    // Whoever names a scheme with an origin means it.
    if (isOriginListed(allowedOrigins.filter(hasScheme), origin)) return "all";
    const isListed = isOriginListed(allowedOrigins, origin);
    const isOwn = host !== undefined && isOriginOfHost(origin, host);
    if ((isOwn || isListed) && isPageScheme(origin, scheme)) return "all";
  }

  const isForeignPage = origins.length > 0;
  const authorizes = valuesOf(rawHeaders, "authorization").some(
    (value) => value !== "" && !(isForeignPage && ambientScheme.test(value)),
  );
  return authorizes || hasCredential ? "without_cookies" : "none";
}

function isCrossSite(rawHeaders: RawHeaders): boolean {
  const sites = valuesOf(rawHeaders, "sec-fetch-site");
  return sites.some((site) => site.trim().toLowerCase() === "cross-site");
}

function hasScheme(allowed: string): boolean {
  return allowed.includes("://");
}

/**
 * The scheme is part of an origin (RFC 6454 §4). Extensions and files are no pages of a host; nor is an http page one of
 * a host that is asked by https, since whoever can write on the way can make one up. An https page is the host's own,
 * even if a proxy says that it asked by http.
 */
export function isPageScheme(
  origin: string | undefined,
  scheme: "http" | "https" | undefined,
): boolean {
  const page = parseOrigin(origin)?.scheme;
  return page === "https" || (page === "http" && scheme !== "https");
}

/** A browser adds these by itself once the user has logged in, so they prove as little as cookies (RFC 9110 §11). */
const ambientScheme = /^\s*(basic|digest|negotiate|ntlm)\b/i;
