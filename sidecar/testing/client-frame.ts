/** A client's WebSocket frames, byte by byte (RFC 6455 §5.2), those that no client should send among them. */

/** Changes nothing of a payload (§5.3). */
const zeros = Buffer.alloc(4);

/** @param first FIN, reserved bits and opcode */
export function clientFrame(
  first: number,
  payload: string | Uint8Array = "",
  mask: Buffer = zeros,
): Buffer {
  const bytes = Buffer.from(payload);
  const masked = mask === zeros ? bytes : bytes.map((byte, at) => byte ^ (mask[at % 4] ?? 0));
  return Buffer.concat([Buffer.from([first]), lengthOf(bytes), mask, masked]);
}

/** A whole message. */
export function textFrame(text: string): Buffer {
  return clientFrame(0x81, text);
}

/** In as few bytes as it takes. */
function lengthOf({ length }: Buffer): Buffer {
  if (length < 126) return Buffer.from([0x80 | length]);
  const extended = Buffer.alloc(length < 65_536 ? 3 : 9);
  extended[0] = 0x80 | (length < 65_536 ? 126 : 127);
  if (length < 65_536) extended.writeUInt16BE(length, 1);
  else extended.writeBigUInt64BE(BigInt(length), 1);
  return extended;
}
