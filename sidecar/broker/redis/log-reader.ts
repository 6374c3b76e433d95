/** Reads an app's log in Redis, for who has not had all of it. */

import { readLog, type LogPage } from "./scripts/events.ts";
import type { RunScript } from "./scripts/script.ts";

export interface LogReader {
  /** Reads entries behind `after`, oldest first, at most so many. */
  readonly read: (after: string, count: number) => Promise<LogPage>;
  /** Whether an entry is still there. */
  readonly has: (id: string) => Promise<boolean>;
}

export function createLogReader(run: RunScript): LogReader {
  return {
    read: (after, count) => run(readLog, `(${after}`, "+", count),
    has: async (id) => (await run(readLog, id, id, 1)).entries.length > 0,
  };
}
