/** Reads a request body within a bound. */

import type { IncomingMessage } from "node:http";

/** How much of a body that is too long is read and thrown away, so that its sender gets to read the answer. */
const discardFactor = 8;

/** The whole body; null if it is longer than `maxBytes`, or ended early. */
export async function readBody(req: IncomingMessage, maxBytes: number): Promise<Buffer | null> {
  const chunks: Buffer[] = [];
  let length = 0;
  try {
    for await (const chunk of req.iterator({ destroyOnReturn: false })) {
      if (!Buffer.isBuffer(chunk)) continue;
      length += chunk.length;
      if (length <= maxBytes) chunks.push(chunk);
      else if (length > maxBytes * discardFactor) return null;
      else chunks.length = 0;
    }
  } catch {
    // The client went away: nobody waits for the answer that follows.
    return null;
  }
  return length > maxBytes ? null : Buffer.concat(chunks, length);
}
