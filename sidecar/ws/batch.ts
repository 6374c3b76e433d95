/** Bytes that wait for slow clients; what waits for many is kept, and counted, once. */

export class Batch {
  #bytes: Buffer;
  /** Backlogs that have it. */
  holders = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  get bytes(): Buffer {
    return this.#bytes;
  }

  get length(): number {
    return this.#bytes.length;
  }

  /** Small Buffers are parts of a pool, all of which they would keep for as long as they wait. */
  detach(): void {
    if (this.#bytes.buffer.byteLength <= 2 * this.#bytes.length) return;
    const copy = Buffer.allocUnsafeSlow(this.#bytes.length);
    this.#bytes.copy(copy);
    this.#bytes = copy;
  }
}

/** A frame of so many bytes is written as it is: to copy it costs more than to write it by itself. */
export const largeBytes = 16_384;

const large = new WeakMap<Buffer, Batch>();

/** The same one for all who wait for a large frame, whenever it was sent to them. */
export function batchOf(bytes: Buffer): Batch {
  if (bytes.length < largeBytes) return new Batch(bytes);
  const batch = large.get(bytes) ?? new Batch(bytes);
  large.set(bytes, batch);
  return batch;
}

/** What a batch takes beside its bytes: the Buffer, the object around it. */
const batchBytes = 512;
/** A place in somebody's backlog. */
const placeBytes = 16;

/** The memory of all backlogs of a node. */
export class RetainedBytes {
  #total = 0;

  get total(): number {
    return this.#total;
  }

  retain(batch: Batch): void {
    if (batch.holders === 0) this.#total += batch.length + batchBytes;
    batch.holders += 1;
    this.#total += placeBytes;
  }

  release(batch: Batch): void {
    batch.holders -= 1;
    if (batch.holders === 0) this.#total -= batch.length + batchBytes;
    this.#total -= placeBytes;
  }
}
