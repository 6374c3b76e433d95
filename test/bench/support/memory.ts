/** What a process takes of the machine's memory, watched from outside. */

import { readFileSync } from "node:fs";

const pageBytes = 4_096;

/** Resident bytes; 0 where they can't be known. */
export function residentBytes(pid: number | null): number {
  if (pid === null) return 0;
  try {
    const [, pages = "0"] = readFileSync(`/proc/${pid}/statm`, "utf8").split(" ");
    return Number(pages) * pageBytes;
  } catch {
    return 0;
  }
}

/** Looks often; gives the most it saw. */
export function watchMemory(pid: number | null, everyMs = 20): { stop(): number } {
  let most = residentBytes(pid);
  const timer = setInterval(() => (most = Math.max(most, residentBytes(pid))), everyMs);
  return {
    stop() {
      clearInterval(timer);
      return Math.max(most, residentBytes(pid));
    },
  };
}

export function mebibytes(bytes: number): string {
  return bytes === 0 ? "–" : String(Math.round(bytes / 1_048_576));
}
