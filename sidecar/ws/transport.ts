/** A WebSocket of ours: ws reads what comes in and closes by the rules, the outbox sends (RFC 6455). */

import type { IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";
import { WebSocket, WebSocketServer, type RawData } from "ws";
import type { Transport } from "../core/connection.ts";
import { messageTooLong } from "../core/errors.ts";
import { encodePongFrame, type Frame } from "../core/frame.ts";
import type { FrameKind } from "../core/report/websocket.ts";
import type { Inbox } from "./inbox.ts";
import type { OutboundQueue, QueueClient } from "./outbound-queue.ts";
import type { Outbox } from "./outbox.ts";
import { SocketInput } from "./socket-input.ts";

/** Set for a socket between its handshake and its first message. */
export interface SocketListener {
  /** One whole message as text; a binary one is read as UTF-8 too, as Reverb does. */
  onMessage(text: string): void;
  /** Any frame arrived. `isControl`: a ping or pong. */
  onReceived(isControl: boolean): void;
  /** One whole message that is longer than it may be, but not twice as long; the connection stays. */
  onLongMessage(text: string): void;
  /** A message was more than twice as long as it may be, and the connection is closed for it. */
  onTooLong?(): void;
  /** The client has not read what it was sent for too long; what waits for it has been given up. */
  onTooSlow?(): void;
  /**
   * A close was sent or received, or the socket is gone (1006); called once, with the code of who closed first. Nothing
   * can be sent any more.
   */
  onClosed(code: number): void;
}

/** How long the client has to answer our close before its TCP connection is cut. */
const closeOptions = { closeTimeout: 5_000 }; // an option that the type declarations of ws lack

/** Hardly any client fragments its messages; each fragment is an object that is kept until the last one. */
const maxFragments = 64;
/** So is each piece in which a message comes over the network: as many as a bad network may make of it. */
const minChunks = 64;
const minChunkBytes = 256;

/**
 * How much of a message is read, as a multiple of what it may have: so that who sends one that is somewhat too long can be
 * told on which channel, in place of a close upon which pusher-js comes back every second to send it again.
 */
const readFactor = 2;

/** Close reasons that ws leaves empty; the text is Reverb's. */
const reasons: Readonly<Record<number, string>> = {
  [messageTooLong.code]: "Maximum message size exceeded",
};

/** Of a close without a code (RFC 6455 §7.1.5). */
const noCode = 1005;

/** ws calls `close` itself to answer a client's close or fault. */
class PogoWebSocket extends WebSocket {
  beforeAnswer: (code: number) => void = () => {};

  override close(code?: number, reason?: string | Buffer): void {
    this.beforeAnswer(code ?? noCode);
    super.close(code, reason ?? (code === undefined ? undefined : reasons[code]));
  }

  closeFirst(code: number, reason: string): void {
    super.close(code, reason);
  }
}

export type SocketAcceptor = (
  req: IncomingMessage,
  socket: Duplex,
  head: Buffer,
  visitor: string,
  onOpen: (transport: SocketTransport) => void,
) => void;

/** Where everything that comes in and goes out passes. */
export interface Ways {
  readonly inbox: Inbox;
  readonly outbox: Outbox;
}

/**
 * Makes the function that completes handshakes; a bad one is answered 400, 405 or 426 by ws. Messages of more
 * than twice `maxMessageBytes` close with 1009. No extension is ever negotiated.
 */
export function createSocketAcceptor(
  ways: Ways,
  { appId, maxMessageBytes }: { appId: string | null; maxMessageBytes: number },
): SocketAcceptor {
  const server = new WebSocketServer({
    noServer: true,
    clientTracking: false,
    perMessageDeflate: false,
    maxPayload: readFactor * maxMessageBytes,
    maxFragments,
    maxBufferedChunks: minChunks + Math.ceil((readFactor * maxMessageBytes) / minChunkBytes),
    autoPong: false,
    WebSocket: PogoWebSocket,
    ...closeOptions,
  });
  return (req, socket, head, visitor, onOpen) => {
    server.handleUpgrade(req, socket, head, (webSocket) => {
      onOpen(new SocketTransport(webSocket, { visitor, socket, appId, maxMessageBytes, ...ways }));
    });
  };
}

export class SocketTransport implements Transport, QueueClient {
  readonly #webSocket: PogoWebSocket;
  readonly #outbox: Outbox;
  readonly #input: SocketInput;
  readonly #queue: OutboundQueue;
  readonly #maxMessageBytes: number;
  #listener: SocketListener | null = null;
  #isClosed = false;
  readonly appId: string | null;
  readonly visitor: string;

  constructor(
    webSocket: PogoWebSocket,
    options: Ways & {
      visitor: string;
      socket: Duplex;
      appId: string | null;
      maxMessageBytes: number;
    },
  ) {
    const { visitor, socket, inbox, outbox, appId } = options;
    this.#maxMessageBytes = options.maxMessageBytes;
    this.#webSocket = webSocket;
    this.#outbox = outbox;
    this.appId = appId;
    this.visitor = visitor;
    this.#queue = outbox.open(socket, this);
    const isPaused = (): boolean => outbox.isPaused(this.#queue);
    this.#input = new SocketInput(socket, { visitor, inbox, isPaused });
    // A fault of the client has been answered with its close code already, and `onClosed` follows.
    webSocket.on("error", () => {});
    webSocket.beforeAnswer = (code) => {
      this.#input.ended();
      this.#closed(code);
    };
  }

  /** Calls back when the TCP connection has ended. */
  onGone(callback: () => void): void {
    this.#webSocket.on("close", callback);
  }

  /** To be called at once, before the event loop can bring the first message. */
  listen(listener: SocketListener): void {
    const webSocket = this.#webSocket;
    this.#listener = listener;
    webSocket.on("message", (data) => {
      if (this.#isClosed) return;
      listener.onReceived(false);
      const bytes = toBuffer(data);
      if (bytes.length > this.#maxMessageBytes) listener.onLongMessage(bytes.toString());
      else listener.onMessage(bytes.toString());
    });
    webSocket.on("ping", (payload) => {
      if (this.#isClosed) return;
      listener.onReceived(true);
      this.send(encodePongFrame(payload), "ping");
    });
    webSocket.on("pong", () => listener.onReceived(true));
    webSocket.on("error", (error) => {
      const code = "code" in error ? error.code : undefined;
      if (code === "WS_ERR_UNSUPPORTED_MESSAGE_LENGTH") listener.onTooLong?.();
    });
    webSocket.on("close", (code) => this.#closed(code));
  }

  send(frame: Frame, kind: FrameKind): void {
    if (this.#webSocket.readyState !== WebSocket.OPEN) return;
    this.#outbox.enqueue(this.#queue, frame, kind);
  }

  hasRoom(bytes: number): boolean {
    return this.#outbox.hasRoom(this.#queue, bytes);
  }

  close(code: number, reason: string): void {
    if (this.#webSocket.readyState !== WebSocket.OPEN) return;
    this.#input.closing();
    this.#closed(code);
    this.#webSocket.closeFirst(code, reason);
  }

  /** Cuts the TCP connection. */
  destroy(): void {
    this.#webSocket.terminate();
  }

  onTaken(): void {
    if (!this.#outbox.isPaused(this.#queue)) this.#input.resume();
  }

  onTooSlow(): void {
    this.#outbox.drop(this.#queue);
    this.#listener?.onTooSlow?.();
  }

  /** What is queued must go out before the close. */
  #closed(code: number): void {
    if (this.#webSocket.readyState === WebSocket.OPEN) this.#outbox.flushNow(this.#queue);
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#listener?.onClosed(code);
  }
}

/** ws hands over one Buffer unless its `binaryType` is changed. */
function toBuffer(data: RawData): Buffer {
  return Buffer.isBuffer(data) ? data : Buffer.alloc(0);
}
