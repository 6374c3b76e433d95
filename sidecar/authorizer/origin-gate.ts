/** Whose credentials a subrequest may use: no page may have the cookies used that belong to another site's visitor. */

import { isOriginListed, isOriginOfHost, parseOrigin } from "../core/origin.ts";
import { valuesOf, type RawHeaders } from "../http/headers.ts";

/**
 * `all`: the handshake's cookies and its other fields may be used. `without_cookies`: only the others, which still prove
 * who is asking. `none`: none of its credentials may be used, so the app need not be asked.
 */
export type CredentialPolicy = "all" | "without_cookies" | "none";

/**
 * A browser sends the cookies of a host with every WebSocket handshake to it, whichever page opened it (cross-site
 * WebSocket hijacking). They are used for pages of the same host and port, or of an origin that `allowedOrigins` lists
 * by name; `*` lists none. A client that is not a browser sends no Origin and has to bring a token.
 *
 * A handshake that the browser itself calls `cross-site` (Fetch Metadata, `Sec-Fetch-Site`) has no cookies used, whatever
 * its Origin.
 */
export function credentialPolicyFor(request: {
  readonly rawHeaders: RawHeaders;
  /** The host that the client asked for (`Forwarding.host`). */
  readonly host: string | undefined;
  /** The scheme that it used, if known (`Forwarding.scheme`). */
  readonly scheme: "http" | "https" | undefined;
  readonly allowedOrigins: readonly string[];
  /** The client sent a token, which no browser adds by itself. */
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
 * The scheme is part of an origin (RFC 6454 §4). Extensions and files are not pages of a host. Neither is an http page of
 * a host that was asked over https, since anybody on the network path can forge one. An https page is the host's own,
 * even if a proxy says that the request came over http.
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
