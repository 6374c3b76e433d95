/** Where requests wait while there is no connection to the app, or the operator has paused them: one tries, the others follow. */

import type { Report } from "../core/report.ts";
import type { Timers } from "../http/timers.ts";
import { ArrivalQueue } from "./arrival-queue.ts";
import { Entry, type Guest, type WaitRefusal } from "./waiting-entry.ts";

export interface WaitingRoomOptions {
  /** How long a request waits for the app, from its coming or the end of a pause; 0: it does not. */
  readonly waitMs: number;
  /** Waiting at a time. */
  readonly maxWaiting: number;
  /** Of the app, for the log. */
  readonly address: string;
  /** Milliseconds of a clock that never goes back. */
  readonly now: () => number;
  readonly timers: Timers;
  readonly report: Report;
}

export interface Ticket {
  /** There is a connection to the app. */
  connected(): void;
  /**
   * There is none, and nothing was sent. True: `go` or `refuse` follows, or was called already. False: nobody waits
   * (`waitMs` is 0), and it is the caller's to answer.
   */
  failed(cause: string): boolean;
  /** The client is gone, or was answered; harmless at any time. */
  leave(): void;
}

/** As the last attempt to connect showed; nobody tries before a request comes. */
export type AppState = "unknown" | "up" | "away";

export interface WaitingRoom {
  /** @param visitor as `visitorOf` gives it. */
  enter(visitor: string, guest: Guest): Ticket;
  /** New requests wait for so long from now, however healthy the app is; or are refused: a drain ends before that. */
  pause(forMs: number): "wait" | "refused";
  /** Ends the pause: one tries whether the app is there, and the others follow. */
  resume(): void;
  /**
   * The node drains, for `forMs` at most. A pause goes on, for what it protects may not be done; who would wait for an end
   * of it that is later than that is refused.
   */
  drain(forMs: number): void;
  /** Refuses all who wait, and ends the pause. */
  close(): void;
  readonly appState: AppState;
  readonly isPaused: boolean;
  readonly waiting: number;
}

/** Between two trials: a refused connection costs next to nothing, and it is as much as a restart may seem longer. */
const trialPauseMs = 200;

export function createWaitingRoom(options: WaitingRoomOptions): WaitingRoom {
  const { waitMs, address, now, timers, report } = options;
  const queue = new ArrivalQueue<Entry>(options.maxWaiting);
  let gate: "open" | "trying" | "paused" = "open";
  let pause = { sinceMs: 0, untilMs: 0, cancel: (): void => {} };
  let closesAtMs = Infinity;
  let trial: Entry | null = null;
  let isTrialDelayed = false;
  let away: { readonly sinceMs: number; waited: number } | null = null;
  /** An attempt that began before the last of them was made says nothing about the app now. */
  let connectionsMade = 0;
  let entered = 0;

  function enter(visitor: string, guest: Guest): Ticket {
    const order = (entered += 1);
    const entry = new Entry(visitor, guest, order, now() + waitMs);
    if (gate === "open") go(entry);
    else wait(entry);
    return {
      connected: () => connected(entry),
      failed: (cause) => failed(entry, cause),
      leave: () => leave(entry),
    };
  }

  function go(entry: Entry): void {
    dequeue(entry);
    entry.state = "trying";
    entry.madeBefore = connectionsMade;
    entry.guest.go(entry === trial);
  }

  function connected(entry: Entry): void {
    if (entry.state !== "trying") return;
    finish(entry);
    connectionsMade += 1;
    if (away) report({ kind: "app_back", afterMs: now() - away.sinceMs, waited: away.waited });
    away = null;
    if (gate === "trying") open();
  }

  function open(): void {
    gate = "open";
    // One that fails meanwhile closes the gate again, and those behind it stay.
    for (const entry of queue) if (gate === "open" && entry.state === "waiting") go(entry);
  }

  function failed(entry: Entry, cause: string): boolean {
    if (entry.state !== "trying") return waitMs > 0;
    finish(entry);
    const isNews = entry.madeBefore === connectionsMade;
    if (isNews) lose(cause);
    if (waitMs === 0) return false;
    if (isNews || gate !== "open") wait(entry);
    else if (entry.untilMs > now()) go(entry);
    else refuse(entry, "away_timeout");
    return true;
  }

  function lose(cause: string): void {
    if (!away) report({ kind: "app_away", address, cause });
    away ??= { sinceMs: now(), waited: 0 };
    if (waitMs === 0) return;
    if (gate === "open") gate = "trying";
    delayTrial();
  }

  function delayTrial(): void {
    if (isTrialDelayed) return;
    isTrialDelayed = true;
    timers.setTimeout(() => {
      isTrialDelayed = false;
      tryNext();
    }, trialPauseMs);
  }

  /** Who came first tries. */
  function tryNext(): void {
    const next = queue.first;
    if (gate !== "trying" || trial || isTrialDelayed || !next) return;
    trial = next;
    go(next);
  }

  function wait(entry: Entry): void {
    takePlace(entry);
    // Also where there was none for it: others may wait behind the one that tried.
    tryNext();
  }

  function takePlace(entry: Entry): void {
    if (isPausedForGood()) return refuse(entry, "away_timeout");
    if (gate !== "paused" && entry.untilMs <= now()) return refuse(entry, "away_timeout");
    const loser = queue.whoGivesWayTo(entry.visitor);
    if (loser === "newcomer") return refuse(entry, "away_queue_full");
    if (loser) refuse(loser, "away_queue_full");
    entry.state = "waiting";
    queue.add(entry);
    limit(entry);
    if (away && !entry.hasWaited) away.waited += 1;
    entry.hasWaited = true;
  }

  /** While they are paused nobody's time runs: it begins anew with the end of the pause. */
  function limit(entry: Entry): void {
    entry.cancelTimeout();
    if (gate === "paused") return;
    const expire = (): void => refuse(entry, "away_timeout");
    entry.cancelTimeout = timers.setTimeout(expire, entry.untilMs - now());
  }

  /** The pause outlasts the node. */
  function isPausedForGood(): boolean {
    return gate === "paused" && pause.untilMs >= closesAtMs;
  }

  function refuseAll(): void {
    for (const entry of queue) refuse(entry, "away_timeout");
  }

  function dequeue(entry: Entry): void {
    if (entry.state !== "waiting") return;
    entry.cancelTimeout();
    queue.remove(entry);
  }

  /** Neither waiting nor trying any more. */
  function finish(entry: Entry): void {
    dequeue(entry);
    entry.state = "gone";
    if (trial === entry) trial = null;
  }

  function refuse(entry: Entry, reason: WaitRefusal): void {
    finish(entry);
    entry.guest.refuse(reason);
  }

  function leave(entry: Entry): void {
    // Not at once: whoever comes next may have to leave for the same reason.
    if (trial === entry) delayTrial();
    finish(entry);
  }

  function resume(): void {
    if (gate !== "paused") return;
    pause.cancel();
    report({ kind: "requests_resumed", afterMs: now() - pause.sinceMs, waiting: queue.length });
    if (waitMs === 0) return open();
    gate = "trying";
    for (const entry of queue) {
      entry.untilMs = now() + waitMs;
      limit(entry);
    }
    tryNext();
  }

  return {
    enter,
    pause(forMs) {
      const sinceMs = gate === "paused" ? pause.sinceMs : now();
      pause.cancel();
      const cancel = timers.setTimeout(resume, forMs);
      pause = { sinceMs, untilMs: now() + forMs, cancel };
      gate = "paused";
      const isForGood = isPausedForGood();
      report({ kind: "requests_paused", forMs, isForGood });
      if (isForGood) refuseAll();
      for (const entry of queue) limit(entry);
      return isForGood ? "refused" : "wait";
    },
    resume,
    drain(forMs) {
      closesAtMs = now() + forMs;
      if (isPausedForGood()) refuseAll();
    },
    close() {
      pause.cancel();
      gate = "open";
      refuseAll();
    },
    get appState() {
      if (away) return "away";
      return connectionsMade > 0 ? "up" : "unknown";
    },
    get isPaused() {
      return gate === "paused";
    },
    get waiting() {
      return queue.length;
    },
  };
}
