/** Inflates a client's compressed messages (RFC 7692 §7.2.2), each by itself, since no context is kept. */

import { inflateRawSync } from "node:zlib";
import { errorCode } from "../http/error-code.ts";

/**
 * What the client left out of its last block, and a last block without content: a stream that was cut short does not come
 * to it, and would pass for a shorter message otherwise.
 */
const streamEnd = Buffer.from([0x00, 0x00, 0xff, 0xff, 0x01, 0x00, 0x00, 0xff, 0xff]);

/**
 * How much of that a whole message leaves: nothing; the block without content, behind a last one whose length it had left
 * out; all of it, behind a final block (§7.2.3.4) that nothing follows, though a byte should.
 */
const wholeRests: ReadonlySet<number> = new Set([0, 5, streamEnd.length]);

/** Each costs a decompressor of its own, however few bytes it has. */
const maxStreams = 16;

export type InflateFault = "too_long" | "too_many_streams" | "broken";

/**
 * At once, so that what it costs belongs to the turn of whoever sent it. Nothing is kept for the connection; what comes to
 * more than `maxBytes` is given up there.
 *
 * A client may flush with final blocks (BFINAL 1, §7.2.3.4): each ends a stream for zlib, and the next one begins at the
 * byte behind it (§7.2.1).
 */
export function inflate(payload: Buffer, maxBytes: number): Buffer | InflateFault {
  const parts: Buffer[] = [];
  let rest = Buffer.concat([payload, streamEnd]);
  let leftBytes = maxBytes;
  do {
    if (parts.length === maxStreams) return "too_many_streams";
    const stream = inflateStream(rest, Math.max(1, leftBytes));
    if (typeof stream === "string") return stream;
    parts.push(stream.content);
    rest = rest.subarray(stream.length);
    leftBytes -= stream.content.length;
  } while (rest.length > streamEnd.length && leftBytes >= 0);
  if (leftBytes < 0) return "too_long";
  if (!wholeRests.has(rest.length)) return "broken";
  const [only] = parts;
  return only && parts.length === 1 ? only : Buffer.concat(parts);
}

/** @return what the first stream comes to, and how long it is */
function inflateStream(
  bytes: Buffer,
  maxBytes: number,
): { readonly content: Buffer; readonly length: number } | InflateFault {
  try {
    const info: unknown = inflateRawSync(bytes, { maxOutputLength: maxBytes, info: true });
    return hasEngine(info) ? { content: info.buffer, length: info.engine.bytesWritten } : "broken";
  } catch (error) {
    return errorCode(error) === "ERR_BUFFER_TOO_LARGE" ? "too_long" : "broken";
  }
}

/** What `info` makes of an answer, which its type does not say. */
function hasEngine(
  info: unknown,
): info is { readonly buffer: Buffer; readonly engine: { readonly bytesWritten: number } } {
  if (typeof info !== "object" || info === null || !("buffer" in info && "engine" in info)) {
    return false;
  }
  const { buffer, engine } = info;
  if (typeof engine !== "object" || engine === null || !("bytesWritten" in engine)) return false;
  return Buffer.isBuffer(buffer) && typeof engine.bytesWritten === "number";
}
