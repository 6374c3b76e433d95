/** A message as bytes on the wire: one unfragmented, unmasked WebSocket frame (RFC 6455 §5.2). */

/** Encoded once, then shared by everyone it is sent to: never written into. */
export type Frame = Buffer;

const finText = 0x81;
/** RSV1 says that the payload is compressed (RFC 7692 §6). */
const finCompressedText = 0xc1;
const finClose = 0x88;
const finPing = 0x89;
const finPong = 0x8a;

/** A text frame. */
export function encodeFrame(text: string): Frame {
  return encode(finText, Buffer.from(text, "utf8"));
}

/** A text frame whose payload is compressed already. */
export function encodeCompressedFrame(payload: Buffer): Frame {
  return encode(finCompressedText, payload);
}

/** Null: it is no text frame that was encoded here, uncompressed. */
export function textPayloadOf(frame: Frame): Buffer | null {
  return frame[0] === finText ? payloadOf(frame) : null;
}

/** Of any frame that was encoded here. */
export function payloadOf(frame: Frame): Buffer {
  return frame.subarray(headerLengthOf(frame[1] ?? 0));
}

/** A close control frame (§5.5.1). `code` null: without a code, and then without a reason. The reason has at most 123 bytes. */
export function encodeCloseFrame(code: number | null, reason: Buffer): Frame {
  if (code === null) return encode(finClose, Buffer.alloc(0));
  const payload = Buffer.allocUnsafe(2 + reason.length);
  payload.writeUInt16BE(code, 0);
  reason.copy(payload, 2);
  return encode(finClose, payload);
}

/** A ping control frame (§5.5.2). @param payload at most 125 bytes, which the pong brings back */
export function encodePingFrame(payload = ""): Frame {
  return encode(finPing, Buffer.from(payload));
}

/** A pong control frame that answers a ping with its own payload, at most 125 bytes (§5.5.3). */
export function encodePongFrame(payload: Buffer): Frame {
  return encode(finPong, payload);
}

/** @param second a frame's second byte: its length, or how it is written */
function headerLengthOf(second: number): number {
  return second < 126 ? 2 : second === 126 ? 4 : 10;
}

function encode(firstByte: number, payload: Buffer): Frame {
  const { length } = payload;
  const headerLength = headerLengthOf(length < 126 ? length : length < 65_536 ? 126 : 127);
  const frame = Buffer.allocUnsafe(headerLength + length);
  frame[0] = firstByte;
  if (headerLength === 2) {
    frame[1] = length;
  } else if (headerLength === 4) {
    frame[1] = 126;
    frame.writeUInt16BE(length, 2);
  } else {
    frame[1] = 127;
    frame.writeBigUInt64BE(BigInt(length), 2);
  }
  payload.copy(frame, headerLength);
  return frame;
}
