/** What is remembered of a connection so that its client can come back: who it is, and what it has received. */

import type { Seat, Session } from "./session.ts";

/** How a client is recognized when it comes back. */
export interface RecoveryToken {
  /** A digest: the token itself is not kept. */
  readonly key: string;
  /** Of one page alone; the tabs of a browser share a cookie. */
  readonly isOfOnePage: boolean;
}

/** Since when a subscription gets its channel's events. */
export interface Standing {
  /** Who has received so many events has all that was sent when it began; infinite, while that is still read. */
  since: number;
  /** Where it stood before it was sent what it missed; null: it is new. */
  readonly from: Seat | null;
}

/** The session that a connection goes on with, as far as its channels have not been subscribed again. */
export interface Resumption {
  /** Null: it is still asked for. */
  session: Session | null;
  /** By channel; each is taken once. */
  readonly seats: Map<string, Seat>;
  /** Called when the session is there, or there is none. */
  waiting: (() => void)[];
  endsMs: number;
  /** What may still be sent of what was missed. */
  leftEvents: number;
  leftBytes: number;
}

/** Pings that a client may leave unanswered before it counts as one that never answers. */
const maxUnanswered = 3;

export class RecoveryClient {
  readonly token: RecoveryToken;
  resumption: Resumption | null = null;
  /** In the user's own channel. */
  userStanding: Standing | null = null;
  isSuspended = false;
  /** Frames for it were dropped: what it has acknowledged by then is all that is certain. */
  isLossy = false;
  /** When it was pinged last. */
  #askedTick = -1;
  /** The highest number of events; below 0, the number of pings without any answer so far. */
  #acknowledged = 0;

  constructor(token: RecoveryToken) {
    this.token = token;
  }

  /** True once in a tick: it is to be pinged with a position. */
  mayAsk(tick: number): boolean {
    if (this.#askedTick === tick || this.isSuspended) return false;
    this.#askedTick = tick;
    if (this.#acknowledged <= 0 && this.#acknowledged > -maxUnanswered) this.#acknowledged -= 1;
    return true;
  }

  /** It has received so many events. */
  acknowledge(delivered: number): void {
    if (!this.isLossy && delivered > this.#acknowledged) this.#acknowledged = delivered;
  }

  /** Null: its pongs never say. */
  get acknowledged(): number | null {
    if (this.#acknowledged > 0) return this.#acknowledged;
    return this.#acknowledged <= -maxUnanswered ? null : 0;
  }
}
