/** The log of a long-running process, and its end when it has met a bug. */

import type { Config } from "../config.ts";
import { createLog, type Logger } from "../observability/log.ts";
import { exitCodes, type CommandContext } from "./command.ts";

export async function createProcessLog(
  config: Config,
  context: CommandContext,
  version: string,
): Promise<Logger> {
  const destination = isTextWanted(config, context)
    ? (await import("../observability/text-log.ts")).createTextDestination()
    : undefined;
  return createLog({ level: config.log.level, version }, destination);
}

export function isTextWanted({ log }: Config, { isTerminal }: CommandContext): boolean {
  return log.format === "auto" ? isTerminal : log.format === "text";
}

/** A bug, whether thrown or rejected: the state is not to be trusted any more. */
export function endOnBugs(log: Logger): void {
  process.on("uncaughtException", (error, origin) => {
    log.fatal({ err: error, origin }, "uncaught exception");
    process.exit(exitCodes.failure);
  });
}
