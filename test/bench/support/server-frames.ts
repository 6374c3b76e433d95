/** Just enough of RFC 6455 to tell a server's frames apart, and of RFC 7692 to read one of them that is compressed. */

import { constants, inflateRawSync } from "node:zlib";

export interface ServerFrame {
  /** As it stands on the wire; valid during the call only. */
  readonly payload: Buffer;
  readonly isCompressed: boolean;
}

/**
 * A server's frames are neither masked nor fragmented. Before them stands the head of the handshake's answer.
 *
 * @returns what takes the bytes as they come; it throws the answer, if that is a refusal.
 */
export function createFrameReader(onText: (frame: ServerFrame) => void): (chunk: Buffer) => void {
  let isOpen = false;
  let rest: Buffer = Buffer.alloc(0);
  return (chunk) => {
    let bytes = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
    if (!isOpen) {
      const end = bytes.indexOf("\r\n\r\n");
      rest = bytes;
      if (end === -1) return;
      if (!bytes.toString("latin1", 0, end).startsWith("HTTP/1.1 101 ")) {
        throw new Error(bytes.toString("latin1"));
      }
      isOpen = true;
      bytes = bytes.subarray(end + 4);
    }
    let at = 0;
    for (;;) {
      const frame = frameAt(bytes, at);
      if (!frame) break;
      const { isText, isCompressed, start, end } = frame;
      if (isText) onText({ payload: bytes.subarray(start, end), isCompressed });
      at = end;
    }
    rest = at === bytes.length ? Buffer.alloc(0) : bytes.subarray(at);
  };
}

/** What a server that keeps no context compressed (RFC 7692 §7.2.2). */
export function payloadOf({ payload, isCompressed }: ServerFrame): Buffer {
  if (!isCompressed) return payload;
  const finishFlush = constants.Z_SYNC_FLUSH;
  return inflateRawSync(Buffer.concat([payload, blockEnd]), { finishFlush });
}

const blockEnd = Buffer.from([0x00, 0x00, 0xff, 0xff]);

interface FrameBounds {
  readonly isText: boolean;
  readonly isCompressed: boolean;
  readonly start: number;
  readonly end: number;
}

/** Null unless the whole frame is there. */
function frameAt(bytes: Buffer, at: number): FrameBounds | null {
  if (bytes.length < at + 2) return null;
  const first = bytes.readUInt8(at);
  const short = bytes.readUInt8(at + 1) & 0x7f;
  const start = at + (short < 126 ? 2 : short === 126 ? 4 : 10);
  if (bytes.length < start) return null;
  const length =
    short < 126
      ? short
      : short === 126
        ? bytes.readUInt16BE(at + 2)
        : Number(bytes.readBigUInt64BE(at + 2));
  const end = start + length;
  if (bytes.length < end) return null;
  return { isText: (first & 0x0f) === 1, isCompressed: (first & 0x40) !== 0, start, end };
}
