/** What a process and those that it has started take of the machine, seen from outside. */

import { readFileSync } from "node:fs";

const pageBytes = 4_096;

/** Resident bytes; 0 where they can't be known. Pages that processes share count for each. */
export function residentBytes(pid: number | null): number {
  return sumOf(pid, (one) => {
    const [, pages = "0"] = readFileSync(`/proc/${one}/statm`, "utf8").split(" ");
    return Number(pages) * pageBytes;
  });
}

/** The process and its children, theirs included. */
function processTree(pid: number): readonly number[] {
  const text = readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8").trim();
  return [pid, ...text.split(" ").flatMap((child) => (child ? processTree(Number(child)) : []))];
}

function sumOf(pid: number | null, read: (pid: number) => number): number {
  if (pid === null) return 0;
  try {
    return processTree(pid).reduce((sum, one) => sum + read(one), 0);
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

const ticksPerSecond = 100;

/** CPU that they have used so far; NaN of a process that nobody has named. */
export function cpuSeconds(pid: number | null): number {
  if (pid === null) return Number.NaN;
  return sumOf(pid, (one) => {
    // Behind the command's name, which may hold anything, the 12th and 13th field are utime and stime (proc(5)).
    const fields = readFileSync(`/proc/${one}/stat`, "utf8").split(") ")[1]?.split(" ") ?? [];
    return (Number(fields[11]) + Number(fields[12])) / ticksPerSecond;
  });
}
