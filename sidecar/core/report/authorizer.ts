/** What happens to the authorization of subscriptions and signins by the app. */

import type { AuthorizationFault } from "../ports.ts";

export type BreakerState = "closed" | "open" | "half-open";

/** Who was asked for what; `channel` is null for a signin. */
interface Question {
  appId: string;
  socketId: string;
  channel: string | null;
}

export interface AuthorizerEvents {
  /**
   * The app was asked; `outcome` is what it answered or why it did not. `isTriedAgain`: nobody is refused for it so far.
   */
  authorization_finished: Question & {
    /** Of its answer; null: it gave none. */
    status: number | null;
    outcome: AuthorizationFault | "ok";
    durationMs: number;
    isTriedAgain: boolean;
  };
  /** Refused without asking the app. */
  authorization_withheld: { reason: AuthorizationFault };
  circuit_breaker_changed: { appId: string; state: BreakerState };
}
