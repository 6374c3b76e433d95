/** Short answers of our own, in plain text: to a request, and on a socket that was to be upgraded. */

import { STATUS_CODES, type IncomingMessage, type ServerResponse } from "node:http";
import type { Duplex } from "node:stream";
import { bodyLength } from "./headers.ts";

/** A status with a short text. */
export interface PlainAnswer {
  readonly status: number;
  readonly text: string;
  readonly headers?: Readonly<Record<string, string>>;
}

/** For so long a client that is still sending is listened to after its answer. */
const lingerMs = 1_000;

/**
 * Answers a request to which nothing was sent so far. While its body is still coming in, the connection is closed only
 * once that ended or has gone on for a second more: closing at once would reset it, and the answer might be lost
 * (RFC 9112 §9.6).
 */
export function answerPlainly(
  req: IncomingMessage,
  res: ServerResponse,
  answer: PlainAnswer,
): void {
  const isReceiving = bodyLength(req.rawHeaders) !== 0 && !req.complete;
  for (const name of res.getHeaderNames()) res.removeHeader(name);
  res.writeHead(answer.status, {
    "Content-Type": "text/plain; charset=utf-8",
    "Content-Length": Buffer.byteLength(answer.text),
    "Cache-Control": "no-store",
    ...answer.headers,
    ...(isReceiving && { Connection: "close" }),
  });
  if (!isReceiving) return void res.end(answer.text);

  res.write(answer.text);
  req.resume();
  const timer = setTimeout(() => res.end(), lingerMs).unref();
  req.once("close", () => {
    clearTimeout(timer);
    res.end();
  });
}

/** Answers an upgrade and closes its socket. */
export function answerUpgradePlainly(socket: Duplex, { status, text }: PlainAnswer): void {
  if (socket.destroyed) return;
  const head = [
    `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ""}`,
    "Content-Type: text/plain; charset=utf-8",
    `Content-Length: ${Buffer.byteLength(text)}`,
    "Cache-Control: no-store",
    "Connection: close",
  ];
  socket.end(`${head.join("\r\n")}\r\n\r\n${text}`, () => socket.destroy());
}
