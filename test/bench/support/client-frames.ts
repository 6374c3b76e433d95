/** A client's frames, masked with zeros, which changes nothing (RFC 6455 §5.3). */

import { upgradeRequest } from "../../../sidecar/testing/upgrade-request.ts";

export const opcodes = { continuation: 0x0, text: 0x1, ping: 0x9, pong: 0xa } as const;

export function clientFrame(
  payload: string | Buffer,
  { opcode = "text", isLast = true }: { opcode?: keyof typeof opcodes; isLast?: boolean } = {},
): Buffer {
  const bytes = Buffer.from(payload);
  const first = (isLast ? 0x80 : 0) | opcodes[opcode];
  return Buffer.concat([Buffer.from([first]), clientLength(bytes.length), Buffer.alloc(4), bytes]);
}

/** A text frame with a message in it. */
export function messageFrame(message: object): Buffer {
  return clientFrame(JSON.stringify(message));
}

function clientLength(length: number): Buffer {
  if (length < 126) return Buffer.from([0x80 | length]);
  const extended = Buffer.alloc(length < 65_536 ? 3 : 9);
  extended[0] = 0x80 | (length < 65_536 ? 126 : 127);
  if (length < 65_536) extended.writeUInt16BE(length, 1);
  else extended.writeBigUInt64BE(BigInt(length), 1);
  return extended;
}

/** The request that opens a WebSocket of the Pusher protocol. */
export function handshakeRequest(
  host: string,
  appKey: string,
  { isDeflated }: { readonly isDeflated: boolean } = { isDeflated: false },
): string {
  return upgradeRequest(`/app/${appKey}?protocol=7&client=bench&version=1`, {
    host,
    // As browsers offer it.
    fields: isDeflated
      ? ["Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits"]
      : [],
  });
}
