/** The number of cores that this process may use. */

import { readFileSync } from "node:fs";
import { availableParallelism } from "node:os";

/**
 * Limited by its affinity and by the CPU quota of its cgroup (v2: `docker run --cpus`, a limit in Kubernetes, systemd's
 * CPUQuota), rounded down, at least 1. Node's own number follows a quota too, but with libuv 1.51 (Node 22) one below
 * a core is no limit to it: https://github.com/nodejs/node/issues/59200
 */
export function availableCores(readFile: (path: string) => string = readText): number {
  return Math.max(1, Math.min(availableParallelism(), Math.floor(cpuQuota(readFile))));
}

/**
 * The lowest of the process's cgroup and of those above it, in cores; Infinity where there is none.
 * https://docs.kernel.org/admin-guide/cgroup-v2.html#cpu-interface-files
 */
function cpuQuota(readFile: (path: string) => string): number {
  const [, path = ""] = /^0::(\/.*)$/m.exec(readFile("/proc/self/cgroup")) ?? [];
  const names = path.split("/").filter((name) => name !== "");
  const groups = [...names.keys(), names.length].map((depth) => names.slice(0, depth));
  const quotas = groups.map((group) => {
    const [, quota, period] =
      /^(\d+) (\d+)/.exec(readFile(["/sys/fs/cgroup", ...group, "cpu.max"].join("/"))) ?? [];
    return Number(quota ?? Infinity) / Number(period ?? 1);
  });
  return Math.min(...quotas);
}

/** Empty where there is no such file: another system, cgroups of version 1, the root. */
function readText(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}
