/** Takes a connection's place in a channel while its missed events are read, so that new events are sent after them. */

import type { Frame } from "../frame.ts";
import type { Recipient } from "../recipient.ts";
import type { Position } from "./session.ts";

/** Frames of one channel that may wait so, in bytes. */
const maxWaitingBytes = 1_048_576;

export class Replay implements Recipient {
  readonly socketId: string;
  readonly #current: () => Position | null;
  readonly #onOver: () => void;
  readonly #waiting: { readonly frame: Frame; readonly position: Position | null }[] = [];
  #bytes = 0;

  constructor(options: {
    socketId: string;
    /** Of the event that is being delivered; null: what is sent is no event of the log. */
    current: () => Position | null;
    /** More has come than may wait: the connection MUST take this place back before the call returns. */
    onOver: () => void;
  }) {
    this.socketId = options.socketId;
    this.#current = options.current;
    this.#onOver = options.onOver;
  }

  send(frame: Frame): void {
    this.#bytes += frame.length;
    // The connection comes behind all others in the set that is being gone through, so it is sent this one itself.
    if (this.#bytes > maxWaitingBytes) return this.#onOver();
    this.#waiting.push({ frame, position: this.#current() });
  }

  /** What has come since, without the events that were read as well. */
  rest(isRead: (position: Position) => boolean): readonly Frame[] {
    return this.#waiting
      .filter(({ position }) => position === null || !isRead(position))
      .map(({ frame }) => frame);
  }
}
