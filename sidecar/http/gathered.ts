/**
 * Puts together the pieces of a body that come within one turn of the event loop. Node hands out each chunk (RFC 9112 §7.1)
 * by itself, however short: 64 KiB may come as ten thousand pieces of one byte.
 */

/** Of a turn, shorter pieces than this are copied behind the first: each takes some hundred bytes of memory beside its own. */
const shortBytes = 1_024;
const copiedBytes = 16_384;

export class Gathered {
  readonly #onGathered: (bytes: Buffer) => void;
  #pieces: Buffer[] = [];
  /** Short ones that came one behind the other, in the first bytes of a buffer. */
  #copies: Buffer | null = null;
  #copied = 0;
  #isScheduled = false;

  constructor(onGathered: (bytes: Buffer) => void) {
    this.#onGathered = onGathered;
  }

  /** What comes behind it before the event loop has read from all connections goes with it. */
  push(piece: Buffer): void {
    if (piece.length < shortBytes && this.#isScheduled) this.#copy(piece);
    else {
      this.#endCopies();
      this.#pieces.push(piece);
    }
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    setImmediate(() => {
      this.#isScheduled = false;
      this.flush();
    });
  }

  /** Hands out at once what there is. */
  flush(): void {
    this.#endCopies();
    const pieces = this.#pieces;
    const [first] = pieces;
    if (!first) return;
    this.#pieces = [];
    this.#onGathered(pieces.length === 1 ? first : Buffer.concat(pieces));
  }

  /** Drops it. */
  clear(): void {
    this.#endCopies();
    this.#pieces = [];
  }

  #copy(piece: Buffer): void {
    if (this.#copied + piece.length > copiedBytes) this.#endCopies();
    this.#copies ??= Buffer.allocUnsafe(copiedBytes);
    this.#copied += piece.copy(this.#copies, this.#copied);
  }

  #endCopies(): void {
    if (this.#copies) this.#pieces.push(this.#copies.subarray(0, this.#copied));
    this.#copies = null;
    this.#copied = 0;
  }
}
