/** Sends the upstream's response on to the client, as it comes. */

import type { IncomingMessage, ServerResponse } from "node:http";
import { toClientFields } from "./hop-headers.ts";

export interface RelayOptions {
  /** The client's connection is to end after this response. */
  readonly closes: boolean;
  /** The body broke off; the client's connection is destroyed by then or soon, so that it does not take it for whole. */
  readonly onCut: (error: Error) => void;
}

/**
 * Relays status, reason, fields and body byte by byte, redirects and encodings untouched, with backpressure. What ends
 * the connection to the upstream (its Connection: close, its framing) does not end the client's.
 *
 * @returns false if no client could read this response; nothing was sent then, and the caller answers.
 */
export function relayResponse(
  proxyRes: IncomingMessage,
  res: ServerResponse,
  options: RelayOptions,
): boolean {
  const status = proxyRes.statusCode ?? 0;
  if (status < 200 || status > 999) return false;

  for (const name of res.getHeaderNames()) res.removeHeader(name);
  const fields = toClientFields(proxyRes.rawHeaders, status);
  if (options.closes) fields.push("Connection", "close");
  try {
    res.writeHead(status, readableReason(proxyRes.statusMessage ?? ""), fields);
  } catch {
    // Node refuses to write what its parser took; the caller answers 502.
    return false;
  }

  pump(proxyRes, res, options.onCut);
  // The head goes out before the first byte of the body (an EventSource waits for it). Not by flushHeaders(), which
  // writes Latin-1 fields as UTF-8.
  res.write(nothing);
  return true;
}

/** The body, no faster than the client reads it; whichever side breaks off, the other one ends too. */
function pump(proxyRes: IncomingMessage, res: ServerResponse, onCut: (error: Error) => void): void {
  proxyRes.on("data", (chunk: Buffer) => {
    if (!res.write(chunk)) proxyRes.pause();
  });
  proxyRes.once("end", () => res.end());
  proxyRes.once("error", (error) => {
    if (!res.destroyed) onCut(error);
    res.destroy();
  });
  res.on("drain", () => proxyRes.resume());
  res.once("close", () => proxyRes.destroy());
}

const nothing = Buffer.alloc(0);

/** RFC 9112 §4: a reason is optional, so one that Node would not write is left out. */
function readableReason(reason: string): string {
  return /^[\t\x20-\x7e\x80-\xff]*$/.test(reason) ? reason : "";
}
