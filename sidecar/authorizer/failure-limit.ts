/** How many denials and failures one key may cause within a window before its next request has to wait. */

export interface FailureLimitOptions {
  /** Requests that the app did not answer, or answered 5xx, within the window. At least 1. */
  readonly maxFailures: number;
  /** Answers of the app other than a yes, within the window. At least 1. */
  readonly maxDenials: number;
  readonly windowMs: number;
}

/** What came of one request, as far as it counts against who caused it. */
export type CountedOutcome = "ok" | "denied" | "failed";

/** Of many at once, each known by a key, and forgotten when the window has passed. */
export class FailureLimit {
  readonly #options: FailureLimitOptions;
  /** In the order of their last outcome. */
  readonly #histories = new Map<string, History>();

  constructor(options: FailureLimitOptions) {
    this.#options = options;
  }

  /** A yes ends the failures, which were the app's then; denials count on. */
  record(key: string, outcome: CountedOutcome, nowMs: number): void {
    this.#forgetOld(nowMs);
    const history = this.#histories.get(key) ?? { failedMs: [], deniedMs: [], lastMs: nowMs };
    if (outcome === "ok") history.failedMs.length = 0;
    if (outcome === "ok" && history.deniedMs.length === 0) {
      this.#histories.delete(key);
      return;
    }
    const { maxFailures, maxDenials } = this.#options;
    if (outcome === "failed") keepLast(history.failedMs, nowMs, maxFailures);
    if (outcome === "denied") keepLast(history.deniedMs, nowMs, maxDenials);
    history.lastMs = nowMs;
    this.#histories.delete(key);
    this.#histories.set(key, history);
  }

  /** Until when one more failure, or one more denial, would be one too many; 0 if it would not be. */
  blockedUntilMs(key: string): number {
    const history = this.#histories.get(key);
    if (!history) return 0;
    const { maxFailures, maxDenials, windowMs } = this.#options;
    const until = (times: readonly number[], max: number) =>
      times.length < max ? 0 : (times[0] ?? 0) + windowMs;
    return Math.max(until(history.failedMs, maxFailures), until(history.deniedMs, maxDenials));
  }

  #forgetOld(nowMs: number): void {
    for (const [key, { lastMs }] of this.#histories) {
      if (nowMs - lastMs < this.#options.windowMs) return;
      this.#histories.delete(key);
    }
  }
}

interface History {
  /** When the last ones came, oldest first; never more than the limit. */
  readonly failedMs: number[];
  readonly deniedMs: number[];
  lastMs: number;
}

function keepLast(times: number[], nowMs: number, max: number): void {
  times.push(nowMs);
  if (times.length > max) times.shift();
}
