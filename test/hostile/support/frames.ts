/** WebSocket frames that came from the sidecar, byte by byte (RFC 6455 §5.2). */

export interface Frame {
  readonly opcode: number;
  readonly isCompressed: boolean;
  readonly payload: Buffer;
}

const extended: Readonly<Record<number, number>> = { 126: 2, 127: 8 };

/** Whole frames behind the head of the handshake's answer. */
export function serverFrames(bytes: Buffer): readonly Frame[] {
  const frames: Frame[] = [];
  let at = bytes.indexOf("\r\n\r\n") + 4;
  while (at + 2 <= bytes.length) {
    const opcode = (bytes[at] ?? 0) & 15;
    const isCompressed = ((bytes[at] ?? 0) & 64) !== 0;
    const short = (bytes[at + 1] ?? 0) & 127;
    const more = extended[short] ?? 0;
    const length =
      more === 0 ? short : bytes.readUIntBE(at + 2 + Math.max(0, more - 6), Math.min(more, 6));
    const start = at + 2 + more;
    if (start + length > bytes.length) break;
    frames.push({ opcode, isCompressed, payload: bytes.subarray(start, start + length) });
    at = start + length;
  }
  return frames;
}

/** The code of the close that came; null without one. */
export function closeCodeIn(bytes: Buffer): number | null {
  const close = serverFrames(bytes).find(({ opcode }) => opcode === 8);
  return close && close.payload.length >= 2 ? close.payload.readUInt16BE(0) : null;
}
