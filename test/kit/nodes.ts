/** Other versions of Node than the one that runs the tests. */

import { spawnSync } from "node:child_process";
import { tmpdir } from "node:os";

/** The path of this version, which npm installs where it is not there yet; null if it can't be had. */
export function nodeOf(version: string): string | null {
  const args = ["--yes", "-p", `node@${version}`, "node", "-p", "process.execPath"];
  const { status, stdout } = spawnSync("npx", args, { cwd: tmpdir(), encoding: "utf8" });
  return status === 0 ? stdout.trim() : null;
}
