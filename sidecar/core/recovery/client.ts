/** What is remembered of a connection so that its client can come back: its identity, and what it has received. */

import type { Grants } from "./grants.ts";
import type { Seat, Session } from "./session.ts";

/** How a client is recognized when it comes back. */
export interface RecoveryToken {
  /** A digest: the token itself is not kept. */
  readonly key: string;
  /** Of one page alone; the tabs of a browser share a cookie. */
  readonly isOfOnePage: boolean;
}

/** From when on a subscription gets its channel's events. */
export interface Standing {
  /**
   * A client that has received this many events has everything sent when it began; infinite while that is still being
   * read.
   */
  since: number;
  /** Its seat before it was sent the missed events; null: it is new. */
  readonly from: Seat | null;
}

/** The session that a connection resumes, and the part of it that has not been subscribed again yet. */
export interface Resumption {
  /** Null: not known yet. */
  session: Session | null;
  /** By channel; each can be taken once. */
  readonly seats: Map<string, Seat>;
  /** Called when it is known whether there is a session. */
  waiting: (() => void)[];
  /** The page has connected again meanwhile: passes the session to that connection. */
  handOver?: (session: Session | null) => void;
  endsMs: number;
  /** How much of the missed events may still be sent. */
  leftEvents: number;
  leftBytes: number;
}

/** Unanswered pings after which a client counts as one that never answers, or no longer does. */
const maxUnanswered = 3;
/** Ticks within which a pong has to come. */
const answeredWithin = 2;
/** Room for `maxUnanswered` beside the tick. */
const countBits = 2;
const countMask = (1 << countBits) - 1;

export class RecoveryClient {
  readonly token: RecoveryToken;
  /** Its session has been asked for; until then another connection could take it. */
  hasAsked = false;
  resumption: Resumption | null = null;
  /** In the user's own channel; null: no signin has been answered. */
  userStanding: Standing | null = null;
  isSuspended = false;
  /** Frames for it were dropped: only what it had acknowledged before is certain. */
  isLossy = false;
  /** Null: when it comes back the app is asked again, whatever it granted before. */
  grants: Grants | null;
  /**
   * The tick of its last ping and, in the lowest bits, its number of unanswered pings: packed, since each connection
   * has one.
   */
  #asked = -1 << countBits;
  /** The highest number of events acknowledged; 0: it has never answered. */
  #acknowledged = 0;

  constructor(token: RecoveryToken, grants: Grants | null = null) {
    this.token = token;
    this.grants = grants;
  }

  /** Whether to ping it with a position now; true once per tick. */
  mayAsk(tick: number): boolean {
    if (this.#asked >> countBits === tick || this.isSuspended) return false;
    const unanswered = Math.min(this.#unanswered + 1, maxUnanswered);
    this.#asked = (tick << countBits) | unanswered;
    return true;
  }

  /** @param delivered the number of events that it says it has received */
  acknowledge(delivered: number): void {
    this.#asked &= ~countMask;
    if (!this.isLossy && delivered > this.#acknowledged) this.#acknowledged = delivered;
  }

  /** Null: it never answers pings. */
  get acknowledged(): number | null {
    if (this.#acknowledged > 0) return this.#acknowledged;
    return this.#unanswered >= maxUnanswered ? null : 0;
  }

  /** It has answered before and no longer does: what was sent since may be lost. */
  isSilent(tick: number): boolean {
    if (this.#acknowledged === 0 || this.#unanswered === 0) return false;
    const isLate = tick - (this.#asked >> countBits) >= answeredWithin;
    return isLate || this.#unanswered >= maxUnanswered;
  }

  get #unanswered(): number {
    return this.#asked & countMask;
  }
}
