/** Our end of a WebSocket: the reader takes input, the outbox sends, and it closes by the rules (RFC 6455 §7). */

import type { IncomingMessage } from "node:http";
import { Socket } from "node:net";
import type { Duplex } from "node:stream";
import { goneCode, noCode } from "../core/close-codes.ts";
import { messageTooLong } from "../core/errors.ts";
import { encodeCloseFrame, encodePongFrame, type Frame } from "../core/frame.ts";
import type { FrameKind } from "../core/report/websocket.ts";
import type { Transport } from "../core/transport.ts";
import { FrameReader, type FaultCode, type FrameListener } from "./frame-reader.ts";
import { answerHandshake, type Unaccepted } from "./handshake.ts";
import type { Inbox } from "./inbox.ts";
import type { OutboundQueue, QueueClient } from "./outbound-queue.ts";
import type { Outbox } from "./outbox.ts";
import type { SharedDeflate } from "./shared-deflate.ts";
import { listenTo, type SocketOwner } from "./socket-events.ts";
import { SocketInput, type InputOwner } from "./socket-input.ts";
import type { SocketListener } from "./socket-listener.ts";

/** How long the client has to answer our close, or to read what was sent before its own. Then it is cut. */
const closeTimeoutMs = 5_000;

/**
 * How much of a message is read, as a multiple of its limit. A message that is somewhat too long can then be refused on
 * its channel; after a close, pusher-js would come back every second and send it again.
 */
const readFactor = 2;

/** Close reasons; the text is Reverb's. */
const reasons: Readonly<Record<number, string>> = {
  [messageTooLong.code]: "Maximum message size exceeded",
};

export type SocketAcceptor = (
  req: IncomingMessage,
  socket: Duplex,
  head: Buffer,
  client: { readonly visitor: string; readonly setCookie: string | null },
) => SocketTransport | Unaccepted;

/** Shared by all sockets of a node. */
export interface NodeShared {
  /** All input and output passes through these. */
  readonly inbox: Inbox;
  readonly outbox: Outbox;
  /** Null: no compression. */
  readonly deflate: SharedDeflate | null;
  /** Its TCP connection has ended. */
  readonly onGone: (transport: SocketTransport) => void;
}

/** Shared by all sockets of an app. */
interface SharedOptions extends NodeShared {
  readonly appId: string | null;
  readonly maxMessageBytes: number;
  readonly reader: { readonly maxMessageBytes: number };
}

/**
 * Makes the function that completes handshakes; a bad one is answered 400 or 405. Messages of more than twice
 * `maxMessageBytes` close with 1009.
 */
export function createSocketAcceptor(
  node: NodeShared,
  { appId, maxMessageBytes }: { appId: string | null; maxMessageBytes: number },
): SocketAcceptor {
  const reader = { maxMessageBytes: readFactor * maxMessageBytes };
  const shared = { ...node, appId, maxMessageBytes, reader };
  return (req, socket, head, { visitor, setCookie }) => {
    const answer = answerHandshake(req, socket, { mayDeflate: node.deflate !== null, setCookie });
    if (!answer.isAccepted) return answer;
    if (head.length > 0) socket.unshift(head);
    if (socket instanceof Socket) socket.setTimeout(0).setNoDelay();
    return new SocketTransport(socket, { visitor, isDeflated: answer.isDeflated, shared });
  };
}

/**
 * `closing`: our close was sent, the client's is awaited. `ended`: both were, or a fault was answered; what still comes
 * is thrown away until the TCP connection has ended.
 */
type State = "open" | "closing" | "ended";

export class SocketTransport
  implements Transport, QueueClient, FrameListener, InputOwner, SocketOwner
{
  readonly #socket: Duplex;
  readonly #shared: SharedOptions;
  readonly #reader: FrameReader;
  readonly #input: SocketInput;
  readonly queue: OutboundQueue;
  readonly #isDeflated: boolean;
  readonly visitor: string;
  #listener: SocketListener | null = null;
  #state: State = "open";
  #isClosed = false;
  #closeTimer: NodeJS.Timeout | null = null;

  constructor(
    socket: Duplex,
    options: { visitor: string; isDeflated: boolean; shared: SharedOptions },
  ) {
    const { visitor, isDeflated, shared } = options;
    this.#socket = socket;
    this.#shared = shared;
    this.#isDeflated = isDeflated;
    this.visitor = visitor;
    this.#reader = new FrameReader(shared.reader, { listener: this, isDeflated });
    this.queue = shared.outbox.open(socket, this);
    this.#input = new SocketInput(socket, { visitor, inbox: shared.inbox, owner: this });
    listenTo(socket, this);
  }

  get appId(): string | null {
    return this.#shared.appId;
  }

  /** To be called at once, before the event loop can deliver the first message. */
  listen(listener: SocketListener): void {
    this.#listener = listener;
  }

  send(frame: Frame, kind: FrameKind): void {
    if (this.#state !== "open") return;
    const { outbox, deflate } = this.#shared;
    // A frame for a single client is not compressed, since nobody would share the work.
    const isShared = this.#isDeflated && kind === "prepared";
    const sent = deflate && isShared ? deflate.compress(frame) : frame;
    if (!outbox.enqueue(this.queue, sent, kind)) this.#listener?.onDropped?.();
  }

  hasRoom(bytes: number): boolean {
    return this.#shared.outbox.hasRoom(this.queue, bytes);
  }

  close(code: number, reason: string): void {
    if (this.#state !== "open") return;
    this.#input.closing();
    this.#closed(code);
    this.#state = "closing";
    this.#writeClose(code, Buffer.from(reason));
  }

  /** Cuts the TCP connection. */
  destroy(): void {
    this.#socket.destroy();
  }

  onTaken(): void {
    if (!this.isPaused) this.#input.arrived();
  }

  onTooSlow(): void {
    this.#shared.outbox.drop(this.queue);
    this.#listener?.onTooSlow?.();
  }

  get isPaused(): boolean {
    return this.#shared.outbox.isPaused(this.queue);
  }

  receive(chunk: Buffer): void {
    this.#reader.push(chunk);
  }

  onMessage(payload: Buffer): void {
    if (this.#isClosed) return;
    this.#listener?.onReceived(false);
    const isLong = payload.length > this.#shared.maxMessageBytes;
    if (isLong) this.#listener?.onLongMessage(payload.toString());
    else this.#listener?.onMessage(payload.toString());
  }

  onPing(payload: Buffer): void {
    if (this.#isClosed) return;
    this.#listener?.onReceived(true);
    this.send(encodePongFrame(payload), "ping");
  }

  onPong(payload: Buffer): void {
    if (this.#isClosed) return;
    this.#listener?.onReceived(true);
    if (payload.length > 0) this.#listener?.onPong?.(payload.toString("latin1"));
  }

  onClose(code: number, reason: Buffer): void {
    this.#endWith(code, reason);
  }

  onFault(code: FaultCode): void {
    this.#endWith(code, Buffer.from(reasons[code] ?? ""));
    if (code === messageTooLong.code) this.#listener?.onTooLong?.();
  }

  onSocketReadable(): void {
    this.#input.arrived();
  }

  /** The socket is gone without a close frame. */
  onInputEnd(): void {
    this.#state = "ended";
    this.#socket.end();
    this.#cutLater();
  }

  onSocketClose(): void {
    this.#input.close();
    this.#state = "ended";
    if (this.#closeTimer) clearTimeout(this.#closeTimer);
    this.#closed(goneCode);
    this.#shared.onGone(this);
  }

  onSocketError(error: Error): void {
    this.#shared.outbox.failed(this.queue, error);
  }

  /** Answers what the client ended with, unless ours was sent before; the TCP connection is the server's to end. */
  #endWith(code: number, reason: Buffer): void {
    const isFirst = this.#state === "open";
    this.#input.ended();
    this.#closed(code);
    this.#state = "ended";
    if (isFirst) this.#writeClose(code, reason);
    this.#socket.end();
  }

  #writeClose(code: number, reason: Buffer): void {
    const { writable } = this.#socket;
    if (writable) this.#socket.write(encodeCloseFrame(code === noCode ? null : code, reason));
    this.#cutLater();
  }

  #cutLater(): void {
    this.#closeTimer ??= setTimeout(destroy, closeTimeoutMs, this.#socket);
  }

  /** Queued frames must be sent before the close. */
  #closed(code: number): void {
    if (this.#state === "open") this.#shared.outbox.flushNow(this.queue);
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#listener?.onClosed(code);
  }
}

function destroy(socket: Duplex): void {
  socket.destroy();
}
