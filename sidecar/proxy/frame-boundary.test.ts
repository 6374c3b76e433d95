import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { FrameBoundary } from "./frame-boundary.ts";

/** A frame as RFC 6455 §5.2 writes it; how its length is written is up to the sender. */
function frame(payload: Uint8Array, { isMasked = false, isLong = false } = {}): Buffer {
  const { length } = payload;
  const mask = isMasked ? 0x80 : 0;
  const head =
    isLong || length > 0xffff
      ? Buffer.alloc(10)
      : length > 125
        ? Buffer.alloc(4)
        : Buffer.from([0x82, mask | length]);
  if (head.length > 2) head.writeUInt16BE(0x8200 | mask | (head.length === 10 ? 127 : 126), 0);
  if (head.length === 4) head.writeUInt16BE(length, 2);
  if (head.length === 10) head.writeBigUInt64BE(BigInt(length), 2);
  return Buffer.concat([head, Buffer.alloc(isMasked ? 4 : 0, 7), payload]);
}

test("a boundary is where frames end, and nowhere else, however the bytes come", () => {
  const frames = fc.array(
    fc
      .record({
        length: fc.oneof(fc.nat(130), fc.constantFrom(125, 126, 127, 65_535, 65_536)),
        isMasked: fc.boolean(),
        isLong: fc.boolean(),
      })
      .map(({ length, ...options }) => frame(Buffer.alloc(length, 0x88), options)),
    { minLength: 1, maxLength: 5 },
  );
  /** A few bytes, as of a head that comes in parts, or many. */
  const size = fc.oneof(fc.integer({ min: 1, max: 6 }), fc.integer({ min: 1, max: 70_000 }));
  const sizes = fc.array(size, { maxLength: 60, size: "max" });
  fc.assert(
    fc.property(frames, sizes, (sent, pieces) => {
      const bytes = Buffer.concat(sent);
      const ends = new Set(sent.map((_, count) => Buffer.concat(sent.slice(0, count + 1)).length));
      const boundary = new FrameBoundary();
      assert.ok(boundary.isHere);
      let at = 0;
      for (const size of [...pieces, bytes.length]) {
        const piece = bytes.subarray(at, at + size);
        if (piece.length === 0) break;
        boundary.push(piece);
        at += piece.length;
        assert.equal(boundary.isHere, ends.has(at), `after ${at} of ${bytes.length}`);
      }
    }),
  );
});
