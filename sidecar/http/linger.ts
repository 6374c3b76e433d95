/** Finishes an answer to a request whose body is still coming in, in such a way that the client can read it. */

import type { IncomingMessage, ServerResponse } from "node:http";
import type { Duplex } from "node:stream";
import { bodyLength } from "./headers.ts";
import { bodyOf, Reading } from "./read-turns.ts";

/**
 * For so long and so much, what a client still sends is read and dropped after an answer that ends its connection:
 * closing at once would reset it, and the answer might be lost (RFC 9112 §9.6).
 */
export const maxLingerMs = 1_000;
const maxLingerBytes = 16 * 1_048_576;

/** Bytes of its body are still to come: the answer needs `Connection: close`. */
export function isReceiving(req: IncomingMessage): boolean {
  return !req.complete && bodyLength(req.rawHeaders) !== 0;
}

/**
 * Sends the last of the answer; its head has `Connection: close`. The connection is closed once the body has ended, or
 * has gone on for `maxLingerMs` or `maxLingerBytes` more.
 */
export function endWhileReceiving(req: IncomingMessage, res: ServerResponse, body: string): void {
  let bytes = 0;
  const reading = new Reading(bodyOf(req));
  const end = (): void => {
    clearTimeout(timer);
    lingering.delete(res);
    res.end();
  };
  const timer = setTimeout(end, maxLingerMs).unref();
  req.on("data", (piece: Buffer) => {
    bytes += piece.length;
    if (bytes > maxLingerBytes) end();
    reading.took(piece);
  });
  req.once("close", () => {
    reading.stop();
    end();
  });
  lingering.set(res, end);
  if (body === "") res.flushHeaders();
  else res.write(body);
  req.resume();
}

/**
 * Reads and drops what still comes on a connection whose last answer is out; not as HTTP, or Node would make requests of it
 * that nobody answers.
 */
export function dropInput(socket: Duplex): void {
  let bytes = 0;
  const reading = new Reading(socket);
  socket.removeAllListeners("data");
  socket.on("data", (piece: Buffer) => {
    bytes += piece.length;
    if (bytes > maxLingerBytes) return void socket.destroy();
    reading.took(piece);
  });
  socket.resume();
}

/** Answers that wait for the rest of their requests, and what ends them. */
const lingering = new WeakMap<ServerResponse, () => void>();

/**
 * Ends an answer of `endWhileReceiving` at once: nothing more of its request will come.
 *
 * @returns false if `res` is none.
 */
export function endLingering(res: ServerResponse): boolean {
  const end = lingering.get(res);
  end?.();
  return end !== undefined;
}
