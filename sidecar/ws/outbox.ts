/**
 * Everything that is sent to clients leaves through here: frames are gathered for one turn of the event loop,
 * then each connection gets one write, however many frames wait for it.
 *
 * The write is nearly all the cost of a delivery, so nothing is written twice and nothing is copied twice:
 * connections that wait for the same frames in the same order share one node of a trie, and with it one
 * concatenated buffer. A trie lives for one flush.
 */

import type { Duplex } from "node:stream";
import type { Frame } from "../core/frame.ts";
import type { Report, SidecarEvent } from "../core/report.ts";
import type { FrameKind } from "../core/report/websocket.ts";
import { OutboxProbe } from "./outbox-probe.ts";

export interface OutboxOptions {
  /** Bytes that may wait for one connection, here and in its socket; what comes on top is dropped. */
  readonly maxQueuedBytes: number;
  /** Connections written to before the event loop gets its turn again. */
  readonly writesPerTurn: number;
  /** Runs its argument on a later turn of the event loop (`setImmediate`). */
  readonly schedule: (flush: () => void) => void;
  readonly report: Report;
  /** Milliseconds of a clock that never goes back, to measure every frame and write with; null: nothing is measured. */
  readonly measure: (() => number) | null;
}

/** One connection's place in the outbox. */
export interface OutboundQueue {
  readonly socket: Duplex;
  /** What is reported of a frame that it does not get: the same objects for all connections of an app. */
  readonly drops: Drops;
  /** Of the frame that was queued last. */
  kind: FrameKind;
  pending: Pending | null;
  /** Frames are being dropped since it was full. */
  isFull: boolean;
}

type Drops = Readonly<Record<FrameKind, SidecarEvent<"frame_dropped">>>;

export class Outbox {
  readonly #options: OutboxOptions;
  readonly #probe: OutboxProbe | null;
  readonly #drops = new Map<string | null, Drops>();
  #writtenBytes = 0;
  #root = new Pending(null, null);
  #gathering: OutboundQueue[] = [];
  #flushing: OutboundQueue[] = [];
  #flushed = 0;
  #isScheduled = false;

  constructor(options: OutboxOptions) {
    const { report, measure } = options;
    this.#options = options;
    this.#probe = measure && new OutboxProbe({ report, now: measure });
  }

  /** Bytes written so far, to all connections. */
  get writtenBytes(): number {
    return this.#writtenBytes;
  }

  /** A place for one connection. `appId` is null for a client of an unknown app. */
  open(socket: Duplex, appId: string | null): OutboundQueue {
    const drops = this.#drops.get(appId) ?? createDrops(appId);
    this.#drops.set(appId, drops);
    const queue: OutboundQueue = { socket, drops, kind: "bytes", pending: null, isFull: false };
    socket.on("error", (error) => {
      const isWrite = "syscall" in error && error.syscall === "write";
      if (isWrite) this.#options.report({ kind: "write_failed", frame: queue.kind });
    });
    return queue;
  }

  /** Queues a frame for the next flush; false if it was dropped because the connection is full. */
  enqueue(queue: OutboundQueue, frame: Frame, kind: FrameKind): boolean {
    if (!this.hasRoom(queue, frame.length)) {
      queue.isFull = true;
      this.#options.report(queue.drops[kind]);
      return false;
    }
    queue.isFull = false;
    queue.kind = kind;
    this.#probe?.queued(queue);
    if (queue.pending === null) {
      queue.pending = this.#root;
      this.#gathering.push(queue);
    }
    queue.pending = queue.pending.next(frame);
    this.#schedule();
    return true;
  }

  /** False: a frame of so many bytes would be dropped. A frame of any length is sent where nothing else waits. */
  hasRoom(queue: OutboundQueue, bytes: number): boolean {
    const queuedBytes = countQueuedBytes(queue);
    return queuedBytes === 0 || queuedBytes + bytes <= this.#options.maxQueuedBytes;
  }

  /** Writes what waits for one connection at once; for a close that has to come behind it. */
  flushNow(queue: OutboundQueue): void {
    const { pending, socket } = queue;
    queue.pending = null;
    if (!pending || !socket.writable) return;
    this.#writtenBytes += pending.length;
    if (this.#probe) this.#probe.write(queue, pending.bytes());
    else socket.write(pending.bytes());
  }

  #schedule(): void {
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    this.#options.schedule(() => this.#flush());
  }

  #flush(): void {
    this.#isScheduled = false;
    this.#root = new Pending(null, null);
    if (this.#flushed === this.#flushing.length) {
      this.#flushing = this.#gathering;
      this.#gathering = [];
      this.#flushed = 0;
    }
    const end = Math.min(this.#flushing.length, this.#flushed + this.#options.writesPerTurn);
    for (; this.#flushed < end; this.#flushed++) {
      const queue = this.#flushing[this.#flushed];
      if (queue) this.flushNow(queue);
    }
    if (this.#flushed < this.#flushing.length || this.#gathering.length > 0) this.#schedule();
  }
}

function createDrops(appId: string | null): Drops {
  const dropped = { kind: "frame_dropped", appId, reason: "queue_full" } as const;
  return {
    prepared: { ...dropped, frame: "prepared" },
    bytes: { ...dropped, frame: "bytes" },
    ping: { ...dropped, frame: "ping" },
  };
}

/** Bytes on their way to the client that the kernel has not taken yet. */
export function countQueuedBytes(queue: OutboundQueue): number {
  return queue.socket.writableLength + (queue.pending?.length ?? 0);
}

/** A node of the trie: the frames on the way from the root, in order. */
class Pending {
  readonly length: number;
  readonly #parent: Pending | null;
  readonly #frame: Frame | null;
  readonly #next = new Map<Frame, Pending>();
  #bytes: Buffer | null;

  constructor(parent: Pending | null, frame: Frame | null) {
    this.#parent = parent;
    this.#frame = frame;
    this.length = (parent?.length ?? 0) + (frame?.length ?? 0);
    // A single frame is its own concatenation.
    this.#bytes = parent?.length ? null : frame;
  }

  next(frame: Frame): Pending {
    let node = this.#next.get(frame);
    if (!node) {
      node = new Pending(this, frame);
      this.#next.set(frame, node);
    }
    return node;
  }

  /** All frames in one buffer, made at the first call and shared by all who ask. */
  bytes(): Buffer {
    return (this.#bytes ??= Pending.#concatenate(this));
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
