/**
 * Compresses a broadcast once for all clients that negotiated it (RFC 7692): without context, the compressed frame of
 * an event is the same for all of them.
 */

import { constants, deflateRawSync } from "node:zlib";
import { encodeCompressedFrame, textPayloadOf, type Frame } from "../core/frame.ts";
import { windowBits } from "./deflate-offer.ts";

/** A longer one would keep the event loop from everybody else for more than a millisecond or two. */
const maxBytes = 65_536;
/** What the last block of each message ends with, and is left out (§7.2.1). */
const blockEndBytes = 4;

const options = {
  windowBits,
  // The tables are made anew for each frame: small ones are made sooner, and do for what is short.
  memLevel: 5,
  level: 4,
  finishFlush: constants.Z_SYNC_FLUSH,
};

export class SharedDeflate {
  readonly #thresholdBytes: number;
  /** By the frame as it was encoded; gone with it. */
  readonly #compressed = new WeakMap<Frame, Frame>();
  /** A broadcast asks for the same one again and again. */
  #last: { readonly frame: Frame; readonly compressed: Frame } | null = null;

  /** @param options.thresholdBytes Shorter payloads are left as they are. */
  constructor({ thresholdBytes }: { readonly thresholdBytes: number }) {
    this.#thresholdBytes = thresholdBytes;
  }

  /** The frame itself, if compressing it does not pay. */
  compress(frame: Frame): Frame {
    if (frame.length < this.#thresholdBytes) return frame;
    if (this.#last?.frame === frame) return this.#last.compressed;
    const compressed = this.#compressed.get(frame) ?? this.#compressNew(frame);
    this.#last = { frame, compressed };
    return compressed;
  }

  #compressNew(frame: Frame): Frame {
    const compressed = deflated(frame, this.#thresholdBytes);
    this.#compressed.set(frame, compressed);
    return compressed;
  }
}

function deflated(frame: Frame, thresholdBytes: number): Frame {
  const payload = textPayloadOf(frame);
  if (payload === null || payload.length < thresholdBytes || payload.length > maxBytes) {
    return frame;
  }
  const bytes = deflateRawSync(payload, options);
  const compressed = encodeCompressedFrame(bytes.subarray(0, bytes.length - blockEndBytes));
  return compressed.length < frame.length ? compressed : frame;
}
