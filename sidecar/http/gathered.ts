/**
 * Puts together what comes of a body in one turn of the event loop. Node hands out each chunk (RFC 9112 §7.1) by itself, as
 * short as it is: 64 KiB may come as ten thousand pieces of one byte.
 */
export class Gathered {
  readonly #onGathered: (bytes: Buffer) => void;
  #pieces: Buffer[] = [];
  #isScheduled = false;

  constructor(onGathered: (bytes: Buffer) => void) {
    this.#onGathered = onGathered;
  }

  /** What comes behind it before the event loop has read from all connections goes with it. */
  push(piece: Buffer): void {
    this.#pieces.push(piece);
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    setImmediate(() => {
      this.#isScheduled = false;
      this.flush();
    });
  }

  /** Hands out at once what there is. */
  flush(): void {
    const pieces = this.#pieces;
    const [first] = pieces;
    if (!first) return;
    this.#pieces = [];
    this.#onGathered(pieces.length === 1 ? first : Buffer.concat(pieces));
  }

  /** Drops it. */
  clear(): void {
    this.#pieces = [];
  }
}
