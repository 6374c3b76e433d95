/** What Node treats as an upgrade: a WebSocket handshake, and a request that must be the last of its connection. */

import type { IncomingMessage } from "node:http";
import type { Socket } from "node:net";
import { IncomingMessage as Message } from "./node-http.ts";

/** RFC 9110 §7.8: Upgrade of HTTP/1.0 is ignored. Node has looked for `Connection: upgrade`. */
export function isWebSocketUpgrade(req: IncomingMessage): boolean {
  return req.httpVersion === "1.1" && /^websocket$/i.test(req.headers.upgrade ?? "");
}

/**
 * What `createServer` is to make requests of. One that is one too many (`isBeyond`) is made to look like an upgrade, for
 * only there Node's parser stops: else it would make requests of all 64 KiB that it was given, some 1,600, and each of them
 * would cost several times as much when the connection ends. It comes as an `upgrade`.
 */
export function stopAtRequest(isBeyond: (socket: Socket) => boolean): typeof Message {
  return class extends Message {
    // Not `#`: the constructor of Node's own sets `upgrade` before it could be there.
    declare isUpgrade: boolean;

    get upgrade(): boolean {
      return this.isUpgrade;
    }

    set upgrade(isAsked: boolean | null) {
      this.isUpgrade = isAsked !== null && (isAsked || isBeyond(this.socket));
    }
  };
}
