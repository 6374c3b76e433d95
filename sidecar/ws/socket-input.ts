/** What a client sends, on its way to the reader: it stays in the socket, unread, until the inbox gives it a turn. */

import type { Duplex } from "node:stream";
import type { Inbox, Input, InputHandler } from "./inbox.ts";

/** Whose input it is. */
export interface InputOwner {
  /** True while nothing more is to be read from the client. */
  readonly isPaused: boolean;
  /** The next bytes, which may be written into. */
  receive(chunk: Buffer): void;
}

/** What a client may have sent before our close reached it; who sends more is cut. */
const maxBytesAfterClose = 262_144;

export class SocketInput implements InputHandler {
  readonly #socket: Duplex;
  readonly #owner: InputOwner;
  readonly #input: Input;
  /** `closing`: our close was sent, the client's is looked for. `ended`: nothing more is of interest. */
  #state: "open" | "closing" | "ended" = "open";
  #bytesAfterClose = 0;

  constructor(
    socket: Duplex,
    { visitor, inbox, owner }: { visitor: string; inbox: Inbox; owner: InputOwner },
  ) {
    this.#socket = socket;
    this.#owner = owner;
    this.#input = inbox.open(visitor, this);
  }

  /** There is something to read, or it may be read again. */
  arrived(): void {
    this.#input.arrived();
  }

  /** Our close is on its way: nothing but the client's own is of interest. */
  closing(): void {
    if (this.#state === "open") this.#state = "closing";
  }

  /** The client's close was read, or a fault: what comes now is thrown away. */
  ended(): void {
    this.#state = "ended";
  }

  /** The socket is gone. */
  close(): void {
    this.#state = "ended";
    this.#input.close();
  }

  handle(maxBytes: number): { bytes: number; hasMore: boolean } {
    if (this.#state === "open" && this.#owner.isPaused) return { bytes: 0, hasMore: false };
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
    if (this.#state !== "ended") this.#owner.receive(chunk);
  }
}
