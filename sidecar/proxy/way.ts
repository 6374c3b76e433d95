/** On its way to the app a request passes the waiting room, then gets its turn. */

import type { Precedence, Turn } from "./admission.ts";
import type { Guest } from "./waiting-entry.ts";
import type { Ticket } from "./waiting-room.ts";

export interface Way {
  readonly enter: (guest: Guest) => Ticket;
  /** The function that it returns gives the turn back. */
  readonly admit: (turn: Turn, precedence: Precedence) => () => void;
}
