/** The stages of a request before it is sent to the app: the waiting room, then admission. */

import type { Precedence, Turn } from "./admission.ts";
import type { Guest } from "./waiting-entry.ts";
import type { Ticket } from "./waiting-room.ts";

export interface Stages {
  readonly enter: (guest: Guest) => Ticket;
  /** The function that it returns gives the turn back. */
  readonly admit: (turn: Turn, precedence: Precedence) => () => void;
}
