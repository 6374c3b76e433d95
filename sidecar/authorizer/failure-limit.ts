/** How many authorizations of one connection may fail, so that no client exhausts the app or opens the breaker for all. */

import type { Handshake } from "../core/ports.ts";
import type { Verdict } from "./circuit-breaker.ts";

export interface ConnectionCapOptions {
  /** Failures of the upstream (5xx, timeout …) within the window; less than the breaker needs to open. At least 1. */
  readonly maxFailures: number;
  /** Answers of the app other than a yes, within the window. At least 1. */
  readonly maxDenials: number;
  readonly windowMs: number;
}

/** What came of one subrequest, as far as its connection is judged by it. */
export type CappedOutcome = "ok" | "denied" | "failed";

/** One for all connections; a connection is known by its handshake, and forgotten with it. */
export class ConnectionCap {
  readonly #options: ConnectionCapOptions;
  readonly #ledgers = new WeakMap<Handshake, Ledger>();

  constructor(options: ConnectionCapOptions) {
    this.#options = options;
  }

  /** True while one more failure, or one more denial, would be one too many. */
  isReached(connection: Handshake, nowMs: number): boolean {
    const ledger = this.#ledgers.get(connection);
    if (!ledger) return false;
    const { maxFailures, maxDenials, windowMs } = this.#options;
    const isFull = (times: readonly number[], max: number) =>
      times.length >= max && nowMs - (times.at(-max) ?? 0) < windowMs;
    return isFull(ledger.failedMs, maxFailures) || isFull(ledger.deniedMs, maxDenials);
  }

  /**
   * Notes an outcome and says how the breaker is to count it. A connection's failures since its last success count up
   * to `maxFailures` only: those that were under way together, or that a patient client spreads over many windows,
   * would otherwise fill the breaker's row alone.
   */
  note(connection: Handshake, outcome: CappedOutcome, nowMs: number): Verdict {
    const { maxFailures, maxDenials } = this.#options;
    const ledger = this.#ledgers.get(connection) ?? {
      failedMs: [],
      deniedMs: [],
      failuresInARow: 0,
    };
    this.#ledgers.set(connection, ledger);
    if (outcome !== "failed") {
      ledger.failuresInARow = 0;
      if (outcome === "denied") keepLast(ledger.deniedMs, nowMs, maxDenials);
      return "success";
    }
    ledger.failuresInARow++;
    keepLast(ledger.failedMs, nowMs, maxFailures);
    return ledger.failuresInARow <= maxFailures ? "failure" : "none";
  }
}

interface Ledger {
  /** When the last ones came, oldest first; never more than the cap. */
  readonly failedMs: number[];
  readonly deniedMs: number[];
  failuresInARow: number;
}

function keepLast(times: number[], nowMs: number, max: number): void {
  times.push(nowMs);
  if (times.length > max) times.shift();
}
