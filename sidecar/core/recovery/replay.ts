/** Takes a connection's place in a channel while its missed events are read, so that new events are sent after them. */

import type { Frame } from "../frame.ts";
import type { Recipient } from "../recipient.ts";
import type { Position } from "./session.ts";

/** Bytes of one channel's frames that may wait. */
const maxWaitingBytes = 1_048_576;

export class Replay implements Recipient {
  readonly socketId: string;
  readonly #current: () => Position | null;
  readonly #onOver: () => void;
  readonly #waiting: { readonly frame: Frame; readonly position: Position | null }[] = [];
  #bytes = 0;

  constructor(options: {
    socketId: string;
    /** Position of the event being delivered; null: the frame is no event of the log. */
    current: () => Position | null;
    /** Too much waits: the connection MUST take its place back before the call returns. */
    onOver: () => void;
  }) {
    this.socketId = options.socketId;
    this.#current = options.current;
    this.#onOver = options.onOver;
  }

  send(frame: Frame): void {
    this.#bytes += frame.length;
    // The connection is added at the end of the set that is being iterated, so it gets this frame itself.
    if (this.#bytes > maxWaitingBytes) return this.#onOver();
    this.#waiting.push({ frame, position: this.#current() });
  }

  /** The frames that came meanwhile, without events that were also read from the log. */
  rest(isRead: (position: Position) => boolean): readonly Frame[] {
    return this.#waiting
      .filter(({ position }) => position === null || !isRead(position))
      .map(({ frame }) => frame);
  }
}
