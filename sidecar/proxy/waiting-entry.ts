/** One request in the waiting room. */

import type { ProxyRefusal } from "../core/report/proxy.ts";
import type { Arrival } from "./arrival-queue.ts";

export type WaitRefusal = Extract<ProxyRefusal, "away_timeout" | "away_queue_full">;

export interface Guest {
  /**
   * Connects to the app, and says what came of it: `connected`, `failed` or `leave`. May be called before `enter`
   * returns, and again after a `failed`. `isTrial`: the others wait for what this one finds.
   */
  readonly go: (isTrial: boolean) => void;
  /** Called instead of `go`. */
  readonly refuse: (reason: WaitRefusal) => void;
}

export class Entry implements Arrival {
  readonly visitor: string;
  readonly guest: Guest;
  readonly order: number;
  /** It does not wait beyond this. */
  untilMs: number;
  state: "waiting" | "trying" | "gone" = "trying";
  /** Connections made before it tried. */
  madeBefore = 0;
  hasWaited = false;
  cancelTimeout: () => void = () => {};

  constructor(visitor: string, guest: Guest, order: number, untilMs: number) {
    this.visitor = visitor;
    this.guest = guest;
    this.order = order;
    this.untilMs = untilMs;
  }
}
