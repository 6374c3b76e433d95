/** What a command gets from the process, and the exit codes. */

import type { ConfigInput } from "../config.ts";

export interface CommandContext extends ConfigInput {
  /** Somebody sits there and reads. */
  readonly isTerminal: boolean;
  /** To standard output. */
  readonly print: (text: string) => void;
  /** To standard error. */
  readonly complain: (text: string) => void;
}

export const exitCodes = {
  ok: 0,
  /** The node could not start, or ended by a bug; `healthcheck`: it is not alive. */
  failure: 1,
  /** No such command (sysexits.h EX_USAGE). */
  usage: 64,
  /** The configuration can't be used as it is (EX_CONFIG). */
  configuration: 78,
} as const;
