/** What happens to the authorization of subscriptions and signins by the app. */

import type { AuthorizationFault } from "../ports.ts";
import type { Requested } from "./websocket.ts";

export type BreakerState = "closed" | "open" | "half-open";

export interface AuthorizerEvents {
  /**
   * The app was asked; `outcome` is what it answered or why it did not. `isTriedAgain`: nobody is refused for it so far.
   */
  authorization_finished: Requested & {
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
