/** How many bytes of bodies with unverified signatures a node keeps at a time, in total and per visitor. */

import type { BodyRefusal } from "../core/report/api.ts";

export type BudgetFault = Exclude<BodyRefusal, "too_slow">;

/** A visitor may have so much of it. */
const visitorShare = 1 / 4;

export class UnverifiedBodies {
  readonly #maxBytes: number;
  readonly #byVisitor = new Map<string, number>();
  #bytes = 0;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** Kept now. */
  get bytes(): number {
    return this.#bytes;
  }

  /** For one body; `close` gives back what it took. */
  open(visitor: string): { take: (bytes: number) => BudgetFault | null; close: () => void } {
    let taken = 0;
    return {
      take: (bytes) => {
        const ofVisitor = this.#byVisitor.get(visitor) ?? 0;
        if (ofVisitor + bytes > this.#maxBytes * visitorShare) return "visitor_budget";
        if (this.#bytes + bytes > this.#maxBytes) return "node_budget";
        taken += bytes;
        this.#bytes += bytes;
        this.#byVisitor.set(visitor, ofVisitor + bytes);
        return null;
      },
      close: () => {
        if (taken === 0) return;
        const left = (this.#byVisitor.get(visitor) ?? 0) - taken;
        if (left > 0) this.#byVisitor.set(visitor, left);
        else this.#byVisitor.delete(visitor);
        this.#bytes -= taken;
        taken = 0;
      },
    };
  }
}
