// Says whether the machine has what a suite needs: on CI a lack is a failure, elsewhere a skip with the reason.
import { accessSync, constants, existsSync } from "node:fs";
import { delimiter, join } from "node:path";
import { laravelFolder } from "./laravel.ts";

/** For `{ skip: needsLaravel() }`: false when the app can be started, else why it cannot. */
export function needsLaravel(): string | false {
  if (commandPath("php") === undefined) return lacking("PHP is not installed");
  if (!existsSync(join(laravelFolder, "vendor/.installed-for"))) {
    return lacking("the Laravel app is not installed");
  }
  return false;
}

/** For `{ skip: needsRedis() }`. */
export function needsRedis(): string | false {
  return commandPath("redis-server") === undefined && lacking("redis-server is not installed");
}

/** For `{ skip: needsChromium() }`. */
export function needsChromium(): string | false {
  return chromiumPath() === undefined && lacking("Chromium is not installed");
}

/** For `{ skip: needsScript() }`: the `script` of util-linux, which gives a command a terminal. */
export function needsScript(): string | false {
  if (process.platform === "linux" && commandPath("script") !== undefined) return false;
  return lacking("there is no script(1) of util-linux");
}

/** Where the browser is, or undefined. */
export function chromiumPath(): string | undefined {
  return commandPath("chromium") ?? commandPath("chromium-browser") ?? commandPath("google-chrome");
}

function lacking(what: string): string {
  const reason = `${what}: run test/setup`;
  if (process.env["CI"] === "true") throw new Error(`${reason} (on CI no suite may be left out)`);
  return reason;
}

function commandPath(command: string): string | undefined {
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
