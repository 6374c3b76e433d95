/** Credentials for a first try: made up for one run, and the `.env` block that Laravel and Echo need to share them. */

import { randomInt } from "node:crypto";
import { lacksAllCredentials, loadConfig, type Config, type Loaded } from "../config.ts";
import { isEveryAddress } from "../http/host.ts";
import type { CommandContext } from "./command.ts";

/** Loads the configuration; without any credentials, whoever sits at a terminal gets some for this run, in `env` too. */
export function loadOrMakeUp(context: CommandContext): {
  readonly loaded: Loaded;
  readonly env: CommandContext["env"];
} {
  const loaded = loadConfig(context);
  const isGiven = loaded.ok || !context.isTerminal || !lacksAllCredentials(loaded.errors);
  // They may well be in a file that can't be read, and others would only hide that.
  if (isGiven || loaded.warnings.some(({ kind }) => kind === "file")) {
    return { loaded, env: context.env };
  }
  const env = { ...context.env, ...makeCredentials() };
  const madeUp = loadConfig({ ...context, env });
  if (madeUp.ok) {
    context.print(
      `No app is configured. These credentials are for this run; put them into Laravel's .env:\n\n${toDotEnv(madeUp.config)}\n`,
    );
  }
  return { loaded: madeUp, env };
}

const alphabet = "abcdefghijklmnopqrstuvwxyz0123456789";

/** As `php artisan reverb:install` makes them: six digits, and twice 20 lower-case letters and digits. */
export function makeCredentials(): {
  POGO_APP_ID: string;
  POGO_APP_KEY: string;
  POGO_APP_SECRET: string;
} {
  return {
    POGO_APP_ID: String(randomInt(100_000, 1_000_000)),
    POGO_APP_KEY: randomText(20),
    POGO_APP_SECRET: randomText(20),
  };
}

/**
 * The names of Laravel's `.env`, with the values that make it and the pages' build meet this sidecar. A comment stands
 * above the line that it is about.
 */
export function toDotEnv({ apps, server }: Config): string {
  const host = server.host.kind === "tcp" ? server.host.host : "0.0.0.0";
  const [app] = apps;
  return [
    "BROADCAST_CONNECTION=reverb",
    "",
    `REVERB_APP_ID=${app?.id}`,
    `REVERB_APP_KEY=${app?.key}`,
    `REVERB_APP_SECRET=${app?.secret}`,
    `REVERB_HOST=${isEveryAddress(host) ? "localhost" : host}`,
    `REVERB_PORT=${server.port}`,
    "REVERB_SCHEME=http",
    ...internalLines(server.port),
    ...(server.pathPrefix === "" ? [] : pathLines(server.pathPrefix)),
    "",
    'VITE_REVERB_APP_KEY="${REVERB_APP_KEY}"',
    'VITE_REVERB_HOST="${REVERB_HOST}"',
    'VITE_REVERB_PORT="${REVERB_PORT}"',
    'VITE_REVERB_SCHEME="${REVERB_SCHEME}"',
    "",
  ].join("\n");
}

/** Where PHP publishes, in apps whose config/broadcasting.php reads these: never by way of the public name. */
function internalLines(port: number): readonly string[] {
  return [
    "# Read only where config/broadcasting.php names them.",
    "REVERB_INTERNAL_HOST=127.0.0.1",
    `REVERB_INTERNAL_PORT=${port}`,
    "REVERB_INTERNAL_SCHEME=http",
  ];
}

/** Laravel publishes under the path; Echo gets it by hand. */
function pathLines(path: string): readonly string[] {
  return [`# In resources/js/echo.js too: wsPath: "${path}"`, `REVERB_SERVER_PATH=${path}`];
}

function randomText(length: number): string {
  return Array.from({ length }, () => alphabet[randomInt(alphabet.length)]).join("");
}
