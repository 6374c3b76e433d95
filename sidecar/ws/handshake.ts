/** The server's side of a WebSocket's opening handshake (RFC 6455 §4.2). */

import { createHash } from "node:crypto";
import type { IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";
import { clientGoneStatus } from "../http/access-log.ts";
import { answerSocketPlainly, type PlainAnswer } from "../http/plain-answer.ts";
import { agreeToDeflate } from "./deflate-offer.ts";

/** RFC 6455 §1.3. */
const guid = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
/** 16 bytes in base64. */
const keyPattern = /^[+/0-9A-Za-z]{22}==$/;
/** RFC 9110 §5.6.2. */
const tokenPattern = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;

export interface Accepted {
  readonly isAccepted: true;
  /** permessage-deflate was agreed to. */
  readonly isDeflated: boolean;
}

export interface Unaccepted {
  readonly isAccepted: false;
  /** That it was answered with, or `clientGoneStatus`. */
  readonly status: number;
}

/**
 * Answers a handshake: 101, or why not, and then the socket ends. The server has looked for `Upgrade: websocket`.
 *
 * @param options.mayDeflate Whether a client's offer to compress is taken up.
 * @param options.setCookie The value of a Set-Cookie; null: there is none.
 */
export function answerHandshake(
  req: IncomingMessage,
  socket: Duplex,
  { mayDeflate, setCookie }: { readonly mayDeflate: boolean; readonly setCookie: string | null },
): Accepted | Unaccepted {
  const { headers } = req;
  const fault = faultOf(req);
  if (fault) {
    answerSocketPlainly(socket, fault);
    return { isAccepted: false, status: fault.status };
  }
  // The client has gone already.
  if (!socket.readable || !socket.writable) {
    socket.destroy();
    return { isAccepted: false, status: clientGoneStatus };
  }
  const accept = createHash("sha1")
    .update(`${headers["sec-websocket-key"] ?? ""}${guid}`)
    .digest("base64");
  const protocol = protocolsIn(headers["sec-websocket-protocol"])?.[0];
  const extension = mayDeflate ? agreeToDeflate(headers["sec-websocket-extensions"] ?? "") : null;
  const head = [
    "HTTP/1.1 101 Switching Protocols",
    "Upgrade: websocket",
    "Connection: Upgrade",
    `Sec-WebSocket-Accept: ${accept}`,
    ...(protocol === undefined ? [] : [`Sec-WebSocket-Protocol: ${protocol}`]),
    ...(extension === null ? [] : [`Sec-WebSocket-Extensions: ${extension}`]),
    ...(setCookie === null ? [] : [`Set-Cookie: ${setCookie}`]),
  ];
  socket.write(`${head.join("\r\n")}\r\n\r\n`);
  return { isAccepted: true, isDeflated: extension !== null };
}

function faultOf({ method, headers }: IncomingMessage): PlainAnswer | null {
  if (method !== "GET") {
    return { status: 405, text: "A WebSocket is opened with GET.", headers: { Allow: "GET" } };
  }
  if (!keyPattern.test(headers["sec-websocket-key"] ?? "")) {
    return { status: 400, text: "Sec-WebSocket-Key is missing or invalid." };
  }
  if (headers["sec-websocket-version"] !== "13") {
    const text = "Sec-WebSocket-Version is missing or not 13.";
    return { status: 400, text, headers: { "Sec-WebSocket-Version": "13" } };
  }
  return protocolsIn(headers["sec-websocket-protocol"]) === null
    ? { status: 400, text: "Sec-WebSocket-Protocol is invalid." }
    : null;
}

/** Those that the client would speak, the one it likes best first; null: the field is no list of different tokens. */
function protocolsIn(field: string | undefined): readonly string[] | null {
  if (field === undefined) return [];
  const protocols = field.split(",").map((protocol) => protocol.trim());
  const isValid = protocols.every((protocol) => tokenPattern.test(protocol));
  return isValid && new Set(protocols).size === protocols.length ? protocols : null;
}
