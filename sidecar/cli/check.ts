/**
 * `check`: prints the effective configuration, where each value came from and what has no effect, or all errors at
 * once.
 */

import { resolve } from "node:path";
import { formatErrors, formatWarnings, loadConfig } from "../config.ts";
import { describeSettings } from "../config/describe.ts";
import { exitCodes, type CommandContext } from "./command.ts";

export function check(context: CommandContext): number {
  const loaded = loadConfig(context);
  if (!loaded.ok) {
    context.complain(formatErrors(loaded.errors, loaded.warnings));
    return exitCodes.configuration;
  }
  context.complain(formatWarnings(loaded.warnings));
  for (const path of loaded.envFiles) context.print(`Read from ${resolve(path)}\n`);
  if (loaded.envFiles.length > 0) context.print("\n");
  context.print(`${describeSettings(loaded.settings)}\n`);
  return exitCodes.ok;
}
