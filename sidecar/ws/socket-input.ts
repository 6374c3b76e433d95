/** What a client sends, on its way to ws: it stays in the socket, unread, until the inbox gives it a turn. */

import type { Duplex } from "node:stream";
import type { Inbox, Input } from "./inbox.ts";

export interface SocketInputOptions {
  readonly visitor: string;
  readonly inbox: Inbox;
  /** True while nothing more is to be read from the client. */
  readonly isPaused: () => boolean;
}

/** What a client may have sent before our close reached it; who sends more is cut. */
const maxBytesAfterClose = 262_144;

export class SocketInput {
  readonly #socket: Duplex;
  readonly #input: Input;
  readonly #isPaused: () => boolean;
  readonly #receive: (chunk: Buffer) => void;
  /** `closing`: our close was sent, ws looks for the client's. `ended`: ws wants no more. */
  #state: "open" | "closing" | "ended" = "open";
  #bytesAfterClose = 0;

  /** To be made as soon as ws has the socket: from then on ws gets what it is given here. */
  constructor(socket: Duplex, { visitor, inbox, isPaused }: SocketInputOptions) {
    this.#socket = socket;
    this.#isPaused = isPaused;
    this.#input = inbox.open(visitor, (maxBytes) => this.#handle(maxBytes));
    const receivers = socket.listeners("data");
    socket.removeAllListeners("data");
    this.#receive = (chunk) => {
      for (const receive of receivers) Reflect.apply(receive, socket, [chunk]);
    };
    socket.on("readable", () => this.#input.arrived());
    // Before ws, which would read all that is left at once.
    socket.prependListener("close", () => {
      this.#state = "ended";
      socket.read();
      this.#input.close();
    });
  }

  /** May be read again. */
  resume(): void {
    this.#input.arrived();
  }

  /** Our close is on its way: nothing but the client's own is of interest. */
  closing(): void {
    if (this.#state === "open") this.#state = "closing";
  }

  /** ws has had the client's close, or a fault: it must not be given anything more. */
  ended(): void {
    this.#state = "ended";
  }

  #handle(maxBytes: number): { bytes: number; hasMore: boolean } {
    if (this.#state === "open" && this.#isPaused()) return { bytes: 0, hasMore: false };
    const socket = this.#socket;
    const bytes = Math.min(maxBytes, socket.readableLength);
    const chunk: unknown = socket.read(bytes);
    if (Buffer.isBuffer(chunk)) this.#pass(chunk);
    const hasMore = socket.readableLength > 0;
    // Brings the end of the stream, if that is next.
    if (!hasMore) socket.read(0);
    return { bytes, hasMore };
  }

  #pass(chunk: Buffer): void {
    if (this.#state !== "open") {
      this.#bytesAfterClose += chunk.length;
      if (this.#bytesAfterClose > maxBytesAfterClose) return void this.#socket.destroy();
    }
    if (this.#state !== "ended") this.#receive(detached(chunk));
  }
}

/** A small part of a large network buffer would keep all of it, while ws waits for the rest of a message. */
function detached(chunk: Buffer): Buffer {
  if (chunk.buffer.byteLength <= 2 * chunk.length) return chunk;
  const copy = Buffer.allocUnsafeSlow(chunk.length);
  chunk.copy(copy);
  return copy;
}
