/** The sessions of a single node, one app's: the oldest give way, and each ends with its window. */

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

export class MemorySessions implements SessionStore {
  readonly checkpoints = null;
  readonly #bounds: SessionBounds;
  readonly #compare: (a: Position, b: Position) => number;
  readonly #onEnded: SessionOptions["onEnded"];
  /** In the order in which they end. */
  readonly #sessions = new Map<string, StoredSession>();
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
    const before = this.#remove(token);
    const joined = before ? mergeSessions(before, session, this.#compare) : session;
    this.#add(token, { session: joined, endsMs: this.#nowMs + this.#bounds.windowMs });
    this.#bound();
    done(this.#sessions.has(token));
  }

  take(token: string, done: (session: Session | null) => void): void {
    const stored = this.#sessions.get(token);
    if (!stored || stored.endsMs <= this.#nowMs) return done(null);
    const { session, endsMs } = stored;
    const connections = session.connections - 1;
    if (connections === 0) this.#remove(token);
    else this.#sessions.set(token, { session: { ...session, connections }, endsMs });
    done(session);
  }

  terminate(userId: string): void {
    for (const [token, { session }] of this.#sessions) {
      if (usersOf(session).has(userId)) this.#end(token, "evicted");
    }
  }

  tick(nowMs: number): void {
    this.#nowMs = nowMs;
    for (const [token, { endsMs }] of this.#sessions) {
      if (endsMs > nowMs) return;
      this.#end(token, "expired");
    }
  }

  /** Those that wait, the first to end first. */
  entries(): Iterable<[string, StoredSession]> {
    return this.#sessions;
  }

  /** One of another process, with what is left of its time. Those that end first come first. */
  restore(token: string, session: Session, leftMs: number): void {
    this.#add(token, { session, endsMs: this.#nowMs + leftMs });
    this.#bound();
  }

  #bound(): void {
    const { maxSessions, maxSeats } = this.#bounds;
    for (const token of this.#sessions.keys()) {
      if (this.#sessions.size <= maxSessions && this.#seats <= maxSeats) return;
      this.#end(token, "evicted");
    }
  }

  #add(token: string, stored: StoredSession): void {
    this.#sessions.set(token, stored);
    this.#seats += stored.session.seats.size;
  }

  #remove(token: string): Session | null {
    const stored = this.#sessions.get(token);
    if (!stored) return null;
    this.#sessions.delete(token);
    this.#seats -= stored.session.seats.size;
    return stored.session;
  }

  #end(token: string, why: "expired" | "evicted"): void {
    const session = this.#remove(token);
    if (session) this.#onEnded(token, session, why);
  }
}
