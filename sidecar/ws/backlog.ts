/** What waits for one slow client: what its socket has already, and what comes after that. */

import type { Batch, RetainedBytes } from "./batch.ts";

/** What a batch counts in its queue besides its bytes. */
const overheadBytes = 128;

export class Backlog {
  readonly #retained: RetainedBytes;
  /** Batches that the socket has and the client has not taken yet; two at most, before a close. */
  readonly #inFlight: (readonly Batch[])[] = [];
  #waiting: Batch[] = [];
  /** How many of `#waiting` have been removed already. */
  #gone = 0;
  #bytes = 0;
  /** How often the client has taken what was written. */
  writesTaken = 0;

  constructor(retained: RetainedBytes) {
    this.#retained = retained;
  }

  /** Its size if nothing were shared. */
  get bytes(): number {
    return this.#bytes;
  }

  get isEmpty(): boolean {
    return this.#waiting.length === this.#gone;
  }

  /** Whether the socket has data that the client has not taken. */
  get isInFlight(): boolean {
    return this.#inFlight.length > 0;
  }

  add(batches: readonly Batch[]): void {
    for (const batch of batches) {
      batch.detach();
      this.#retain(batch);
      this.#waiting.push(batch);
    }
  }

  /** The socket has these now. */
  written(batches: readonly Batch[]): void {
    for (const batch of batches) this.#retain(batch);
    this.#inFlight.push(batches);
  }

  /** Removes the first batches for the socket: at least one, and more only up to this many bytes. */
  write(maxBytes: number): readonly Batch[] {
    let bytes = 0;
    let end = this.#gone;
    for (; end < this.#waiting.length; end++) {
      bytes += this.#waiting[end]?.length ?? 0;
      if (end > this.#gone && bytes > maxBytes) break;
    }
    const batches = this.#waiting.slice(this.#gone, end);
    this.#inFlight.push(batches);
    this.#gone = end;
    if (this.isEmpty) {
      this.#waiting = [];
      this.#gone = 0;
    }
    return batches;
  }

  /** The client has taken the first of what was written. */
  takenFromSocket(): void {
    this.writesTaken += 1;
    for (const batch of this.#inFlight.shift() ?? []) this.#release(batch);
  }

  /** Discards what waits, but not what the socket has. */
  drop(): void {
    for (const batch of this.#waiting.slice(this.#gone)) this.#release(batch);
    this.#waiting = [];
    this.#gone = 0;
  }

  #retain(batch: Batch): void {
    this.#bytes += batch.length + overheadBytes;
    this.#retained.retain(batch);
  }

  #release(batch: Batch): void {
    this.#bytes -= batch.length + overheadBytes;
    this.#retained.release(batch);
  }
}
