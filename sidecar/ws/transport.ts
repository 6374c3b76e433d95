/** A WebSocket of ours: ws reads what comes in and closes by the rules, the outbox sends (RFC 6455). */

import type { IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";
import { WebSocket, WebSocketServer, type RawData } from "ws";
import type { Transport } from "../core/connection.ts";
import { messageTooLong } from "../core/errors.ts";
import { encodePongFrame, type Frame } from "../core/frame.ts";
import type { OutboundQueue, Outbox } from "./outbox.ts";

/** Set for a socket between its handshake and its first message. */
export interface SocketListener {
  /** One whole message as text; a binary one is read as UTF-8 too, as Reverb does. */
  onMessage(text: string): void;
  /** Any frame arrived. `isControl`: a ping or pong. */
  onReceived(isControl: boolean): void;
  /** A message was too long, and the connection is closed for it. */
  onTooLong?(): void;
  /** A close was sent or received, or the socket is gone; called once. Nothing can be sent any more. */
  onClosed(): void;
}

/** How long the client has to answer our close before its TCP connection is cut. */
const closeOptions = { closeTimeout: 5_000 }; // an option that the type declarations of ws lack

/** Close reasons that ws leaves empty; the text is Reverb's. */
const reasons: Readonly<Record<number, string>> = {
  [messageTooLong.code]: "Maximum message size exceeded",
};

/** ws calls `close` itself to answer a client's close or fault: what is queued must go out before. */
class PogoWebSocket extends WebSocket {
  beforeClose: () => void = () => {};

  override close(code?: number, reason?: string | Buffer): void {
    if (this.readyState === WebSocket.OPEN) this.beforeClose();
    super.close(code, reason ?? (code === undefined ? undefined : reasons[code]));
  }
}

export type SocketAcceptor = (
  req: IncomingMessage,
  socket: Duplex,
  head: Buffer,
  onOpen: (transport: SocketTransport) => void,
) => void;

/**
 * Makes the function that completes handshakes; a bad one is answered 400, 405 or 426 by ws. Messages longer
 * than `maxMessageBytes` close with 1009. No extension is ever negotiated.
 */
export function createSocketAcceptor(
  outbox: Outbox,
  { appId, maxMessageBytes }: { appId: string | null; maxMessageBytes: number },
): SocketAcceptor {
  const server = new WebSocketServer({
    noServer: true,
    clientTracking: false,
    perMessageDeflate: false,
    maxPayload: maxMessageBytes,
    autoPong: false,
    WebSocket: PogoWebSocket,
    ...closeOptions,
  });
  const dropped = { kind: "frame_dropped", appId } as const;
  return (req, socket, head, onOpen) => {
    server.handleUpgrade(req, socket, head, (webSocket) => {
      onOpen(new SocketTransport(webSocket, { socket, outbox, dropped }));
    });
  };
}

export class SocketTransport implements Transport {
  readonly #webSocket: PogoWebSocket;
  readonly #outbox: Outbox;
  readonly queue: OutboundQueue;

  constructor(
    webSocket: PogoWebSocket,
    options: { socket: Duplex; outbox: Outbox; dropped: OutboundQueue["dropped"] },
  ) {
    this.#webSocket = webSocket;
    const { socket, outbox, dropped } = options;
    this.#outbox = outbox;
    this.queue = { dropped, socket, pending: null, isFull: false };
    // A fault of the client has been answered with its close code already, and `onClosed` follows.
    webSocket.on("error", () => {});
    webSocket.beforeClose = () => this.#outbox.flushNow(this.queue);
  }

  /** Calls back when the TCP connection has ended. */
  onGone(callback: () => void): void {
    this.#webSocket.on("close", callback);
  }

  /** To be called at once, before the event loop can bring the first message. */
  listen(listener: SocketListener): void {
    const webSocket = this.#webSocket;
    let isClosed = false;
    const closed = (): void => {
      if (isClosed) return;
      isClosed = true;
      listener.onClosed();
    };
    webSocket.on("message", (data) => {
      if (isClosed) return;
      listener.onReceived(false);
      listener.onMessage(toText(data));
    });
    webSocket.on("ping", (payload) => {
      if (isClosed) return;
      listener.onReceived(true);
      this.send(encodePongFrame(payload));
    });
    webSocket.on("pong", () => listener.onReceived(true));
    webSocket.on("error", (error) => {
      const code = "code" in error ? error.code : undefined;
      if (code === "WS_ERR_UNSUPPORTED_MESSAGE_LENGTH") listener.onTooLong?.();
    });
    webSocket.on("close", closed);
    webSocket.beforeClose = () => {
      this.#outbox.flushNow(this.queue);
      closed();
    };
  }

  send(frame: Frame): void {
    if (this.#webSocket.readyState === WebSocket.OPEN) this.#outbox.enqueue(this.queue, frame);
  }

  close(code: number, reason: string): void {
    this.#webSocket.close(code, reason);
  }

  /** Cuts the TCP connection. */
  destroy(): void {
    this.#webSocket.terminate();
  }
}

/** ws hands over one Buffer unless its `binaryType` is changed. */
function toText(data: RawData): string {
  return Buffer.isBuffer(data) ? data.toString() : "";
}
