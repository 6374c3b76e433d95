/** The head of a response: status line, fields, and what they say about the body (RFC 9112 §4 to §6). */

import { unreadable } from "./upstream-error.ts";

export interface ResponseHead {
  readonly version: "1.0" | "1.1";
  readonly status: number;
  /** As received, in latin1. */
  readonly reason: string;
  /** Names and values in turn, as received, in latin1. */
  readonly rawHeaders: readonly string[];
  readonly body: BodyFraming;
  /** Whether the connection may be used for another request, once the body has been read. */
  readonly isKept: boolean;
  /** How long the other side keeps it, if it says so. */
  readonly keepAliveMs: number | undefined;
}

/** `length` 0: no body. */
export type BodyFraming =
  | { readonly kind: "length"; readonly bytes: number }
  | { readonly kind: "chunked" }
  | { readonly kind: "until_close" };

const statusLine = /^HTTP\/1\.([01]) (\d{3})(?: (.*))?$/s;
const fieldName = /^[\w!#$%&'*+.^`|~-]+$/;
const fieldValue = /^[\t\x20-\x7e\x80-\xff]*$/;

/**
 * @param text in latin1, without the empty line at its end.
 * @param method of the request.
 * @throws UpstreamError `bad_response`
 */
export function parseHead(text: string, method: string): ResponseHead {
  const lines = text.split("\r\n");
  const [, minor, status = "", reason = ""] = statusLine.exec(lines[0] ?? "") ?? [];
  const code = Number(status);
  if (minor === undefined || code < 100 || /[\r\n]/.test(reason)) {
    throw unreadable("no status line of HTTP/1.1 or HTTP/1.0");
  }
  const rawHeaders: string[] = [];
  const seen: Seen = { lengths: [], codings: [], options: [], keepAlive: "" };
  for (let index = 1; index < lines.length; index += 1) {
    const line = lines[index] ?? "";
    const colon = line.indexOf(":");
    const name = line.slice(0, Math.max(0, colon));
    const value = trimOws(line.slice(colon + 1));
    // §5.1 and §5.2: neither a blank before the colon nor a continued line.
    if (!fieldName.test(name)) throw unreadable("a malformed field name");
    if (!fieldValue.test(value)) throw unreadable("a control character in a field");
    rawHeaders.push(name, value);
    record(seen, name, value);
  }
  const version = minor === "1" ? "1.1" : "1.0";
  const body = framingOf(seen, version, code, method);
  return {
    version,
    status: code,
    reason,
    rawHeaders,
    body,
    isKept:
      body.kind !== "until_close" &&
      !mayHaveSentBody(seen, code, method) &&
      isKept(seen.options, version),
    keepAliveMs: keepAliveMs(seen.keepAlive),
  };
}

/** What concerns this hop. */
interface Seen {
  readonly lengths: string[];
  readonly codings: string[];
  /** Of Connection, in lower case. */
  readonly options: string[];
  keepAlive: string;
}

function record(seen: Seen, name: string, value: string): void {
  switch (name.length) {
    case 10:
      if (name.toLowerCase() === "connection") {
        for (const option of value.split(",")) seen.options.push(option.trim().toLowerCase());
      } else if (name.toLowerCase() === "keep-alive") seen.keepAlive = value;
      break;
    case 14:
      if (name.toLowerCase() === "content-length") seen.lengths.push(value);
      break;
    case 17:
      if (name.toLowerCase() === "transfer-encoding") seen.codings.push(value);
  }
}

/** §6.3. Whatever is uncertain is unreadable: guessing would make the rest of it the next visitor's answer. */
function framingOf(
  { lengths, codings }: Seen,
  version: "1.0" | "1.1",
  status: number,
  method: string,
): BodyFraming {
  const [length, anotherLength] = lengths;
  if (anotherLength !== undefined) throw unreadable("two Content-Length fields");
  if (length !== undefined && !/^\d{1,15}$/.test(length)) {
    throw unreadable("a malformed Content-Length");
  }
  if (codings.length > 0) {
    if (length !== undefined) throw unreadable("Transfer-Encoding and Content-Length");
    if (version === "1.0") throw unreadable("Transfer-Encoding in HTTP/1.0");
    // Another coding would have to be undone here, for it says nothing to the client of the next hop.
    const isChunked = codings.length === 1 && codings[0]?.toLowerCase() === "chunked";
    if (!isChunked) throw unreadable("a transfer coding other than chunked");
  }
  if (method === "HEAD" || status < 200 || status === 204 || status === 304) return noBody;
  if (codings.length > 0) return { kind: "chunked" };
  return length === undefined ? { kind: "until_close" } : { kind: "length", bytes: Number(length) };
}

/**
 * Some servers send the content of an answer that must have none. It may still be on its way, and would be read as the
 * beginning of the next answer.
 */
function mayHaveSentBody({ lengths, codings }: Seen, status: number, method: string): boolean {
  if (method === "HEAD") return true;
  const isBodyless = status === 204 || status === 304;
  return isBodyless && (codings.length > 0 || Number(lengths[0] ?? 0) > 0);
}

const noBody: BodyFraming = { kind: "length", bytes: 0 };

/** §9.3. */
function isKept(options: readonly string[], version: "1.0" | "1.1"): boolean {
  if (options.includes("close")) return false;
  return version === "1.1" || options.includes("keep-alive");
}

function keepAliveMs(value: string): number | undefined {
  const seconds = /(?:^|[,\s])timeout=(\d{1,6})/i.exec(value)?.[1];
  return seconds === undefined ? undefined : Number(seconds) * 1_000;
}

/** Unlike `trim()`, takes no other blanks than those of HTTP away. */
function trimOws(text: string): string {
  const { length } = text;
  let start = 0;
  let end = length;
  while (start < end && isOws(text.charCodeAt(start))) start += 1;
  while (end > start && isOws(text.charCodeAt(end - 1))) end -= 1;
  return start === 0 && end === length ? text : text.slice(start, end);
}

function isOws(code: number): boolean {
  return code === 0x20 || code === 0x09;
}
