/** `version`: what package.json says. */

import { readFileSync } from "node:fs";
import { exitCodes, type CommandContext } from "./command.ts";

/** One directory above `sidecar/` and above the compiled `dist/` alike. */
const packageUrl = new URL("../../package.json", import.meta.url);

export function readVersion(): string {
  const content: unknown = JSON.parse(readFileSync(packageUrl, "utf8"));
  const hasVersion = typeof content === "object" && content !== null && "version" in content;
  return hasVersion ? String(content.version) : "unknown";
}

export function printVersion({ print }: CommandContext): number {
  print(`${readVersion()}\n`);
  return exitCodes.ok;
}
