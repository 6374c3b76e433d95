/** A node's last heartbeat, as Redis has it. */

import { claimed } from "./keys.ts";

export interface Heartbeat {
  readonly text: string;
  /** One more with each. */
  readonly count: number;
  /** All that the node has was registered when it sent this. */
  readonly hasSynced: boolean;
  /** Its registrations are being given up for it; who began that may have died over it. */
  readonly isClaimed: boolean;
}

export function parseHeartbeat(text: string): Heartbeat {
  const [, count = "0", mark] = /^(\d+)(\+?)$/.exec(text) ?? [];
  return { text, count: Number(count), hasSynced: mark === "+", isClaimed: text === claimed };
}
