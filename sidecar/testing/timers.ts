/** Timers that run when a test lets time pass. */

import type { Timers } from "../http/timers.ts";

export interface ManualTimers extends Timers {
  now(): number;
  /** Runs what is due meanwhile, in its order. */
  pass(ms: number): void;
  /** That are set. */
  readonly pending: number;
}

export function createTimers(): ManualTimers {
  let nowMs = 0;
  const set = new Map<() => void, number>();

  function nextDue(untilMs: number): [run: () => void, atMs: number] | undefined {
    const due = [...set].filter(([, atMs]) => atMs <= untilMs);
    return due.toSorted(([, a], [, b]) => a - b)[0];
  }

  return {
    now: () => nowMs,
    setTimeout(run, delayMs) {
      const once = (): void => run();
      set.set(once, nowMs + Math.max(delayMs, 1));
      return () => void set.delete(once);
    },
    pass(ms) {
      const untilMs = nowMs + ms;
      for (let due = nextDue(untilMs); due; due = nextDue(untilMs)) {
        const [run, atMs] = due;
        set.delete(run);
        nowMs = Math.max(nowMs, atMs);
        run();
      }
      nowMs = untilMs;
    },
    get pending() {
      return set.size;
    },
  };
}
