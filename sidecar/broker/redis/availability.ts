/**
 * Whether Redis is available to an app. Each period of availability has its own AbortSignal: what began before an
 * outage must not finish after it, so whoever waited for Redis checks the signal afterwards.
 */

type State =
  | { readonly kind: "lost" }
  /**
   * `restoring`: on the way back. `whole`: Redis knows everything that this node has, and this node knows all members;
   * events published meanwhile are still to be read. `up`: those have been delivered too.
   */
  | { readonly kind: "restoring" | "whole" | "up"; readonly abort: AbortController }
  | { readonly kind: "closed" };

export class Availability {
  readonly #now: () => number;
  readonly #onLost: (() => void)[] = [];
  readonly #onUp: (() => void)[] = [];
  readonly #waiting = new Set<() => void>();
  #state: State = { kind: "lost" };
  #lostSinceMs: number;

  constructor(now: () => number) {
    this.#now = now;
    this.#lostSinceMs = now();
  }

  /** Calls back at each loss, including one on the way back. */
  onLost(callback: () => void): void {
    this.#onLost.push(callback);
  }

  onUp(callback: () => void): void {
    this.#onUp.push(callback);
  }

  get isUp(): boolean {
    return this.#state.kind === "up";
  }

  /** The signal of the current period of availability; null while Redis is lost or on its way back. */
  get signal(): AbortSignal | null {
    const state = this.#state;
    return state.kind === "whole" || state.kind === "up" ? state.abort.signal : null;
  }

  /** How long Redis has been unavailable; 0 while it is up. */
  get lostForMs(): number {
    return this.isUp ? 0 : this.#now() - this.#lostSinceMs;
  }

  /** A way back begins. @returns the signal of the new period */
  restore(): AbortSignal {
    const abort = new AbortController();
    if (this.#state.kind === "closed") abort.abort();
    else this.#state = { kind: "restoring", abort };
    return abort.signal;
  }

  becomeWhole(): void {
    if (this.#state.kind === "restoring") this.#state = { ...this.#state, kind: "whole" };
  }

  becomeUp(): void {
    if (this.#state.kind !== "whole") return;
    this.#state = { ...this.#state, kind: "up" };
    for (const resolve of this.#waiting) resolve();
    for (const callback of this.#onUp) callback();
  }

  /** Redis is unreachable, or lacks something that it should have. */
  lose(): void {
    const state = this.#state;
    if (state.kind === "lost" || state.kind === "closed") return;
    if (state.kind !== "restoring") this.#lostSinceMs = this.#now();
    this.#state = { kind: "lost" };
    state.abort.abort(new Error("Redis was lost meanwhile"));
    for (const callback of this.#onLost) callback();
  }

  /** This node ends: there is no way back, and no more calls. */
  close(): void {
    const state = this.#state;
    this.#state = { kind: "closed" };
    if ("abort" in state) state.abort.abort(new Error("this node ends"));
  }

  /** Resolves once Redis is available, or after this time. */
  whenUp(withinMs: number): Promise<void> {
    if (this.isUp || this.#state.kind === "closed" || withinMs <= 0) return Promise.resolve();
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, withinMs);
    this.#waiting.add(resolve);
    return promise.finally(() => {
      clearTimeout(timer);
      this.#waiting.delete(resolve);
    });
  }
}
