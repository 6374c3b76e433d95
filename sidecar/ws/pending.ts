/**
 * A node of the trie of what waits for one flush: the frames on the way from the root, in order. Connections that
 * wait for the same frames in the same order share one node, and with it one concatenated buffer.
 */

import type { Frame } from "../core/frame.ts";
import { Batch } from "./batch.ts";

export class Pending {
  readonly length: number;
  readonly #parent: Pending | null;
  readonly #frame: Frame | null;
  /** Nearly always there is one child at most: a map for each node would be most of its memory. */
  #child: Pending | null = null;
  #others: Map<Frame, Pending> | null = null;
  #bytes: Buffer | null;
  #batch: Batch | null = null;

  constructor(parent: Pending | null, frame: Frame | null) {
    this.#parent = parent;
    this.#frame = frame;
    this.length = (parent?.length ?? 0) + (frame?.length ?? 0);
    // A single frame is its own concatenation.
    this.#bytes = parent?.length ? null : frame;
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

  /** All frames in one buffer, made at the first call and shared by all who ask. */
  bytes(): Buffer {
    return (this.#bytes ??= Pending.#concatenate(this));
  }

  /** The same for those who can't be written to now; it keeps nothing else of the trie. */
  batch(): Batch {
    return (this.#batch ??= new Batch(this.bytes()));
  }

  static #concatenate(last: Pending): Buffer {
    const bytes = Buffer.allocUnsafe(last.length);
    let end = last.length;
    let node: Pending | null = last;
    while (node !== null && node.#frame !== null) {
      end -= node.#frame.length;
      node.#frame.copy(bytes, end);
      node = node.#parent;
    }
    return bytes;
  }
}
