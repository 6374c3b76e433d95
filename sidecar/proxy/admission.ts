/**
 * Who may use a connection to the app: a limited number at a time, a short queue, and no visitor ahead of the others.
 */

import type { ProxyRefusal } from "../core/report/proxy.ts";
import { mayHaveMore } from "../http/fair-share.ts";
import type { Timers } from "../http/timers.ts";

export interface AdmissionOptions {
  /** In use at a time. */
  readonly maxInUse: number;
  /** Waiting at a time; 0: nobody waits. */
  readonly maxWaiting: number;
  /** Longest wait. */
  readonly maxWaitMs: number;
  readonly timers: Timers;
}

export type AdmissionRefusal = Extract<ProxyRefusal, "queue_full" | "queue_timeout">;

export interface Turn {
  /** May be called before `admit` returns. */
  readonly start: () => void;
  /** Called instead of `start`. */
  readonly refuse: (reason: AdmissionRefusal) => void;
}

/**
 * `waited`: in the waiting room, which has bounded how many there are. `trial`: all others wait for what it finds, so that
 * it waits for nobody; there is one at a time.
 */
export type Precedence = "none" | "waited" | "trial";

export interface Admission {
  /**
   * Gives one visitor's request its turn: at once, after a wait, or not at all.
   *
   * @param visitor as `visitorOf` gives it.
   * @returns gives the turn back or, while it waits, up; to be called once whatever became of it, more often is harmless.
   */
  admit(visitor: string, turn: Turn, precedence?: Precedence): () => void;
  readonly inUse: number;
  readonly waiting: number;
}

/** Each visitor has its fair share of them. Those who wait are served a visitor at a time, in turn. */
export function createAdmission(options: AdmissionOptions): Admission {
  const { maxInUse, maxWaiting, maxWaitMs, timers } = options;
  const visitors = new Map<string, Visitor>();
  /** Visitors with somebody waiting, the next one first. */
  const queue = new Set<Visitor>();
  let inUse = 0;
  let waiting = 0;

  function admit(name: string, turn: Turn, precedence: Precedence = "none"): () => void {
    const visitor = visitors.get(name) ?? addVisitor(name);
    const ticket: Ticket = { turn, state: "waiting", cancelTimeout: () => {} };
    const isNext = visitor.waiting.size === 0 && mayStart(visitor);
    if (isNext || precedence === "trial") start(visitor, ticket);
    else enqueue(visitor, ticket, precedence);
    return () => giveBack(visitor, ticket);
  }

  function addVisitor(name: string): Visitor {
    const visitor: Visitor = { name, inUse: 0, waiting: new Set() };
    visitors.set(name, visitor);
    return visitor;
  }

  function mayStart(visitor: Visitor): boolean {
    return mayHaveMore(visitor.inUse, maxInUse - inUse);
  }

  function start(visitor: Visitor, ticket: Ticket): void {
    visitor.inUse += 1;
    inUse += 1;
    ticket.state = "started";
    ticket.turn.start();
  }

  function enqueue(visitor: Visitor, ticket: Ticket, precedence: Precedence): void {
    if (waiting >= maxWaiting && precedence !== "waited") {
      const crowd = [...queue].reduce(
        (most, other) => (other.waiting.size > most.waiting.size ? other : most),
        visitor,
      );
      // Nobody waits with more than the newcomer would.
      const isFair = crowd.waiting.size <= visitor.waiting.size + 1;
      if (isFair) return refuse(visitor, ticket, "queue_full");
      const last = [...crowd.waiting].at(-1);
      if (last) refuse(crowd, last, "queue_full");
    }
    visitor.waiting.add(ticket);
    queue.add(visitor);
    waiting += 1;
    ticket.cancelTimeout = timers.setTimeout(
      () => refuse(visitor, ticket, "queue_timeout"),
      maxWaitMs,
    );
  }

  function refuse(visitor: Visitor, ticket: Ticket, reason: AdmissionRefusal): void {
    leaveQueue(visitor, ticket);
    ticket.state = "done";
    forgetIfGone(visitor);
    ticket.turn.refuse(reason);
  }

  function leaveQueue(visitor: Visitor, ticket: Ticket): void {
    if (!visitor.waiting.delete(ticket)) return;
    ticket.cancelTimeout();
    waiting -= 1;
    if (visitor.waiting.size === 0) queue.delete(visitor);
  }

  function giveBack(visitor: Visitor, ticket: Ticket): void {
    const { state } = ticket;
    if (state === "done") return;
    ticket.state = "done";
    if (state === "waiting") leaveQueue(visitor, ticket);
    else release(visitor);
    forgetIfGone(visitor);
  }

  function release(visitor: Visitor): void {
    visitor.inUse -= 1;
    inUse -= 1;
    // Who has more waiting is behind the others then, and comes up once more.
    for (const next of queue) {
      if (inUse >= maxInUse) return;
      const [ticket] = next.waiting;
      if (!ticket || !mayStart(next)) continue;
      leaveQueue(next, ticket);
      if (queue.delete(next)) queue.add(next);
      start(next, ticket);
    }
  }

  function forgetIfGone(visitor: Visitor): void {
    if (visitor.inUse === 0 && visitor.waiting.size === 0) visitors.delete(visitor.name);
  }

  return {
    admit,
    get inUse() {
      return inUse;
    },
    get waiting() {
      return waiting;
    },
  };
}

interface Visitor {
  readonly name: string;
  inUse: number;
  /** The one that came first is first. */
  readonly waiting: Set<Ticket>;
}

interface Ticket {
  readonly turn: Turn;
  state: "waiting" | "started" | "done";
  cancelTimeout: () => void;
}
