/** What it is measured on, and which core does what. */

import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { cpus, totalmem } from "node:os";
import { commandPath } from "../../../sidecar/testing/needs.ts";

/** One line for people. */
export function describeMachine(): string {
  const [cpu] = cpus();
  const gib = Math.round(totalmem() / 2 ** 30);
  return `${cpu?.model.trim() ?? "unknown CPU"}, ${cpus().length} cores, ${gib} GiB, ${process.platform}`;
}

export function redisVersion(): string {
  const text = execFileSync("redis-server", ["--version"], { encoding: "utf8" });
  return / v=(\S+)/.exec(text)?.[1] ?? text.trim();
}

export interface Cores {
  readonly servers: number;
  readonly load: number;
}

/** Null where processes can't be bound to cores, or there is one core only. */
export function findCores(): Cores | null {
  if (commandPath("taskset") === undefined) return null;
  const status = readFileSync("/proc/self/status", "utf8");
  const list = /^Cpus_allowed_list:\s*(\S+)/m.exec(status)?.[1] ?? "";
  const allowed = list.split(",").flatMap((range) => {
    const [first = 0, last = first] = range.split("-").map(Number);
    return Array.from({ length: last - first + 1 }, (_, i) => first + i);
  });
  const [servers, load] = allowed;
  return servers === undefined || load === undefined ? null : { servers, load };
}

/** Binds a process, all of its threads, to these cores. */
export function bind(pid: number, ...cores: readonly number[]): void {
  execFileSync("taskset", ["-acp", cores.join(","), String(pid)], { stdio: "ignore" });
}
