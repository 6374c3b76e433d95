/** Reads an app's log in Redis from a position on. */

import { reachesBack, readLog, type LogPage } from "./scripts/events.ts";
import type { RunScript } from "./scripts/script.ts";

export interface LogReader {
  /** Reads entries behind `after`, oldest first, at most so many. */
  readonly read: (after: string, count: number) => Promise<LogPage>;
  /** Whether all that was written behind `after` is still there. */
  readonly reachesBack: (after: string) => Promise<boolean>;
}

export function createLogReader(run: RunScript): LogReader {
  return {
    read: (after, count) => run(readLog, `(${after}`, "+", count),
    reachesBack: (after) => run(reachesBack, after),
  };
}
