/** A client's input on its way to the reader: it stays in the socket, unread, until the inbox gives it a turn. */

import { Socket } from "node:net";
import type { Duplex } from "node:stream";
import type { Inbox, Input, InputHandler } from "./inbox.ts";

/** Whose input it is. */
export interface InputOwner {
  /** True while nothing more is to be read from the client. */
  readonly isPaused: boolean;
  /** The next bytes, which may be written into, and are gone after the call. */
  receive(chunk: Buffer): void;
  /** All that the client sent is handled, and it sends nothing more. */
  onInputEnd(): void;
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
  /** Taken from the socket, and handled as far as `#handled`. */
  #chunk: Buffer = nothing;
  #handled = 0;

  constructor(
    socket: Duplex,
    { visitor, inbox, owner }: { visitor: string; inbox: Inbox; owner: InputOwner },
  ) {
    this.#socket = socket;
    this.#owner = owner;
    this.#input = inbox.open(visitor, this);
  }

  /** There is something to read, or the end of it, or it may be read again. */
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
    this.#release();
    this.#input.close();
  }

  handle(maxBytes: number): { bytes: number; hasMore: boolean } {
    if (this.#state === "open" && this.#owner.isPaused) return { bytes: 0, hasMore: false };
    const next = this.#take(maxBytes);
    const bytes = next.length;
    if (bytes > 0) this.#pass(next);
    if (this.#handled < this.#chunk.length) return { bytes, hasMore: true };
    this.#release();
    const hasMore = this.#socket.readableLength > 0;
    // Brings the end of the stream, if that is next.
    if (!hasMore) this.#socket.read(0);
    if (this.#socket.readableEnded) this.#owner.onInputEnd();
    return { bytes, hasMore };
  }

  #take(maxBytes: number): Buffer {
    if (this.#chunk.length === 0) {
      const read: unknown = this.#socket.read();
      this.#chunk = Buffer.isBuffer(read) ? read : nothing;
    }
    const from = this.#handled;
    this.#handled = Math.min(this.#chunk.length, from + maxBytes);
    return this.#chunk.subarray(from, this.#handled);
  }

  /**
   * Gives the memory of a chunk back at once. Whatever waits for its turn gets old: freed by the garbage collector it
   * would take a collection of the whole heap for each few MB that a flood brings.
   */
  #release(): void {
    const { buffer, length } = this.#chunk;
    this.#chunk = nothing;
    this.#handled = 0;
    const isOwn = this.#socket instanceof Socket && length > 0 && length === buffer.byteLength;
    if (isOwn && buffer instanceof ArrayBuffer) buffer.transfer(0);
  }

  #pass(chunk: Buffer): void {
    if (this.#state !== "open") {
      this.#bytesAfterClose += chunk.length;
      if (this.#bytesAfterClose > maxBytesAfterClose) return void this.#socket.destroy();
    }
    if (this.#state !== "ended") this.#owner.receive(chunk);
  }
}

const nothing = Buffer.alloc(0);
