/**
 * Everything that clients send is handled from here, in turns: so much in one turn of the event loop, however much has
 * arrived, and shared out by what it costs, so that whoever sends a lot waits for himself and for nobody else. Visitors
 * share the node; within a visitor its connections share.
 */

import { FairQueue, type Queued } from "./fair-queue.ts";

export interface InboxOptions {
  /** Milliseconds of a clock that never goes back. */
  readonly now: () => number;
  /** Runs its argument on a later turn of the event loop (`setImmediate`). */
  readonly schedule: (run: () => void) => void;
  /** Runs its argument once what was begun has been done as far as it can (`queueMicrotask`). */
  readonly defer: (run: () => void) => void;
  /** Input is handled for so long in one turn of the event loop; a share begun is ended. */
  readonly turnMs: number;
  /** What a connection gets before it is asked whose turn is next: little at first, then what costs `shareMs`. */
  readonly shareMs: number;
  readonly minShareBytes: number;
  readonly maxShareBytes: number;
}

/** Whose input waits. */
export interface InputHandler {
  /** Handles at most `maxBytes` of what has arrived; says how much that was, and whether there is more. */
  handle(maxBytes: number): { readonly bytes: number; readonly hasMore: boolean };
}

/** One connection's place. */
export interface Input {
  /** Something has arrived. Harmless when it waits already, and not forgotten when it is being served. */
  arrived(): void;
  /** The connection is gone. */
  close(): void;
}

interface Waiting extends Queued {
  /** In its queue, or being served. */
  isWaiting: boolean;
}

/** A connection's place. */
class Source implements Waiting, Input {
  readonly handler: InputHandler;
  readonly #inbox: Inbox;
  readonly #visitor: Visitor;
  shareBytes: number;
  tag: number;
  estimate = firstEstimateMs;
  isWaiting = false;
  /** Something, since its last share began. */
  hasArrived = false;

  constructor(
    handler: InputHandler,
    { inbox, visitor, shareBytes }: { inbox: Inbox; visitor: Visitor; shareBytes: number },
  ) {
    this.handler = handler;
    this.#inbox = inbox;
    this.#visitor = visitor;
    this.shareBytes = shareBytes;
    this.tag = visitor.sources.virtualTime;
  }

  arrived(): void {
    this.#inbox.arrived(this.#visitor, this);
  }

  close(): void {
    this.#inbox.closed(this.#visitor);
  }
}

interface Visitor extends Waiting {
  readonly name: string;
  readonly sources: FairQueue<Source>;
  connections: number;
}

/**
 * A share costs the time it took, within bounds: at least something, or on a clock that stands still one would be
 * served for ever; and no more than so many bytes can cost, or whoever is served during a pause of the machine or the
 * garbage collector would pay for it.
 */
const minShareMs = 0.001;
const maxShareMs = 0.02;
const maxByteMs = 0.0004;
/** Of somebody new: those who are known to be cheap come first. */
const firstEstimateMs = 1;

export class Inbox {
  readonly #options: InboxOptions;
  /** Those with an open connection, so that what a visitor has cost is not forgotten when it pauses. */
  readonly #visitors = new Map<string, Visitor>();
  readonly #queue = new FairQueue<Visitor>();
  #isScheduled = false;

  constructor(options: InboxOptions) {
    this.#options = options;
  }

  /** @param name whose connection it is (`visitorOf`) */
  open(name: string, handler: InputHandler): Input {
    const visitor = this.#visitors.get(name) ?? this.#createVisitor(name);
    visitor.connections += 1;
    return new Source(handler, { inbox: this, visitor, shareBytes: this.#options.minShareBytes });
  }

  #createVisitor(name: string): Visitor {
    const sources = new FairQueue<Source>();
    const tag = this.#queue.virtualTime;
    const estimate = firstEstimateMs;
    const visitor = { name, sources, connections: 0, tag, estimate, isWaiting: false };
    this.#visitors.set(name, visitor);
    return visitor;
  }

  /** For `Source`. */
  closed(visitor: Visitor): void {
    visitor.connections -= 1;
    if (visitor.connections === 0) this.#visitors.delete(visitor.name);
  }

  /** For `Source`. */
  arrived(visitor: Visitor, source: Source): void {
    source.hasArrived = true;
    if (source.isWaiting) return;
    source.isWaiting = true;
    visitor.sources.add(source);
    if (!visitor.isWaiting) {
      visitor.isWaiting = true;
      this.#queue.add(visitor);
    }
    this.#schedule();
  }

  #schedule(): void {
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    this.#options.schedule(() => this.#turn());
  }

  #turn(): void {
    const nowMs = this.#options.now();
    this.#serveNext(nowMs, nowMs + this.#options.turnMs);
  }

  #serveNext(beganMs: number, endMs: number): void {
    const { now, defer } = this.#options;
    const visitor = this.#queue.shift();
    const source = visitor?.sources.shift();
    if (!visitor || !source) return;
    source.hasArrived = false;
    const { bytes, hasMore } = source.handler.handle(source.shareBytes);
    // A handler that awaits goes on in a microtask: that belongs to the share too. Before it Node says that a stream has
    // ended of which the last was read.
    defer(() => {
      const wantsMore = hasMore || source.hasArrived;
      const nowMs = now();
      const mostMs = maxShareMs + bytes * maxByteMs;
      const cost = Math.min(mostMs, Math.max(minShareMs, nowMs - beganMs));
      source.isWaiting = wantsMore;
      if (bytes === source.shareBytes) source.shareBytes = this.#nextShare(bytes, cost);
      visitor.sources.served(source, { cost, wantsMore });
      visitor.isWaiting = visitor.sources.size > 0;
      this.#queue.served(visitor, { cost, wantsMore: visitor.isWaiting });
      if (this.#queue.size > 0 && nowMs < endMs) return this.#serveNext(nowMs, endMs);
      this.#isScheduled = false;
      if (this.#queue.size > 0) this.#schedule();
    });
  }

  /** At most twice as much as before. */
  #nextShare(bytes: number, cost: number): number {
    const { shareMs, minShareBytes, maxShareBytes } = this.#options;
    const share = Math.floor(bytes * Math.min(2, shareMs / cost));
    return Math.min(maxShareBytes, Math.max(minShareBytes, share));
  }
}
