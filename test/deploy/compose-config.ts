/** What Docker Compose itself makes of the compose file, without a daemon: `docker compose config`. */

import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { homedir, tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { commandPath, lacking } from "../../sidecar/testing/needs.ts";

/** Where test/setup puts that of Debian 13, whose own name is a plugin's. */
const cached = join(
  process.env["XDG_CACHE_HOME"] ?? join(homedir(), ".cache"),
  "pogo-sidecar/docker-compose",
);
const compose = commandPath(cached) ?? commandPath("docker-compose");

/** For the options of a test: false, or why it is skipped. */
export const needsCompose = compose === undefined && lacking("Docker Compose");

export type ComposeConfig =
  | { readonly ok: true; readonly document: unknown }
  | { readonly ok: false; readonly error: string };

/** With the .env of an app, and of compose itself what a user would write for these profiles. */
export function composeConfig(profiles: readonly string[]): ComposeConfig {
  const app = mkdtempSync(join(tmpdir(), "compose-app-"));
  writeFileSync(
    join(app, ".env"),
    'REVERB_APP_ID=1\nREVERB_APP_KEY=key-of-the-app\nREVERB_APP_SECRET=of-the-app\nREVERB_SCALING_ENABLED=false\nREDIS_HOST=127.0.0.1\nVITE_REVERB_APP_KEY="${REVERB_APP_KEY}"\n',
  );
  const file = fileURLToPath(new URL("../../deploy/compose/compose.yaml", import.meta.url));
  const config = readCompose(file, {
    HOME: app,
    APP_DIR: app,
    COMPOSE_PROFILES: profiles.join(),
    ...(profiles.includes("redis") && { REVERB_SCALING_ENABLED: "true" }),
  });
  rmSync(app, { recursive: true });
  return config;
}

/** What it reads in a file with this environment, or what it says against it. */
export function readCompose(file: string, env: Readonly<Record<string, string>>): ComposeConfig {
  const { status, stdout, stderr } = spawnSync(
    compose ?? "docker-compose",
    ["--file", file, "--env-file", "/dev/null", "config", "--format", "json"],
    { encoding: "utf8", timeout: 60_000, env: { PATH: process.env["PATH"], ...env } },
  );
  return status === 0 ? { ok: true, document: JSON.parse(stdout) } : { ok: false, error: stderr };
}
