import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { encodeFrame, encodePingFrame, encodePongFrame } from "./frame.ts";

describe("frames (RFC 6455 §5.2)", () => {
  const lengths: [length: number, header: number[]][] = [
    [0, [0x81, 0]],
    [125, [0x81, 125]],
    [126, [0x81, 126, 0, 126]],
    [65_535, [0x81, 126, 0xff, 0xff]],
    [65_536, [0x81, 127, 0, 0, 0, 0, 0, 1, 0, 0]],
  ];
  for (const [length, header] of lengths) {
    it(`a text of ${length} bytes`, () => {
      const frame = encodeFrame("x".repeat(length));
      assert.deepEqual([...frame.subarray(0, header.length)], header);
      assert.equal(frame.subarray(header.length).toString(), "x".repeat(length));
    });
  }

  it("count bytes, not characters", () => {
    assert.equal(encodeFrame("ü😀")[1], 6);
  });

  it("of control are short", () => {
    assert.deepEqual([...encodePingFrame()], [0x89, 0]);
    assert.deepEqual([...encodePongFrame(Buffer.from("hi"))], [0x8a, 2, 0x68, 0x69]);
  });
});
