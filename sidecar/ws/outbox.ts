/**
 * Everything that is sent to clients leaves through here: frames are gathered for one turn of the event loop,
 * then each connection gets one write, however many frames wait for it.
 *
 * The write is nearly all the cost of a delivery, so nothing is written twice and nothing is copied twice: a trie of
 * what waits (`pending.ts`) lives for one flush. A client that does not take what was written gets no more until it
 * has: what comes meanwhile waits in its backlog, where it counts, and is shared with all others who wait for it.
 */

import type { Duplex } from "node:stream";
import type { Frame } from "../core/frame.ts";
import type { Report } from "../core/report.ts";
import type { FrameKind } from "../core/report/websocket.ts";
import { Backlog } from "./backlog.ts";
import { RetainedBytes, type Batch } from "./batch.ts";
import { Departures, type TurnBudget } from "./departures.ts";
import {
  countQueuedBytes,
  createDrops,
  createQueue,
  fullestFirst,
  type Drops,
  type OutboundQueue,
  type QueueClient,
} from "./outbound-queue.ts";
import { OutboxProbe } from "./outbox-probe.ts";
import { Pending } from "./pending.ts";

export interface OutboxOptions extends TurnBudget {
  /** Maximum bytes queued for one connection; frames beyond it are dropped. */
  readonly maxQueuedBytes: number;
  /** Maximum bytes queued for all connections together; beyond it those with the most are cut. */
  readonly maxTotalBytes: number;
  /** Runs its argument on a later turn of the event loop (`setImmediate`). */
  readonly schedule: (flush: () => void) => void;
  readonly report: Report;
  /** Monotonic clock in milliseconds, to measure every frame and write; null: nothing is measured. */
  readonly measure: (() => number) | null;
}

/** How many bytes of a backlog are written at once. */
const pieceBytes = 262_144;
/** How many are cut per search, since each search sorts all slow connections. */
const cutsPerTurn = 64;

export class Outbox {
  readonly #options: OutboxOptions;
  readonly #probe: OutboxProbe | null;
  readonly #drops = new Map<string | null, Drops>();
  #writtenBytes = 0;
  readonly #retained = new RetainedBytes();
  /** Queues with a backlog. */
  readonly #slow = new Set<OutboundQueue>();
  #root = new Pending(null, null);
  readonly #departures = new Departures();
  #isScheduled = false;
  readonly #afterWrites: (() => void)[] = [];

  constructor(options: OutboxOptions) {
    const { report, measure } = options;
    this.#options = options;
    this.#probe = measure && new OutboxProbe({ report, now: measure });
  }

  /** Bytes written so far, to all connections. */
  get writtenBytes(): number {
    return this.#writtenBytes;
  }

  /** Runs its argument once everything queued now has been written; at once if nothing is queued. */
  afterWrites(run: () => void): void {
    if (this.#departures.size === 0) run();
    else this.#afterWrites.push(run);
  }

  /** Creates the queue of one connection. */
  open(socket: Duplex, client: QueueClient): OutboundQueue {
    const { appId } = client;
    const drops = this.#drops.get(appId) ?? createDrops(appId);
    this.#drops.set(appId, drops);
    return createQueue(socket, client, drops);
  }

  /** An error of the connection's socket, which is gone with it. */
  failed(queue: OutboundQueue, error: Error): void {
    const isWrite = "syscall" in error && error.syscall === "write";
    if (isWrite) this.#options.report({ kind: "write_failed", frame: queue.kind });
  }

  /** Bytes queued for slow clients. */
  get retainedBytes(): number {
    return this.#retained.total;
  }

  /** Queues a frame for the next flush; false if it was dropped because the connection is full. */
  enqueue(queue: OutboundQueue, frame: Frame, kind: FrameKind): boolean {
    if (!this.hasRoom(queue, frame.length)) {
      queue.isFull = true;
      queue.dropped += 1;
      this.#options.report(queue.drops[kind]);
      return false;
    }
    queue.isFull = false;
    queue.kind = kind;
    this.#probe?.queued(queue);
    if (queue.pending === null) {
      queue.pending = this.#root;
      this.#departures.add(queue);
    }
    queue.pending = queue.pending.next(frame);
    this.#schedule();
    return true;
  }

  /** False: a frame of this many bytes would be dropped. If nothing else is queued, a frame of any length is sent. */
  hasRoom(queue: OutboundQueue, bytes: number): boolean {
    const queuedBytes = countQueuedBytes(queue);
    return queuedBytes === 0 || queuedBytes + bytes <= this.#options.maxQueuedBytes;
  }

  /** Writes everything queued for one connection at once, so that a close can follow. */
  flushNow(queue: OutboundQueue): void {
    this.#write(queue);
    if (queue.backlog && queue.socket.writable) {
      this.#writeOn(queue, queue.backlog, Number.POSITIVE_INFINITY);
    }
  }

  /** Whether to stop reading from a client, because it does not read its answers. */
  isPaused(queue: OutboundQueue): boolean {
    return queue.backlog !== null && countQueuedBytes(queue) >= this.#options.maxQueuedBytes / 2;
  }

  /** Queues of clients that have not read everything. */
  slowQueues(): Iterable<OutboundQueue> {
    return this.#slow;
  }

  /** Discards what is queued for one connection, except what its socket already has. */
  drop(queue: OutboundQueue): void {
    queue.pending = null;
    queue.backlog?.drop();
  }

  get #isOverTotal(): boolean {
    return this.#retained.total > this.#options.maxTotalBytes;
  }

  #schedule(): void {
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    this.#options.schedule(() => this.#flush());
  }

  #flush(): void {
    this.#isScheduled = false;
    if (this.#isOverTotal) this.#cutFullest();
    this.#root = new Pending(null, null);
    this.#departures.depart(this.#options, (queue) => this.#write(queue));
    if (this.#departures.size > 0 || this.#isOverTotal) this.#schedule();
    if (this.#afterWrites.length > 0 && this.#departures.size === 0) this.#runAfterWrites();
  }

  #runAfterWrites(): void {
    for (const run of this.#afterWrites.splice(0)) run();
  }

  #write(queue: OutboundQueue): void {
    const { pending, socket, backlog } = queue;
    if (!pending) return;
    queue.pending = null;
    if (!socket.writable) return this.#gone(queue);
    if (backlog) return backlog.add(pending.batches());
    this.#writeTo(queue, pending.pieces());
    if (socket.writableLength > 0) this.#await(queue, pending.batches());
  }

  #writeTo(queue: OutboundQueue, pieces: readonly Buffer[]): void {
    const { socket } = queue;
    const onTaken = this.#probe?.writing(queue);
    const last = pieces.length - 1;
    if (last > 0) socket.cork();
    for (const [index, bytes] of pieces.entries()) {
      this.#writtenBytes += bytes.length;
      socket.write(bytes, index === last ? onTaken : undefined);
    }
    if (last > 0) socket.uncork();
  }

  /** The client has not read all of its first write: starts a backlog. */
  #await(queue: OutboundQueue, batches: readonly Batch[]): void {
    const backlog = new Backlog(this.#retained);
    queue.backlog = backlog;
    this.#slow.add(queue);
    backlog.written(batches);
    this.#mark(queue, backlog);
  }

  /** Writes an empty buffer after the data, whose callback says when the client has taken it, or is gone. */
  #mark(queue: OutboundQueue, backlog: Backlog): void {
    queue.socket.write(nothing, () => {
      backlog.takenFromSocket();
      if (!queue.socket.writable) return this.#gone(queue);
      if (!backlog.isEmpty) this.#writeOn(queue, backlog, pieceBytes);
      else if (!backlog.isInFlight) this.#caughtUp(queue);
      queue.client.onTaken();
    });
  }

  #writeOn(queue: OutboundQueue, backlog: Backlog, maxBytes: number): void {
    const { socket } = queue;
    socket.cork();
    const pieces = backlog.write(maxBytes).map(({ bytes }) => bytes);
    this.#writeTo(queue, pieces);
    this.#mark(queue, backlog);
    socket.uncork();
  }

  /** The client has taken everything written; writes what is queued now. */
  #caughtUp(queue: OutboundQueue): void {
    queue.backlog = null;
    this.#slow.delete(queue);
  }

  /** The socket can't be written to any more. */
  #gone(queue: OutboundQueue): void {
    this.drop(queue);
    this.#caughtUp(queue);
  }

  #cutFullest(): void {
    const enoughBytes = this.#options.maxTotalBytes * enoughOfTotal;
    for (const queue of fullestFirst(this.#slow).slice(0, cutsPerTurn)) {
      if (this.#retained.total <= enoughBytes) return;
      const { client } = queue;
      this.#slow.delete(queue);
      this.drop(queue);
      this.#options.report({
        kind: "connection_cut",
        appId: client.appId,
        reason: "outbound_memory",
      });
      client.destroy();
    }
  }
}

/** Share of the total down to which connections are cut, so that the next frame does not exceed it again. */
const enoughOfTotal = 0.9;
const nothing = Buffer.alloc(0);
