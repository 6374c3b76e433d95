/** What a client compressed (RFC 7692 §7.2.2): it keeps no context, so every message is read by itself. */

import { inflateRawSync } from "node:zlib";
import { errorCode } from "../http/error-code.ts";

/**
 * What the client left out of its last block, and a last block without content: a stream that was cut short does not come
 * to it, and would pass for a shorter message otherwise.
 */
const streamEnd = Buffer.from([0x00, 0x00, 0xff, 0xff, 0x01, 0x00, 0x00, 0xff, 0xff]);

/**
 * At once, so that what it costs belongs to the turn of whoever sent it. Nothing is kept for the connection; a stream that
 * comes to more than `maxBytes` is given up there.
 */
export function inflate(payload: Buffer, maxBytes: number): Buffer | "too_long" | "broken" {
  try {
    return inflateRawSync(Buffer.concat([payload, streamEnd]), { maxOutputLength: maxBytes });
  } catch (error) {
    return errorCode(error) === "ERR_BUFFER_TOO_LARGE" ? "too_long" : "broken";
  }
}
