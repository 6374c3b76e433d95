/** How many files this process may open; every connection takes one. */

import { readFileSync } from "node:fs";

/** Null: this platform does not say. */
export function readOpenFilesLimit(): number | null {
  try {
    const limits = readFileSync("/proc/self/limits", "utf8");
    const limit = /^Max open files\s+(\d+)/m.exec(limits)?.[1];
    return limit === undefined ? null : Number(limit);
  } catch {
    return null;
  }
}
