/** A message as bytes on the wire: one unfragmented, unmasked WebSocket frame (RFC 6455 §5.2). */

/** Encoded once, then shared by everyone it is sent to: never written into. */
export type Frame = Buffer;

const finText = 0x81;
const finPing = 0x89;
const finPong = 0x8a;

/** A text frame. */
export function encodeFrame(text: string): Frame {
  return encode(finText, Buffer.from(text, "utf8"));
}

/** A ping control frame without payload (§5.5.2). */
export function encodePingFrame(): Frame {
  return encode(finPing, Buffer.alloc(0));
}

/** A pong control frame that answers a ping with its own payload, at most 125 bytes (§5.5.3). */
export function encodePongFrame(payload: Buffer): Frame {
  return encode(finPong, payload);
}

function encode(firstByte: number, payload: Buffer): Frame {
  const { length } = payload;
  const headerLength = length < 126 ? 2 : length < 65_536 ? 4 : 10;
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
