/**
 * A node of the trie of what waits for one flush: the frames on the way from the root, in order. Connections that
 * wait for the same frames in the same order share one node, and with it one concatenated buffer.
 */

import type { Frame } from "../core/frame.ts";
import { batchOf, largeBytes, type Batch } from "./batch.ts";

export class Pending {
  readonly length: number;
  /** Bytes of these in frames that are not copied. */
  readonly uncopiedLength: number;
  readonly #parent: Pending | null;
  readonly #frame: Frame | null;
  /** Nearly always there is at most one child; a map per node would take most of the memory. */
  #child: Pending | null = null;
  #others: Map<Frame, Pending> | null = null;
  #pieces: readonly Buffer[] | null = null;
  #batches: readonly Batch[] | null = null;

  constructor(parent: Pending | null, frame: Frame | null) {
    const length = frame?.length ?? 0;
    this.#parent = parent;
    this.#frame = frame;
    this.length = (parent?.length ?? 0) + length;
    this.uncopiedLength = (parent?.uncopiedLength ?? 0) + (length < largeBytes ? 0 : length);
  }

  next(frame: Frame): Pending {
    this.#child ??= new Pending(this, frame);
    if (this.#child.#frame === frame) return this.#child;
    this.#others ??= new Map();
    let node = this.#others.get(frame);
    if (!node) {
      node = new Pending(this, frame);
      this.#others.set(frame, node);
    }
    return node;
  }

  /** All frames, in one buffer except for large ones; made at the first call and shared by all callers. */
  pieces(): readonly Buffer[] {
    return (this.#pieces ??= join(Pending.#framesOf(this)));
  }

  /** The same as a batch for connections that can't be written to now; keeps nothing else of the trie. */
  batches(): readonly Batch[] {
    return (this.#batches ??= this.pieces().map(batchOf));
  }

  static #framesOf(last: Pending): Frame[] {
    const frames: Frame[] = [];
    let node: Pending | null = last;
    while (node !== null && node.#frame !== null) {
      frames.push(node.#frame);
      node = node.#parent;
    }
    return frames.toReversed();
  }
}

function join(frames: readonly Frame[]): Buffer[] {
  const pieces: Buffer[] = [];
  let small: Frame[] = [];
  for (const frame of frames) {
    if (frame.length < largeBytes) {
      small.push(frame);
      continue;
    }
    if (small.length > 0) pieces.push(concatenate(small));
    small = [];
    pieces.push(frame);
  }
  if (small.length > 0) pieces.push(concatenate(small));
  return pieces;
}

function concatenate(frames: readonly Frame[]): Buffer {
  const [first] = frames;
  return first && frames.length === 1 ? first : Buffer.concat(frames);
}
