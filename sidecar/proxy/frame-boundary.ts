/** Finds where the frames of a passing WebSocket end: a control frame may be inserted between two of them. */

/** RFC 6455 §5.2: two bytes, up to eight of a longer length, four of a mask. */
const maxHeadBytes = 14;

export class FrameBoundary {
  /** The head of a frame as far as it has come. */
  readonly #head = Buffer.alloc(maxHeadBytes);
  #headBytes = 0;
  #payloadLeft = 0;

  /** No frame has begun that is not complete. */
  get isHere(): boolean {
    return this.#headBytes === 0 && this.#payloadLeft === 0;
  }

  push(chunk: Uint8Array): void {
    let offset = 0;
    while (offset < chunk.length) {
      const skipped = Math.min(this.#payloadLeft, chunk.length - offset);
      this.#payloadLeft -= skipped;
      offset += skipped;
      if (offset === chunk.length) return;
      this.#head[this.#headBytes] = chunk[offset] ?? 0;
      this.#headBytes += 1;
      offset += 1;
      this.#readHead();
    }
  }

  #readHead(): void {
    if (this.#headBytes < 2) return;
    const second = this.#head.readUInt8(1);
    const short = second & 0x7f;
    const lengthBytes = short === 127 ? 8 : short === 126 ? 2 : 0;
    const maskBytes = second & 0x80 ? 4 : 0;
    if (this.#headBytes < 2 + lengthBytes + maskBytes) return;
    this.#payloadLeft =
      lengthBytes === 8
        ? Number(this.#head.readBigUInt64BE(2))
        : lengthBytes === 2
          ? this.#head.readUInt16BE(2)
          : short;
    this.#headBytes = 0;
  }
}
