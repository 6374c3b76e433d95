import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { constants, inflateRawSync } from "node:zlib";
import { encodeFrame, encodePingFrame, payloadOf, type Frame } from "../core/frame.ts";
import { SharedDeflate } from "./shared-deflate.ts";

const long = JSON.stringify(Array.from({ length: 20 }, (_, id) => ({ id, status: "shipped" })));

/** As a client that keeps no context reads it (RFC 7692 §7.2.2). */
function textOf(frame: Frame): string {
  const block = Buffer.concat([payloadOf(frame), Buffer.from([0, 0, 0xff, 0xff])]);
  return inflateRawSync(block, { finishFlush: constants.Z_SYNC_FLUSH, windowBits: 13 }).toString();
}

describe("SharedDeflate", () => {
  it("X11: compresses a text once, however many ask for it, in whatever order", () => {
    const deflate = new SharedDeflate({ thresholdBytes: 512 });
    const [one, other] = [encodeFrame(long), encodeFrame(`${long} `)];
    const compressed = deflate.compress(one);
    assert.equal(compressed[0], 0xc1);
    assert.ok(compressed.length < one.length / 3);
    assert.equal(textOf(compressed), long);
    assert.equal(deflate.compress(one), compressed);
    assert.equal(textOf(deflate.compress(other)), `${long} `);
    assert.equal(deflate.compress(one), compressed);
  });

  it("X11: leaves what is below the threshold, what gains nothing, and what is no text", () => {
    const deflate = new SharedDeflate({ thresholdBytes: 100 });
    const kept = [
      encodeFrame("x".repeat(99)),
      encodeFrame(String.fromCharCode(...Array.from({ length: 100 }, (_, i) => 0x20 + (i % 95)))),
      encodeFrame("x".repeat(65_537)),
      encodePingFrame(),
      deflate.compress(encodeFrame(long)),
    ];
    for (const frame of kept) assert.equal(deflate.compress(frame), frame);
    assert.notEqual(deflate.compress(encodeFrame("x".repeat(100))).length, 102);
    assert.equal(textOf(deflate.compress(encodeFrame("x".repeat(65_536)))).length, 65_536);
  });
});
