/** The recovery sessions of a single node, for one app: each ends with its window, and the oldest are evicted first. */

import type { SessionStore } from "./ports.ts";
import { mergeSessions, usersOf, type Position, type Session } from "./session.ts";

interface SessionBounds {
  readonly windowMs: number;
  readonly maxSessions: number;
  /** Channels of all sessions together. */
  readonly maxSeats: number;
}

export interface SessionOptions extends SessionBounds {
  readonly compare: (a: Position, b: Position) => number;
  /** It has ended without being taken. */
  readonly onEnded: (token: string, session: Session, why: "expired" | "evicted") => void;
}

export interface StoredSession {
  readonly session: Session;
  readonly endsMs: number;
}

/** What connections with one token have left, the first to end first, and how many of them are back. */
interface Shared {
  readonly left: readonly StoredSession[];
  readonly taken: number;
}

const nothing: Shared = { left: [], taken: 0 };

/** Connections with one token, of which so many are remembered. */
const maxConnections = 16;

export class MemorySessions implements SessionStore {
  readonly checkpoints = null;
  readonly #bounds: SessionBounds;
  readonly #compare: (a: Position, b: Position) => number;
  readonly #onEnded: SessionOptions["onEnded"];
  /** In the order in which the last of each ends. */
  readonly #sessions = new Map<string, Shared>();
  #seats = 0;
  #nowMs = 0;

  constructor(options: SessionOptions) {
    this.#bounds = options;
    this.#compare = options.compare;
    this.#onEnded = options.onEnded;
  }

  get size(): number {
    return this.#sessions.size;
  }

  put(token: string, session: Session, done: (isKept: boolean) => void): void {
    this.#add(token, { session, endsMs: this.#nowMs + this.#bounds.windowMs });
    done(this.#sessions.has(token));
  }

  take(token: string, done: (session: Session | null) => void): void {
    const { left, taken } = this.#waiting(token);
    const session = this.#join(left);
    if (!session) return done(null);
    if (taken + 1 < left.length) this.#set(token, { left, taken: taken + 1 });
    else this.#remove(token);
    done(session);
  }

  terminate(userId: string): void {
    for (const [token, { left }] of this.#sessions) {
      if (left.some(({ session }) => usersOf(session).has(userId))) this.#end(token, "evicted");
    }
  }

  tick(nowMs: number): void {
    this.#nowMs = nowMs;
    for (const [token, { left }] of this.#sessions) {
      if (left.some(({ endsMs }) => endsMs > nowMs)) return;
      this.#end(token, "expired");
    }
  }

  /** Those that wait, of each token the first to end first. */
  *entries(): Iterable<[string, StoredSession]> {
    for (const [token, { left }] of this.#sessions) {
      for (const stored of left) yield [token, stored];
    }
  }

  /** One of another process, with what is left of its time. Those that end first come first. */
  restore(token: string, session: Session, leftMs: number): void {
    this.#add(token, { session, endsMs: this.#nowMs + leftMs });
  }

  #bound(): void {
    const { maxSessions, maxSeats } = this.#bounds;
    for (const token of this.#sessions.keys()) {
      if (this.#sessions.size <= maxSessions && this.#seats <= maxSeats) return;
      this.#end(token, "evicted");
    }
  }

  #add(token: string, stored: StoredSession): void {
    const { left, taken } = this.#waiting(token);
    // It ends last now.
    this.#remove(token);
    this.#set(token, { left: [...left, stored].slice(-maxConnections), taken });
    this.#bound();
  }

  /** Without those whose window has passed; who is back counts as one of them first. */
  #waiting(token: string): Shared {
    const { left, taken } = this.#sessions.get(token) ?? nothing;
    const waiting = left.filter(({ endsMs }) => endsMs > this.#nowMs);
    const over = left.length - waiting.length;
    return { left: waiting, taken: Math.max(0, taken - over) };
  }

  #join(left: readonly StoredSession[]): Session | null {
    const [first, ...others] = left.map(({ session }) => session);
    return first ? others.reduce((a, b) => mergeSessions(a, b, this.#compare), first) : null;
  }

  #set(token: string, shared: Shared): void {
    this.#seats += seatsOf(shared) - seatsOf(this.#sessions.get(token) ?? nothing);
    this.#sessions.set(token, shared);
  }

  #remove(token: string): Session | null {
    const shared = this.#sessions.get(token) ?? nothing;
    this.#seats -= seatsOf(shared);
    this.#sessions.delete(token);
    return this.#join(shared.left);
  }

  #end(token: string, why: "expired" | "evicted"): void {
    const session = this.#remove(token);
    if (session) this.#onEnded(token, session, why);
  }
}

function seatsOf({ left }: Shared): number {
  return left.reduce((sum, { session }) => sum + session.seats.size, 0);
}
