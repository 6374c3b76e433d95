/** Errors of Node's HTTP parser, in HTTP's terms. */

import { refusals, type Refusal } from "./refusal.ts";

/** What `clientError` of a server is emitted with. */
export interface ParserError extends Error {
  readonly code?: string;
  /** What was being read, and how far it was understood. */
  readonly rawPacket?: Uint8Array;
  readonly bytesParsed?: number;
}

export type ConnectionFailure =
  | { readonly kind: "refused"; readonly refusal: Refusal }
  /** Bytes behind a request with `Connection: close`, which are not read (RFC 9112 §9.6). */
  | { readonly kind: "ended" }
  /** There is nobody left to answer. */
  | { readonly kind: "broken" };

export function failureOf(error: ParserError): ConnectionFailure {
  const { code = "" } = error;
  if (code === "HPE_CLOSED_CONNECTION") return { kind: "ended" };
  // RFC 9110 §9.1.
  if (code === "HPE_INVALID_METHOD" && isRequestLine(error)) {
    return { kind: "refused", refusal: refusals.unknownMethod };
  }
  if (isTls(error)) return { kind: "refused", refusal: refusals.tls };
  const refusal = refusalOf[code] ?? (code.startsWith("HPE_") ? refusals.malformed : null);
  return refusal ? { kind: "refused", refusal } : { kind: "broken" };
}

const refusalOf: Readonly<Record<string, Refusal>> = {
  ERR_HTTP_REQUEST_TIMEOUT: refusals.timeout,
  HPE_CHUNK_EXTENSIONS_OVERFLOW: refusals.chunkExtensions,
  HPE_HEADER_OVERFLOW: refusals.headTooLarge,
};

/** A handshake record of TLS (RFC 8446 §5.1). */
function isTls({ rawPacket = new Uint8Array() }: ParserError): boolean {
  return rawPacket[0] === 0x16 && rawPacket[1] === 0x03;
}

/** Whether what could not be read would be a request line, were its method known. */
function isRequestLine({ rawPacket = new Uint8Array(), bytesParsed = 0 }: ParserError): boolean {
  const text = Buffer.from(rawPacket).toString("latin1");
  // Reading stopped somewhere in the method; a body may stand right before it.
  const begun = /[A-Z-]*$/.exec(text.slice(0, bytesParsed))?.[0] ?? "";
  return /^[A-Z][A-Z-]* [\x21-\x7e]+ HTTP\/1\.[01]\r\n/.test(begun + text.slice(bytesParsed));
}
