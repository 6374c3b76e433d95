/** The head of a frame, and the mask on its payload (RFC 6455 §5.2, §5.3). */

export const opcodes = {
  continuation: 0x0,
  text: 0x1,
  binary: 0x2,
  close: 0x8,
  ping: 0x9,
  pong: 0xa,
} as const;

export interface FrameHead {
  readonly isLast: boolean;
  /** RSV1, which permessage-deflate gave its meaning (RFC 7692 §6). */
  readonly isCompressed: boolean;
  /** RSV2 or RSV3. */
  readonly hasReservedBits: boolean;
  readonly opcode: number;
  readonly isMasked: boolean;
  /** Its length is written in as few bytes as it can be. */
  readonly isMinimal: boolean;
  /** Of the payload; infinite, if it is beyond all numbers. */
  readonly length: number;
  /** Of a masked frame: behind its mask. */
  readonly payloadStart: number;
}

const maskBytes = 4;

/** Null: not all of it is there. */
export function frameHeadAt(bytes: Buffer, at: number): FrameHead | null {
  if (bytes.length < at + 2) return null;
  const first = bytes[at] ?? 0;
  const second = bytes[at + 1] ?? 0;
  const short = second & 0x7f;
  const lengthEnd = at + (short < 126 ? 2 : short === 126 ? 4 : 10);
  const isMasked = (second & 0x80) !== 0;
  const payloadStart = lengthEnd + (isMasked ? maskBytes : 0);
  if (bytes.length < payloadStart) return null;
  const length = short < 126 ? short : extendedLength(bytes, at + 2, short);
  return {
    isLast: (first & 0x80) !== 0,
    isCompressed: (first & 0x40) !== 0,
    hasReservedBits: (first & 0x30) !== 0,
    opcode: first & 0x0f,
    isMasked,
    isMinimal: length >= (leastLengths[short] ?? 0),
    length,
    payloadStart,
  };
}

/** Of a length in two bytes, and in eight (RFC 6455 §5.2). */
const leastLengths: Readonly<Record<number, number>> = { 126: 126, 127: 65_536 };

function extendedLength(bytes: Buffer, at: number, short: number): number {
  if (short === 126) return bytes.readUInt16BE(at);
  const length = bytes.readBigUInt64BE(at);
  return length > Number.MAX_SAFE_INTEGER ? Number.POSITIVE_INFINITY : Number(length);
}

/** In place; `maskAt` is where the mask stands in `bytes`. */
export function unmask(payload: Buffer, bytes: Buffer, maskAt: number): void {
  if (bytes.readUInt32BE(maskAt) === 0) return;
  for (let i = 0; i < payload.length; i++) {
    payload[i] = (payload[i] ?? 0) ^ (bytes[maskAt + (i & 3)] ?? 0);
  }
}
