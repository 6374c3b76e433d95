/** A name server that knows one name, as Docker's knows a service by the addresses of its containers. */

import { createSocket } from "node:dgram";
import { once } from "node:events";
import type { Cleanup } from "../../sidecar/testing/raw-http.ts";

const headBytes = 12;
const typeA = 1;

/** Answers every question about an A record with these IPv4 addresses (RFC 1035 §4.1). Resolves with its port. */
export async function startNameServer(
  test: Cleanup,
  addresses: () => readonly string[],
): Promise<number> {
  const socket = createSocket("udp4");
  socket.on("message", (query, peer) => socket.send(answer(query, addresses()), peer.port));
  socket.bind(0, "127.0.0.1");
  await once(socket, "listening");
  test.after(() => void socket.close());
  return socket.address().port;
}

function answer(query: Buffer, addresses: readonly string[]): Buffer {
  // A name ends with an empty label; type and class follow.
  const questionEnd = query.indexOf(0, headBytes) + 5;
  const found = query.readUInt16BE(questionEnd - 4) === typeA ? addresses : [];
  const head = Buffer.from(query.subarray(0, headBytes));
  head.writeUInt16BE(0x8180, 2); // a response without an error
  head.writeUInt16BE(found.length, 6);
  head.writeUInt32BE(0, 8);
  const records = found.map((address) =>
    // The question's own name, A, IN, for no time, four bytes.
    Buffer.from([
      0xc0,
      headBytes,
      0,
      typeA,
      0,
      1,
      0,
      0,
      0,
      0,
      0,
      4,
      ...address.split(".").map(Number),
    ]),
  );
  return Buffer.concat([head, query.subarray(headBytes, questionEnd), ...records]);
}
