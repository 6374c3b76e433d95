/** One bulkhead per app. The node's limits are divided among them, so that no app can use up another's share. */

import type { Report } from "../core/report.ts";
import type { Timers } from "../http/timers.ts";
import { Bulkhead, type BulkheadFault } from "./bulkhead.ts";
import type { FailureLimitOptions } from "./failure-limit.ts";

export interface BulkheadsOptions {
  /** Of every app that is served. */
  readonly appIds: readonly string[];
  /** Subrequests under way at a time; each app has an equal part, and one at the least. */
  readonly maxConcurrent: number;
  /** Those of one client IP, and half of its app's at most; one session behind it has a quarter of them. */
  readonly maxConcurrentPerIp: number;
  /** Questions that wait, for their turn or for another attempt, divided likewise; one client IP has a quarter. */
  readonly maxWaiting: number;
  /** For so long an app is asked again that could not say. 0: nothing waits. */
  readonly retryForMs: number;
  /** So many failures in a row open an app's breaker, for so long at most. */
  readonly breaker: { readonly failures: number; readonly openMs: number };
  readonly perVisitor: FailureLimitOptions;
  /** Milliseconds of a clock that never goes back. */
  readonly now: () => number;
  readonly timers: Timers;
  /** From 0 up to 1. */
  readonly random: () => number;
  readonly report: Report;
}

/** One question on its way through its app's bulkhead. */
export interface Asking {
  readonly attempt: () => void;
  readonly giveUp: (reason: BulkheadFault) => void;
}

export function createBulkheads(options: BulkheadsOptions): ReadonlyMap<string, Bulkhead<Asking>> {
  const { appIds, retryForMs, breaker, perVisitor, now, timers, random, report } = options;
  const permits = partOf(options.maxConcurrent, appIds.length);
  const maxWaiting = partOf(options.maxWaiting, appIds.length);
  const perAddress = Math.min(partOf(permits + 1, 2), options.maxConcurrentPerIp);
  const limits = {
    permits,
    perAddress,
    perSession: partOf(perAddress, 4),
    maxWaiting,
    maxWaitingPerAddress: partOf(maxWaiting, 4),
    retryForMs,
    breaker,
    failureLimit: perVisitor,
  };
  const create = (appId: string) =>
    new Bulkhead<Asking>({
      ...limits,
      clock: { now, setTimeout: (run, delayMs) => timers.setTimeout(run, delayMs) },
      random,
      start: (asking) => asking.attempt(),
      giveUp: (asking, reason) => asking.giveUp(reason),
      onBreakerState: (state) => report({ kind: "circuit_breaker_changed", appId, state }),
    });
  return new Map(appIds.map((appId) => [appId, create(appId)]));
}

function partOf(total: number, parts: number): number {
  return Math.max(1, Math.floor(total / parts));
}
