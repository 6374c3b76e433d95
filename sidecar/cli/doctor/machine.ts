/** Checks of the machine and the app's files: versions, settings, limits. */

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { readOpenFilesLimit } from "../../composition/open-files.ts";
import type { Environment } from "../../config/sources/env-files.ts";
import { parseDotenv, resolveDotenv } from "../../config/sources/dotenv.ts";
import { neededNode } from "../node-version.ts";
import { lacksPusherPackage, requirePusherPackage } from "../pusher-package.ts";
import { hint, ok, skipped, wrong, type Check, type Finding } from "./check.ts";

/** On one that is too old no command begins. */
export const nodeVersion: Check = {
  name: "Node",
  run: async () =>
    ok(
      `${process.version} at ${process.execPath} (${neededNode.major}.${neededNode.minor} is needed)`,
    ),
};

const credentials = ["REVERB_APP_ID", "REVERB_APP_KEY", "REVERB_APP_SECRET"] as const;

/** Does the app have what the sidecar has? The values of secrets are compared, never shown. */
export const environmentFile: Check = {
  name: ".env",
  async run({ folder, app, ...subject }) {
    const env = readEnv(folder, subject.env);
    if (!env) return skipped(`there is no .env in ${folder} that can be read`);
    const unexpanded = Object.entries(env).find(
      ([name, value]) => name.startsWith("REVERB_") && value.includes("${"),
    );
    if (unexpanded) {
      return hint(
        `${unexpanded[0]} refers to a name that neither .env nor the environment has`,
        `write the value into ${unexpanded[0]}, or set the name above it`,
      );
    }
    const given = { REVERB_APP_ID: app.id, REVERB_APP_KEY: app.key, REVERB_APP_SECRET: app.secret };
    const other = credentials.filter((name) => env[name] && env[name] !== given[name]);
    if (other.length > 0) {
      return wrong(
        `${other.join(", ")} in ${join(folder, ".env")} ${other.length > 1 ? "are" : "is"} not what the sidecar has`,
        "give both the same three: the sidecar takes POGO_APP_*, then REVERB_APP_* of its environment",
      );
    }
    const missing = credentials.filter((name) => !env[name]);
    return missing.length > 0
      ? wrong(`${missing.join(", ")} missing in .env`, "run: pogo-sidecar env --write")
      : ok("has the credentials that the sidecar has");
  },
};

const sayReverb = "in .env: BROADCAST_CONNECTION=reverb, then php artisan config:clear";

export const broadcastConnection: Check = {
  name: "broadcaster",
  async run({ folder, config, app, ...subject }) {
    const env = readEnv(folder, subject.env);
    if (!env) return skipped("no .env to read it from");
    const driver = env["BROADCAST_CONNECTION"] ?? env["BROADCAST_DRIVER"];
    const takesRedis = config.redisBroadcasts?.apps.some(({ id }) => id === app.id) ?? false;
    switch (driver) {
      case "reverb":
      case "pusher":
        return lacksPusherPackage((path) => readText(join(folder, path)))
          ? wrong(
              `BROADCAST_CONNECTION=${driver}, and the package that it publishes with is not installed`,
              requirePusherPackage,
            )
          : ok(`BROADCAST_CONNECTION=${driver}`);
      case "redis":
        return takesRedis
          ? ok("BROADCAST_CONNECTION=redis, which is taken (POGO_REDIS_BROADCASTS)")
          : wrong(
              "BROADCAST_CONNECTION=redis: nobody here takes what it publishes",
              "in .env: BROADCAST_CONNECTION=reverb, or POGO_REDIS_BROADCASTS=on here",
            );
      case undefined:
        return wrong(
          "BROADCAST_CONNECTION is not set, which Laravel takes for null: events go nowhere",
          sayReverb,
        );
      default:
        return wrong(
          `BROADCAST_CONNECTION=${driver}: events go nowhere, and channels are authorized without a signature`,
          sayReverb,
        );
    }
  },
};

/** Do `REVERB_*` make a URL to which Laravel can publish? */
export const address: Check = {
  name: "address",
  async run({ folder, config, ...subject }) {
    const env = { ...readEnv(folder, subject.env), ...subject.env };
    const { REVERB_HOST: host, REVERB_PORT: port = "443", REVERB_SCHEME: scheme = "https" } = env;
    if (!host) return skipped("no REVERB_HOST is set");
    // An IPv6 address has colons of its own.
    if (/[/:]/.test(host) && !/^\[.*\]$/.test(host)) {
      const [, name = "localhost"] = /^(?:\w+:\/\/)?([^/:]+)/.exec(host) ?? [];
      const advice = `${name}, the name alone: the rest is in REVERB_SCHEME and REVERB_PORT`;
      return unusable("REVERB_HOST", host, advice);
    }
    if (scheme !== "http" && scheme !== "https") {
      return unusable("REVERB_SCHEME", scheme, scheme.endsWith("s") ? "https" : "http");
    }
    return /^\d+$/.test(port)
      ? ok(`REVERB_HOST, REVERB_PORT and REVERB_SCHEME are ${scheme}://${host}:${port}`)
      : unusable("REVERB_PORT", port, String(config.server.port));
  },
};

function unusable(name: string, value: string, advice: string): Finding {
  return wrong(
    `${name}=${value}: Laravel can't publish there`,
    `in .env: ${name}=${advice}; then php artisan config:clear`,
  );
}

/** Is the key in the built pages the sidecar's? */
export const frontEnd: Check = {
  name: "front end",
  async run({ folder, app }) {
    if (readText(join(folder, "public/hot")) !== null) {
      return ok("served by Vite's dev server, which reads .env itself");
    }
    const manifest = readText(join(folder, "public/build/manifest.json"));
    if (manifest === null) return skipped("no public/build: nothing was built here");
    const files = [...manifest.matchAll(/"file":\s*"([^"]+\.js)"/g)].map(([, file = ""]) => file);
    const scripts = files.map((file) => readText(join(folder, "public/build", file)) ?? "");
    if (!scripts.some((script) => script.includes("pusher"))) {
      return hint("the built scripts don't contain Echo", "npm run build");
    }
    return scripts.some((script) => script.includes(app.key))
      ? ok("was built with the sidecar's key")
      : wrong(
          "was built with another key than the sidecar has",
          "set VITE_REVERB_APP_KEY=${REVERB_APP_KEY} in .env, then npm run build",
        );
  },
};

export const openFiles: Check = {
  name: "open files",
  async run({ config }) {
    const limit = readOpenFilesLimit();
    if (limit === null) return skipped("this platform does not say");
    const { maxConnections } = config.websocket;
    return limit > maxConnections
      ? ok(`${limit} are enough for ${maxConnections} connections`)
      : wrong(
          `${limit} are not enough for ${maxConnections} connections (POGO_MAX_CONNECTIONS)`,
          `ulimit -n ${2 * maxConnections} where the sidecar is started (systemd: LimitNOFILE=${2 * maxConnections})`,
        );
  },
};

/** A queued broadcast waits for a worker. */
export const queue: Check = {
  name: "queue",
  async run({ folder, env }) {
    const connection = readEnv(folder, env)?.["QUEUE_CONNECTION"];
    if (connection === undefined) return skipped("no QUEUE_CONNECTION in a .env here");
    return connection === "sync"
      ? ok("events are broadcast at once (sync)")
      : hint(
          `events that implement ShouldBroadcast wait for a worker (QUEUE_CONNECTION=${connection})`,
          "php artisan queue:work has to run; or let events implement ShouldBroadcastNow",
        );
  },
};

/** The app's `.env` as Laravel reads it; null if there is none that it could read. */
export function readEnv(folder: string, env: Environment): Readonly<Record<string, string>> | null {
  const text = readText(join(folder, ".env"));
  const parsed = text === null ? null : parseDotenv(text);
  if (!parsed?.ok) return null;
  return Object.fromEntries(resolveDotenv(parsed.entries, (name) => env[name]));
}

function readText(path: string): string | null {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return null;
  }
}
