/** Prometheus' own checks, by its promtool. */

import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { commandPath, lacking } from "../../sidecar/testing/needs.ts";

const promtool = commandPath("promtool");

/** For the options of a test: false, or why it is skipped. */
export const needsPromtool = promtool === undefined && lacking("promtool");

export interface Checked {
  readonly ok: boolean;
  readonly output: string;
}

/** @param files by name, in the folder in which it runs */
export function runPromtool(
  args: readonly string[],
  { files = {}, input = "" }: { files?: Readonly<Record<string, string>>; input?: string },
): Checked {
  const folder = mkdtempSync(join(tmpdir(), "promtool-"));
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text);
  const { status, stdout, stderr } = spawnSync(promtool ?? "promtool", args, {
    cwd: folder,
    input,
    encoding: "utf8",
    timeout: 60_000,
  });
  rmSync(folder, { recursive: true });
  return { ok: status === 0, output: `${stdout}${stderr}` };
}
