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
  /** The page has come anew meanwhile: gives the session to that connection. */
  handOver?: (session: Session | null) => void;
  endsMs: number;
  /** What may still be sent of what was missed. */
  leftEvents: number;
  leftBytes: number;
}

/** Pings that a client may leave unanswered before it counts as one that never answers, or does no more. */
const maxUnanswered = 3;
/** A pong takes no longer than so many ticks. */
const answeredWithin = 2;
/** Room for `maxUnanswered` beside the tick. */
const countBits = 2;
const countMask = (1 << countBits) - 1;

export class RecoveryClient {
  readonly token: RecoveryToken;
  /** Its session was asked for: until then it waits for whoever asks. */
  hasAsked = false;
  resumption: Resumption | null = null;
  /** In the user's own channel; null: no signin has been answered. */
  userStanding: Standing | null = null;
  isSuspended = false;
  /** Frames for it were dropped: what it has acknowledged by then is all that is certain. */
  isLossy = false;
  /** Null: the app is asked again when it comes back, whatever it had granted. */
  grants: Grants | null;
  /** The tick in which it was pinged last and, in the lowest bits, how many pings have no answer: one small number. */
  #asked = -1 << countBits;
  /** The highest number of events; 0: it has never answered. */
  #acknowledged = 0;

  constructor(token: RecoveryToken, grants: Grants | null = null) {
    this.token = token;
    this.grants = grants;
  }

  /** True once in a tick: it is to be pinged with a position. */
  mayAsk(tick: number): boolean {
    if (this.#asked >> countBits === tick || this.isSuspended) return false;
    const unanswered = Math.min(this.#unanswered + 1, maxUnanswered);
    this.#asked = (tick << countBits) | unanswered;
    return true;
  }

  /** It has received so many events. */
  acknowledge(delivered: number): void {
    this.#asked &= ~countMask;
    if (!this.isLossy && delivered > this.#acknowledged) this.#acknowledged = delivered;
  }

  /** Null: its pongs never say. */
  get acknowledged(): number | null {
    if (this.#acknowledged > 0) return this.#acknowledged;
    return this.#unanswered >= maxUnanswered ? null : 0;
  }

  /** It has answered before, and does no more: what was sent since may have gone nowhere. */
  isSilent(tick: number): boolean {
    if (this.#acknowledged === 0 || this.#unanswered === 0) return false;
    const isLate = tick - (this.#asked >> countBits) >= answeredWithin;
    return isLate || this.#unanswered >= maxUnanswered;
  }

  get #unanswered(): number {
    return this.#asked & countMask;
  }
}
