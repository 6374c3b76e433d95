/** For tests: a socket whose client reads only when told to. */

import { Duplex } from "node:stream";

export class SlowSocket extends Duplex {
  readonly writes: Buffer[] = [];
  /** What these were given as. */
  readonly pieces: Buffer[] = [];
  #waiting: ((error?: Error) => void) | null = null;
  isReading = true;

  override _read(): void {}

  override _write(chunk: Buffer, _encoding: string, done: (error?: Error) => void): void {
    this.#take([chunk], done);
  }

  override _writev(chunks: { chunk: Buffer }[], done: (error?: Error) => void): void {
    const pieces = chunks.map(({ chunk }) => chunk);
    this.#take(pieces, done);
  }

  #take(pieces: Buffer[], done: (error?: Error) => void): void {
    const [first = Buffer.alloc(0)] = pieces;
    const bytes = pieces.length === 1 ? first : Buffer.concat(pieces);
    if (bytes.length > 0) this.writes.push(bytes);
    this.pieces.push(...pieces);
    if (this.isReading) done();
    else this.#waiting = done;
  }

  /** As a TCP socket does: a write under way fails. */
  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    this.#waiting?.(new Error("gone"));
    done(error);
  }

  resumeReading(): void {
    this.isReading = true;
    this.takeOne();
  }

  /** Takes what was written first, and stops again. */
  takeOne(): void {
    const taken = this.#waiting;
    this.#waiting = null;
    taken?.();
  }
}
