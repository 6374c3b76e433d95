/** Request hygiene: what is refused before a request is routed, answered or forwarded. */

import type { IncomingMessage } from "node:http";
import { isAuthority } from "./authority.ts";
import { refusals, type Refusal } from "./refusal.ts";

/**
 * `target`: the request target in origin-form, byte by byte as it is routed and forwarded (`*` for `OPTIONS *`).
 * After a refusal the connection closes: whoever sent one doubtful request is not trusted with where the next begins.
 */
export type GuardResult =
  | { readonly ok: true; readonly target: string }
  | { readonly ok: false; readonly refusal: Refusal };

/**
 * Checks one request or upgrade. Node's parser has refused broken framing already; this refuses what Node lets pass
 * and two parsers might read in two ways (RFC 9110, RFC 9112; the clauses stand at the checks).
 */
export function guardRequest(req: IncomingMessage): GuardResult {
  const head = readHead(req);
  for (const check of checks) {
    const refusal = check(head);
    if (refusal) return { ok: false, refusal };
  }
  const target = originForm(head);
  if (target !== undefined) return { ok: true, target };
  return { ok: false, refusal: refusals.target };
}

interface Head {
  readonly method: string;
  readonly version: string;
  readonly url: string;
  /** Values by lower-case name, of the fields that are looked at. */
  readonly fields: ReadonlyMap<string, readonly string[]>;
}

/**
 * Fields of one value. Of two, Node takes the first and PHP the last, so both would check what the other doesn't use.
 */
const singletons: readonly string[] = [
  "authorization",
  "content-length",
  "content-type",
  "host",
  "origin",
  "sec-websocket-key",
  "sec-websocket-version",
  "transfer-encoding",
];

const watched: ReadonlySet<string> = new Set([...singletons, "connection", "expect", "upgrade"]);

const checks: readonly ((head: Head) => Refusal | null)[] = [
  // Node's parser also takes 0.9 and 2.0.
  ({ version }) => (version === "1.1" || version === "1.0" ? null : refusals.version),

  // TRACE would give a page the cookies it can't read; CONNECT asks for a tunnel to elsewhere.
  ({ method }) => (method === "TRACE" || method === "CONNECT" ? refusals.method : null),

  ({ fields }) => {
    const twice = singletons.find((name) => (fields.get(name)?.length ?? 0) > 1);
    return twice === undefined
      ? null
      : { ...refusals.duplicateField, text: `Duplicate ${twice} field.` };
  },

  // RFC 9112 §3.2: only HTTP/1.0 may leave it out.
  ({ fields, version }) => {
    const host = fields.get("host")?.[0];
    if (host === undefined && version === "1.0") return null;
    return host !== undefined && isAuthority(host) ? null : refusals.host;
  },

  // RFC 9112 §6.1 and §6.3: framing must be certain.
  ({ fields, version }) => {
    const coding = fields.get("transfer-encoding")?.[0];
    const length = fields.get("content-length")?.[0];
    if (length !== undefined && !/^\d{1,15}$/.test(length)) return refusals.contentLength;
    if (coding === undefined) return null;
    const [last, ...others] = coding
      .toLowerCase()
      .split(/[ \t]*,[ \t]*/)
      .toReversed();
    const isCertain = last === "chunked" && !others.includes("chunked") && !others.includes("");
    if (!isCertain || length !== undefined || version === "1.0") return refusals.framing;
    // RFC 9112 §6.1: a coding that this hop would have to undo.
    return others.length === 0 ? null : refusals.transferCoding;
  },

  // RFC 9110 §10.1.1; HTTP/1.0 has no Expect.
  ({ fields, version }) => {
    const expectations = fields.get("expect") ?? [];
    return version === "1.0" ||
      expectations.every((value) => value.toLowerCase() === "100-continue")
      ? null
      : refusals.expectation;
  },

  // RFC 6455 §4.1: a GET without content.
  (head) => {
    if (!isWebSocketUpgrade(head)) return null;
    const length = Number(head.fields.get("content-length")?.[0] ?? 0);
    return head.method === "GET" && length === 0 && !head.fields.has("transfer-encoding")
      ? null
      : refusals.handshake;
  },
];

function readHead(req: IncomingMessage): Head {
  const fields = new Map<string, string[]>();
  const { rawHeaders } = req;
  for (let index = 0; index + 1 < rawHeaders.length; index += 2) {
    const lowerCase = (rawHeaders[index] ?? "").toLowerCase();
    const value = rawHeaders[index + 1] ?? "";
    if (!watched.has(lowerCase)) continue;
    const values = fields.get(lowerCase);
    if (values) values.push(value);
    else fields.set(lowerCase, [value]);
  }
  return {
    method: req.method ?? "",
    version: req.httpVersion,
    url: req.url ?? "",
    fields,
  };
}

/** RFC 9110 §7.8: Upgrade of HTTP/1.0 is ignored. */
function isWebSocketUpgrade({ fields, version }: Head): boolean {
  if (version === "1.0" || !fields.has("upgrade")) return false;
  const connection = (fields.get("connection") ?? []).join(",").toLowerCase().split(",");
  return (
    /^websocket$/i.test(fields.get("upgrade")?.join(",") ?? "") &&
    connection.some((option) => option.trim() === "upgrade")
  );
}

/** RFC 9112 §3.2; undefined for anything that is none of its forms. Nothing is decoded, joined or resolved. */
function originForm({ url, method, fields }: Head): string | undefined {
  // Visible ASCII without `#`: a fragment never belongs into a request, and who cuts it routes another target.
  if (!/^[\x21\x22\x24-\x7e]+$/.test(url)) return undefined;
  if (url.startsWith("/")) return url;
  if (url === "*") return method === "OPTIONS" ? url : undefined;

  const [, authority = "", rest = ""] = /^https?:\/\/([^/?]*)(.*)$/i.exec(url) ?? [];
  // §3.2.2: the target's host wins over the Host field, and a client must send the same in both.
  if (!isAuthority(authority)) return undefined;
  if (authority.toLowerCase() !== fields.get("host")?.[0]?.toLowerCase()) return undefined;
  if (rest === "" && method === "OPTIONS") return "*"; // §3.2.4
  return rest.startsWith("/") ? rest : `/${rest}`;
}
