/** For tests that need a program of the machine: where it is, and what its lack means. */

import { accessSync, constants } from "node:fs";
import { delimiter, join } from "node:path";

/** The reason to skip a suite for want of `what`; on CI a lack is a failure, so it throws there. */
export function lacking(what: string): string {
  const reason = `${what}: run test/setup`;
  if (process.env["CI"] === "true") throw new Error(`${reason} (on CI no suite may be left out)`);
  return reason;
}

/** Where a command is in PATH, or undefined; one with a slash in it is a path already, as in a shell. */
export function commandPath(command: string): string | undefined {
  if (command.includes("/")) return isExecutable(command) ? command : undefined;
  const folders = (process.env["PATH"] ?? "").split(delimiter).filter((folder) => folder !== "");
  return folders.map((folder) => join(folder, command)).find(isExecutable);
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
