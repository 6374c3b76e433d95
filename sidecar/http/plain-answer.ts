/** The sidecar's own short answers in plain text: to a request, or on a socket without a response object. */

import type { IncomingMessage, ServerResponse } from "node:http";
import type { Duplex } from "node:stream";
import { dropInput, endWhileReceiving, isReceiving, maxLingerMs } from "./linger.ts";
import { STATUS_CODES } from "./node-http.ts";

/** A status with a short text. */
export interface PlainAnswer {
  readonly status: number;
  readonly text: string;
  readonly headers?: Readonly<Record<string, string>>;
}

/** Answers a request to which nothing was sent so far. If its body is still coming in, the connection ends with the answer. */
export function answerPlainly(
  req: IncomingMessage,
  res: ServerResponse,
  answer: PlainAnswer,
): void {
  const isEarly = isReceiving(req);
  // A Connection field says that the node drains.
  for (const name of res.getHeaderNames()) if (name !== "connection") res.removeHeader(name);
  res.writeHead(answer.status, { ...fieldsOf(answer), ...(isEarly && { Connection: "close" }) });
  if (isEarly) endWhileReceiving(req, res, answer.text);
  else res.end(answer.text);
}

/** Answers on a socket that no response is being written to, such as one that was to be upgraded, and ends it. */
export function answerSocketPlainly(socket: Duplex, answer: PlainAnswer): void {
  if (!socket.writable) return void socket.destroy();
  const fields = Object.entries({ ...fieldsOf(answer), Connection: "close" });
  const head = [
    `HTTP/1.1 ${answer.status} ${STATUS_CODES[answer.status] ?? ""}`,
    ...fields.map(([name, value]) => `${name}: ${value}`),
  ];
  socket.end(`${head.join("\r\n")}\r\n\r\n${answer.text}`);
  const destroy = (): void => void socket.destroy();
  const timer = setTimeout(destroy, maxLingerMs).unref();
  socket.once("end", destroy);
  socket.once("close", () => clearTimeout(timer));
  dropInput(socket);
}

function fieldsOf({ text, headers }: PlainAnswer): Record<string, string | number> {
  return {
    "Content-Type": "text/plain; charset=utf-8",
    "Content-Length": Buffer.byteLength(text),
    "Cache-Control": "no-store",
    ...headers,
  };
}
