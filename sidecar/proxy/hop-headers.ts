/** Which header fields pass this hop, to the app and back (RFC 9110 §7.6.1). */

import { isSocketId } from "../core/socket-id.ts";
import { isForwardingHeader } from "../http/forwarded.ts";
import type { RawHeaders } from "../http/headers.ts";
import { withoutRecoveryCookie } from "../http/recovery-cookie.ts";

/**
 * The fields of a request as they go to the app, names and values in turn: end-to-end fields as they came, two Cookie
 * lines as one and without the sidecar's own, then `forwarding` in the place of all that the client said of the kind. A chunked body stays chunked.
 *
 * @param request.host in the place of a Host field, which a client of HTTP/1.0 may leave out.
 */
export function toUpstreamFields(
  request: { readonly method: string; readonly rawHeaders: RawHeaders; readonly host: string },
  forwarding: readonly (readonly [name: string, value: string])[],
): string[] {
  const { method, rawHeaders, host } = request;
  const nominated = nominatedIn(rawHeaders);
  const fields: string[] = [];
  let cookieAt = -1;
  let hasHost = false;
  let isChunked = false;
  let hasLength = false;
  for (let index = 0; index + 1 < rawHeaders.length; index += 2) {
    const name = rawHeaders[index] ?? "";
    const value = rawHeaders[index + 1] ?? "";
    const lowerCase = name.toLowerCase();
    if (lowerCase === "transfer-encoding") isChunked = true;
    else if (lowerCase === "host") hasHost = true;
    else if (lowerCase === "content-length") hasLength = true;
    if (isHopByHop(lowerCase, nominated) || !isWelcomeUpstream(lowerCase)) continue;
    // A page without a connection sends `undefined`, upon which Laravel's `toOthers()` answers 500.
    if (lowerCase === "x-socket-id" && !isSocketId(value.trim())) continue;
    if (lowerCase !== "cookie") {
      fields.push(name, value);
      continue;
    }
    const cookies = withoutRecoveryCookie(value);
    if (cookies === "" && value !== "") continue;
    // RFC 9113 §8.2.3: what HTTP/2 took apart goes on as one.
    if (cookieAt !== -1) fields[cookieAt] += `; ${cookies}`;
    else cookieAt = fields.push(name, cookies) - 1;
  }
  if (!hasHost) fields.push("Host", host);
  for (const [name, value] of forwarding) fields.push(name, value);
  if (isChunked) fields.push("Transfer-Encoding", "chunked");
  // RFC 9110 §8.6: some servers ask for it (411).
  else if (!hasLength && anticipatesContent.has(method)) fields.push("Content-Length", "0");
  return fields;
}

const anticipatesContent: ReadonlySet<string> = new Set(["PATCH", "POST", "PUT"]);

/** The fields of a response as they go to the client: names and values in turn, as received. */
export function toClientFields(rawHeaders: RawHeaders, status: number): string[] {
  const nominated = nominatedIn(rawHeaders);
  const fields: string[] = [];
  for (let index = 0; index + 1 < rawHeaders.length; index += 2) {
    const name = rawHeaders[index] ?? "";
    const lowerCase = name.toLowerCase();
    // RFC 9110 §8.6: no Content-Length with 204.
    if (status === 204 && lowerCase === "content-length") continue;
    if (!isHopByHop(lowerCase, nominated)) fields.push(name, rawHeaders[index + 1] ?? "");
  }
  return fields;
}

/**
 * Fields of one connection. `trailer` goes because trailers do; `http2-settings` belongs to `Upgrade: h2c`, `alt-svc`
 * to the upstream's own address. `x-request-id` is said anew on either side.
 */
const hopByHop: ReadonlySet<string> = new Set([
  "alt-svc",
  "connection",
  "http2-settings",
  "keep-alive",
  "proxy-authenticate",
  "proxy-authentication-info",
  "proxy-authorization",
  "proxy-connection",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
  "x-request-id",
]);

/** Fields that Connection can't take away: without them the message would be another one. */
const indispensable: ReadonlySet<string> = new Set(["content-length", "host"]);

function isHopByHop(name: string, nominated: ReadonlySet<string>): boolean {
  return hopByHop.has(name) || (nominated.has(name) && !indispensable.has(name));
}

/** What Connection names, in lower case. */
function nominatedIn(rawHeaders: RawHeaders): ReadonlySet<string> {
  let nominated = nothing;
  for (let index = 0; index + 1 < rawHeaders.length; index += 2) {
    const name = rawHeaders[index] ?? "";
    if (name.length !== 10 || name.toLowerCase() !== "connection") continue;
    const options = (rawHeaders[index + 1] ?? "").toLowerCase().split(",");
    nominated = nominated.union(new Set(options.map((option) => option.trim())));
  }
  return nominated;
}

const nothing: ReadonlySet<string> = new Set();

/**
 * Fields that are not the client's to send: `expect`, which this hop has answered; `proxy`, of which CGI makes HTTP_PROXY
 * (httpoxy); the sidecar's own word about the channel that it asks for.
 */
const unwelcome: ReadonlySet<string> = new Set(["expect", "proxy", "x-frankenphp-ws-channel"]);

/** The first field with a `_` in its name, which is not passed on; null: there is none. */
export function underscoredField(rawHeaders: RawHeaders): string | null {
  for (let index = 0; index + 1 < rawHeaders.length; index += 2) {
    const name = rawHeaders[index] ?? "";
    if (name.includes("_")) return name;
  }
  return null;
}

/** Names with `_`: PHP takes them for the same names with `-`, so that `X_Forwarded_For` would override what we say. */
function isWelcomeUpstream(name: string): boolean {
  return !unwelcome.has(name) && !name.includes("_") && !isForwardingHeader(name);
}
