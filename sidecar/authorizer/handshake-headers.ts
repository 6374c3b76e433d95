/** The header of a subrequest: which fields of the handshake it carries, which it must not, and which it adds. */

import type { Handshake } from "../core/ports.ts";
import { isSocketId } from "../core/socket-id.ts";
import { isForwardingHeader, type Forwarding } from "../http/forwarded.ts";
import { fieldsOf, listOf, valuesOf, type RawHeaders } from "../http/headers.ts";
import { withoutRecoveryCookie } from "../http/recovery-cookie.ts";

/**
 * Names and values in turn, for `http.request`; values stay the bytes that the client sent (latin1). The Host is the
 * handshake's, so that the app sees one host whichever way it is asked (Laravel's TrustHosts, session domain).
 *
 * @param subrequest.withCookies Whether the origin gate let the cookies be spent.
 */
export function toSubrequestHeaders(subrequest: {
  readonly handshake: Handshake;
  /** Null: the question is about a user. */
  readonly channel: string | null;
  readonly bodyBytes: number;
  readonly withCookies: boolean;
  /** In place of the handshake's Authorization; null: that one goes along. */
  readonly credential: string | null;
  readonly forwarding: Forwarding;
}): string[] {
  const { handshake, channel, bodyBytes, withCookies, credential, forwarding } = subrequest;
  const { rawHeaders } = handshake;
  const { cookie, authorization } = credentialsOf({ handshake, credential, withCookies });
  const fields: (readonly [name: string, value: string])[] = [
    ["Host", valuesOf(rawHeaders, "host")[0] ?? "localhost"],
    // As pusher-js itself asks, so that plain PHP finds the fields in `$_POST`; Laravel reads either.
    ["Content-Type", "application/x-www-form-urlencoded"],
    ["Content-Length", String(bodyBytes)],
    // Both make Laravel answer 401 and 403 in JSON, where a page's visitor would be sent to the login form.
    ["Accept", "application/json"],
    ["X-Requested-With", "XMLHttpRequest"],
    // Which scripts written for the original module read.
    ...(channel === null ? [] : [["X-FrankenPHP-WS-Channel", channel] as const]),
    ...forwarding.headers(handshake),
    ...passedFields(rawHeaders),
  ];
  if (authorization !== "") fields.push(["Authorization", authorization]);
  if (cookie !== "") fields.push(["Cookie", cookie]);
  const token = valuesOf(rawHeaders, "x-xsrf-token").length > 0 ? undefined : xsrfToken(cookie);
  if (token !== undefined) fields.push(["X-XSRF-TOKEN", token]);
  return fields.flat();
}

/** What shows the app who asks. An empty text is none. */
export function credentialsOf(source: {
  readonly handshake: Handshake;
  readonly credential: string | null;
  readonly withCookies: boolean;
}): { readonly cookie: string; readonly authorization: string } {
  const { rawHeaders } = source.handshake;
  return {
    cookie: source.withCookies
      ? withoutRecoveryCookie(valuesOf(rawHeaders, "cookie").join("; "))
      : "",
    authorization: source.credential ?? valuesOf(rawHeaders, "authorization")[0] ?? "",
  };
}

/** `traceparent` and its companions (W3C Trace Context, Baggage) let the app's trace go on. */
const passed: ReadonlySet<string> = new Set([
  "accept-language",
  "baggage",
  "origin",
  "referer",
  "traceparent",
  "tracestate",
  "user-agent",
]);

/** Ours, or such that the request would be another one (Symfony makes a PUT of a POST). */
const withheld: ReadonlySet<string> = new Set([
  "x-frankenphp-ws-channel",
  "x-http-method-override",
  "x-requested-with",
]);

/** What passes: a few names, and every X-… that says nothing about the way here. */
function passedFields(rawHeaders: RawHeaders): (readonly [name: string, value: string])[] {
  // RFC 9110 §7.6.1: what Connection names was meant for this hop.
  const nominated = new Set(listOf(rawHeaders, "connection").map((name) => name.toLowerCase()));
  return [...fieldsOf(rawHeaders)].filter(([name, value]) => {
    const lowerCase = name.toLowerCase();
    // PHP reads `X_Forwarded_For` as `X-Forwarded-For`, and takes the last.
    if (lowerCase.includes("_") || nominated.has(lowerCase)) return false;
    if (isForwardingHeader(lowerCase) || withheld.has(lowerCase)) return false;
    // Echo sets it on every request of a page: `undefined` as long as there is no connection.
    if (lowerCase === "x-socket-id" && !isSocketId(value.trim())) return false;
    return passed.has(lowerCase) || lowerCase.startsWith("x-");
  });
}

/**
 * What a page's own script would send: the decoded XSRF-TOKEN cookie. With it, custom endpoints and Laravel up to 7,
 * which check it at the auth endpoint too, answer as if the page had asked. Undefined without the cookie, and for a
 * value that is no text of visible ASCII.
 */
function xsrfToken(cookie: string): string | undefined {
  const pair = cookie.split(";").find((part) => part.trimStart().startsWith("XSRF-TOKEN="));
  const encoded = pair?.slice(pair.indexOf("=") + 1).trim() ?? "";
  try {
    const token = decodeURIComponent(encoded);
    return /^[\x21-\x7e]+$/.test(token) ? token : undefined;
  } catch {
    return undefined; // a lone % or broken UTF-8
  }
}
