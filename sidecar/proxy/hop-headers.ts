/** Which header fields pass this hop, upstream and back (RFC 9110 §7.6.1). */

import { isSocketId } from "../core/socket-id.ts";
import { isForwardingHeader } from "../http/forwarded.ts";
import { fieldsOf, isChunked, listOf, type RawHeaders } from "../http/headers.ts";

/** What the engine takes: one entry a name, in the order and the spelling of the first occurrence. */
export type RequestFields = Record<string, string | string[]>;

/**
 * The fields of a request as they go upstream: end-to-end fields in their order and spelling, duplicates as lines of
 * their own (two Cookie lines become one), then `forwarding` in the place of all that the client said of the kind.
 * A chunked body stays chunked.
 */
export function toUpstreamFields(
  rawHeaders: RawHeaders,
  forwarding: readonly (readonly [name: string, value: string])[],
): RequestFields {
  const nominated = nominatedIn(rawHeaders);
  const kept = [...fieldsOf(rawHeaders)].filter(([name, value]) => {
    const lowerCase = name.toLowerCase();
    // A page without a connection sends `undefined`, upon which Laravel's `toOthers()` answers 500.
    if (lowerCase === "x-socket-id" && !isSocketId(value.trim())) return false;
    return !isHopByHop(lowerCase, nominated) && isWelcomeUpstream(lowerCase);
  });
  const fields = collect([...kept, ...forwarding]);
  if (isChunked(rawHeaders)) fields["Transfer-Encoding"] = "chunked";
  return fields;
}

/** The fields of a response as they go to the client: name, value, name, value … as received. */
export function toClientFields(rawHeaders: RawHeaders, status: number): string[] {
  const nominated = nominatedIn(rawHeaders);
  return [...fieldsOf(rawHeaders)]
    .filter(([name]) => {
      const lowerCase = name.toLowerCase();
      // RFC 9110 §8.6: no Content-Length with 204.
      if (status === 204 && lowerCase === "content-length") return false;
      return !isHopByHop(lowerCase, nominated);
    })
    .flat();
}

/**
 * Fields of one connection. `trailer` goes because trailers do; `http2-settings` belongs to `Upgrade: h2c`, `alt-svc`
 * to the upstream's own address.
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
]);

/** Fields that Connection can't take away: without them the message would be another one. */
const indispensable: ReadonlySet<string> = new Set(["content-length", "host"]);

function isHopByHop(name: string, nominated: ReadonlySet<string>): boolean {
  return hopByHop.has(name) || (nominated.has(name) && !indispensable.has(name));
}

function nominatedIn(rawHeaders: RawHeaders): ReadonlySet<string> {
  return new Set(listOf(rawHeaders, "connection").map((name) => name.toLowerCase()));
}

/**
 * `expect`: this hop has answered it. `proxy`: CGI makes HTTP_PROXY of it (httpoxy). Names with `_`: PHP takes them for
 * the same names with `-`, so that `X_Forwarded_For` would override what we say.
 */
function isWelcomeUpstream(name: string): boolean {
  return name !== "expect" && name !== "proxy" && !name.includes("_") && !isForwardingHeader(name);
}

function collect(fields: readonly (readonly [name: string, value: string])[]): RequestFields {
  // A map first: an object has names of its own (`constructor`), and clients choose these.
  const collected = new Map<string, { name: string; values: string[] }>();
  for (const [name, value] of fields) {
    const lowerCase = name.toLowerCase();
    const field = collected.get(lowerCase);
    if (field) field.values.push(value);
    else collected.set(lowerCase, { name, values: [value] });
  }
  return Object.fromEntries(
    [...collected.values()].map(({ name, values: [first = "", ...others] }) => [
      name,
      others.length === 0 ? first : [first, ...others],
    ]),
  );
}
