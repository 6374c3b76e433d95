/** Starts the Laravel test app the way a developer does, with a database, sessions and a storage folder of its own. */

import { readFileSync } from "node:fs";
import { cp, mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseEnv } from "node:util";
import { startChild, waitUntilUp } from "../../../sidecar/testing/child.ts";
import type { Child } from "../../../sidecar/testing/child.ts";
import { freePort } from "../../../sidecar/testing/ports.ts";
import type { Cleanup } from "../../../sidecar/testing/raw-http.ts";

export interface Laravel {
  readonly port: number;
  /** `http://127.0.0.1:port` */
  readonly url: string;
  /** One line per request, and what Laravel logged. */
  readonly lines: readonly string[];
  /** Runs `php artisan …` for this app. Resolves with what it wrote. @throws that, when it ends with another code than 0 */
  artisan(...args: string[]): Promise<string>;
  /** Ends PHP, and starts it again with the same sessions when `meanwhile` has resolved. */
  restart(meanwhile: () => Promise<void>): Promise<void>;
  stop(): Promise<void>;
}

export interface LaravelOptions {
  /** Where the app publishes its events to, and where its page finds the WebSocket. */
  readonly sidecarPort: number;
  /** Its own; else a free one. */
  readonly port?: number;
  /** More of the environment, over the app's `.env`. */
  readonly env?: Readonly<Record<string, string>>;
  /** Else Laravel 12. */
  readonly release?: LaravelRelease;
  /** Where the app is; else in `laravelFolder`. */
  readonly folder?: string;
  /** What serves it, in place of `php artisan serve`. */
  readonly serve?: (app: ServedApp) => Child;
}

/** What another server of the app than artisan needs to know of it. */
export interface ServedApp {
  readonly folder: string;
  readonly port: number;
  readonly env: Readonly<Record<string, string>>;
}

/** A Laravel that the tests run: where Composer has put it, and the PHP for it. */
export interface LaravelRelease {
  readonly major: number;
  readonly vendorFolder: string;
  readonly php: string;
}

/** What the app's `/headers` answers: the request as PHP saw it. */
export interface SeenByPhp {
  readonly method: string;
  /** With scheme and host, as Laravel would write it into a link. */
  readonly url: string;
  /** The request target byte by byte. */
  readonly target: string;
  readonly secure: boolean;
  readonly ip: string;
  readonly host: string;
  readonly port: number;
  readonly headers: Readonly<Record<string, readonly string[]>>;
  readonly body: { readonly bytes: number; readonly sha256: string };
}

export const laravelFolder = join(import.meta.dirname, "../laravel");

export const laravel12: LaravelRelease = {
  major: 12,
  vendorFolder: join(laravelFolder, "vendor"),
  php: "php",
};
/** With an older SDK of Pusher's below it. */
export const laravel11: LaravelRelease = {
  major: 11,
  vendorFolder: join(laravelFolder, "older/vendor"),
  php: "php",
};
/** Needs PHP 8.3: `test/setup` makes the command where the machine's own is older. */
export const laravel13: LaravelRelease = {
  major: 13,
  vendorFolder: join(laravelFolder, "newer/vendor"),
  php: join(laravelFolder, "newer/php"),
};
export const laravelReleases: readonly LaravelRelease[] = [laravel11, laravel12, laravel13];

/** The app's `.env`: the REVERB_* block is the one that the sidecar is given too. */
export function laravelEnv(): Readonly<Record<string, string>> {
  const entries = Object.entries(parseEnv(readFileSync(join(laravelFolder, ".env"), "utf8")));
  return Object.fromEntries(
    entries.flatMap(([name, value]) => (value === undefined ? [] : [[name, value]])),
  );
}

/** The app once more, without its packages, for a test that changes it; gone at the end of it. */
export async function copyLaravel(test: Cleanup): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "laravel-app-"));
  test.after(() => rm(folder, { recursive: true, force: true }));
  const isPackages = (path: string): boolean => /\/(vendor|older|newer)$/.test(path);
  await cp(laravelFolder, folder, { recursive: true, filter: (path) => !isPackages(path) });
  return folder;
}

export async function startLaravel(options: LaravelOptions): Promise<Laravel> {
  const { sidecarPort, port = await freePort(), env = {}, release = laravel12 } = options;
  const { php, vendorFolder } = release;
  const cwd = options.folder ?? laravelFolder;
  const url = `http://127.0.0.1:${port}`;
  const folder = await mkdtemp(join(tmpdir(), "laravel-"));
  const appEnv = {
    // Four workers: a page that broadcasts waits for the sidecar, which may be asking /broadcasting/auth.
    PHP_CLI_SERVER_WORKERS: "4",
    APP_URL: `http://127.0.0.1:${sidecarPort}`,
    DB_DATABASE: join(folder, "database.sqlite"),
    LARAVEL_STORAGE_PATH: join(folder, "storage"),
    REVERB_HOST: "127.0.0.1",
    REVERB_PORT: String(sidecarPort),
    COMPOSER_VENDOR_DIR: vendorFolder,
    // What Laravel has found in these packages, not in those of another release.
    APP_PACKAGES_CACHE: join(folder, "packages.php"),
    APP_SERVICES_CACHE: join(folder, "services.php"),
    ...env,
  };
  const artisan: Laravel["artisan"] = async (...args) => {
    const command = startChild(php, ["artisan", ...args], { cwd, env: appEnv });
    const { code } = await command.exited;
    const written = command.lines.join("\n");
    if (code === 0) return written;
    throw new Error(`php artisan ${args.join(" ")} failed:\n${written}`);
  };
  for (const part of ["cache/data", "sessions", "views"]) {
    await mkdir(join(appEnv.LARAVEL_STORAGE_PATH, "framework", part), { recursive: true });
  }
  await writeFile(appEnv.DB_DATABASE, "");
  await artisan("migrate", "--seed", "--force");

  const artisanServe = () =>
    startChild(
      php,
      // Without --no-reload the number of workers is ignored.
      ["artisan", "serve", "--no-reload", "--host=127.0.0.1", `--port=${port}`],
      { cwd, env: appEnv },
    );
  const serve = (): Child => options.serve?.({ folder: cwd, port, env: appEnv }) ?? artisanServe();
  let child = serve();
  const untilUp = () => waitUntilUp(child, async () => (await fetch(`${url}/up`)).ok);
  const stop = async (): Promise<void> => {
    await child.stop();
    await rm(folder, { recursive: true, force: true });
  };
  const restart: Laravel["restart"] = async (meanwhile) => {
    await child.stop();
    await meanwhile();
    child = serve();
    await untilUp();
  };
  try {
    await untilUp();
  } catch (error) {
    await stop();
    throw error;
  }
  return { port, url, lines: child.lines, artisan, restart, stop };
}
