/** Reads a short body and puts it back, so that the next reader of the request finds it unchanged. */

import type { IncomingMessage } from "node:http";

/**
 * Calls back once all of it has come; not at all, if its client goes before. The request is paused by then, and MUST be
 * resumed by whom it is given to, now or later.
 *
 * @param bytes its length, as its Content-Length says: a few thousand at most, for so much is kept meanwhile
 */
export function peekBody(req: IncomingMessage, bytes: number, done: (body: Buffer) => void): void {
  const pieces: Buffer[] = [];
  let length = 0;
  const onData = (piece: Buffer): void => {
    pieces.push(piece);
    length += piece.length;
    if (length < bytes) return;
    req.off("data", onData);
    req.pause();
    const body = Buffer.concat(pieces, length);
    req.unshift(body);
    // Once the parser is through with what it has read: only then is the request complete.
    setImmediate(() => done(body));
  };
  req.on("data", onData);
}
