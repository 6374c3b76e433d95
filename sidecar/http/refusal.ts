/** Requests that are refused before anybody looks at what they ask for: why, and what their client is answered. */

import type { RequestRefusal } from "../core/report/proxy.ts";
import type { PlainAnswer } from "./plain-answer.ts";

export interface Refusal {
  readonly status: 400 | 405 | 408 | 413 | 417 | 431 | 501 | 503 | 505;
  readonly reason: RequestRefusal;
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
