/** Says whether the machine has what a suite needs: on CI a lack is a failure, elsewhere a skip with the reason. */

import { existsSync } from "node:fs";
import { join } from "node:path";
import { commandPath, lacking } from "../../../sidecar/testing/needs.ts";
import { laravel12, laravelFolder } from "./laravel.ts";
import type { LaravelRelease } from "./laravel.ts";

/** For `{ skip: needsLaravel() }`: false when the app can be started with this release, else why it cannot. */
export function needsLaravel(release: LaravelRelease = laravel12): string | false {
  if (commandPath("php") === undefined) return lacking("PHP is not installed");
  if (!existsSync(join(release.vendorFolder, ".installed-for"))) {
    return lacking(`the Laravel app's packages of Laravel ${release.major} are not installed`);
  }
  return false;
}

/** What checks the Composer package by itself. */
export function needsPackageTools(): string | false {
  if (existsSync(join(laravelFolder, "../../../laravel/tools/vendor/.installed-for"))) return false;
  return lacking("PHPStan, Pint and PHPUnit are not installed");
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

/** For `{ skip: needsCommands("nginx") }`: each of them is in PATH. */
export function needsCommands(...commands: readonly string[]): string | false {
  const missing = commands.filter((command) => commandPath(command) === undefined);
  return missing.length > 0 && lacking(`${missing.join(" and ")} not installed`);
}

/** Where the browser is, or undefined. */
export function chromiumPath(): string | undefined {
  return commandPath("chromium") ?? commandPath("chromium-browser") ?? commandPath("google-chrome");
}
