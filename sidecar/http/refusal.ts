/** Requests that are refused before anybody looks at what they ask for: why, and what their client is answered. */

import type { PlainAnswer } from "./plain-answer.ts";

/** Also the label of a metric, so the set is closed. */
export type RefusalReason =
  | "duplicate_field" // two values where one is meant
  | "expectation" // Expect, other than 100-continue
  | "framing" // where the body ends is uncertain, or it is in an unknown transfer coding
  | "handshake" // a WebSocket handshake with a body, or that is no GET
  | "head_too_large" // longer than POGO_MAX_HEADER_SIZE, or of more than 1000 fields
  | "host" // none, or one that names no host
  | "malformed" // Node's parser could not read it
  | "method" // TRACE, CONNECT, or one that HTTP does not know
  | "pipelining" // more requests behind an unanswered one than may wait
  | "target" // none of the forms of RFC 9112 §3.2
  | "timeout" // its head or its body took too long to arrive
  | "version"; // neither 1.1 nor 1.0

export interface Refusal {
  readonly status: 400 | 405 | 408 | 413 | 417 | 431 | 501 | 503 | 505;
  readonly reason: RefusalReason;
  /** For the client. */
  readonly text: string;
  /** The Allow field, which a 405 must have (RFC 9110 §15.5.6). */
  readonly allow?: string;
}

/** What the client reads; its connection closes after it. */
export function answerTo({ status, text, allow }: Refusal): PlainAnswer {
  return {
    status,
    text: `${text}\n`,
    headers: { ...(allow !== undefined && { Allow: allow }), Connection: "close" },
  };
}
