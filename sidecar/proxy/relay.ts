/** Sends the head of the app's response on to the client. */

import type { ServerResponse } from "node:http";
import { requestIdField } from "../http/request-context.ts";
import { toClientFields } from "./hop-headers.ts";

interface Head {
  readonly status: number;
  readonly reason: string;
  /** Names and values in turn, in latin1. */
  readonly rawHeaders: readonly string[];
}

/**
 * Status, reason and fields as they came, redirects and encodings untouched. What ends the connection to the app (its
 * Connection: close, its framing) does not end the client's.
 *
 * @param options.closes the client's connection is to end after this response.
 * @returns false if no client could read it; nothing was sent then, and the caller answers.
 */
export function relayHead(
  { status, reason, rawHeaders }: Head,
  res: ServerResponse,
  options: { readonly closes: boolean; readonly requestId: string },
): boolean {
  if (status < 200 || status > 999) return false;
  for (const name of res.getHeaderNames()) res.removeHeader(name);
  const fields = toClientFields(rawHeaders, status);
  fields.push(requestIdField, options.requestId);
  if (options.closes) fields.push("Connection", "close");
  try {
    res.writeHead(status, readableReason(reason), fields);
    return true;
  } catch {
    // Node refuses to write what its parser took; the caller answers 502.
    return false;
  }
}

/**
 * Sends a head that no body has come with: an EventSource waits for it. Not by flushHeaders(), which writes Latin-1
 * fields as UTF-8.
 */
export function flushHead(res: ServerResponse): void {
  res.write(nothing);
}

const nothing = Buffer.alloc(0);

/** RFC 9112 §4: a reason is optional, so one that Node would not write is left out. */
function readableReason(reason: string): string {
  return /^[\t\x20-\x7e\x80-\xff]*$/.test(reason) ? reason : "";
}
