// Starts the Laravel test app the way a developer does, on a free port and with a database of its own.
import { readFileSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseEnv } from "node:util";
import { startChild, waitUntilUp } from "./child.ts";
import { freePort } from "./ports.ts";

export interface Laravel {
  readonly port: number;
  /** `http://127.0.0.1:port` */
  readonly url: string;
  /** One line per request, and what Laravel logged. */
  readonly lines: readonly string[];
  stop(): Promise<void>;
}

export interface LaravelOptions {
  /** Where the app publishes its events to, and where its page finds the WebSocket. */
  readonly sidecarPort: number;
  /** More of the environment, over the app's `.env`. */
  readonly env?: Readonly<Record<string, string>>;
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

/** The app's `.env`: the REVERB_* block is the one that the sidecar is given too. */
export function laravelEnv(): Readonly<Record<string, string>> {
  const entries = Object.entries(parseEnv(readFileSync(join(laravelFolder, ".env"), "utf8")));
  return Object.fromEntries(
    entries.flatMap(([name, value]) => (value === undefined ? [] : [[name, value]])),
  );
}

export async function startLaravel({ sidecarPort, env = {} }: LaravelOptions): Promise<Laravel> {
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  const folder = await mkdtemp(join(tmpdir(), "laravel-"));
  const appEnv = {
    // Four workers: a page that broadcasts waits for the sidecar, which may be asking /broadcasting/auth.
    PHP_CLI_SERVER_WORKERS: "4",
    APP_URL: `http://127.0.0.1:${sidecarPort}`,
    DB_DATABASE: join(folder, "database.sqlite"),
    REVERB_HOST: "127.0.0.1",
    REVERB_PORT: String(sidecarPort),
    ...env,
  };
  await writeFile(appEnv.DB_DATABASE, "");
  const migration = startChild("php", ["artisan", "migrate", "--seed", "--force"], {
    cwd: laravelFolder,
    env: appEnv,
  });
  if ((await migration.exited).code !== 0) {
    throw new Error(`the app's database could not be made:\n${migration.lines.join("\n")}`);
  }
  const child = startChild(
    "php",
    // Without --no-reload the number of workers is ignored.
    ["artisan", "serve", "--no-reload", "--host=127.0.0.1", `--port=${port}`],
    { cwd: laravelFolder, env: appEnv },
  );
  const stop = async (): Promise<void> => {
    await child.stop();
    await rm(folder, { recursive: true, force: true });
  };
  try {
    await waitUntilUp(child, async () => (await fetch(`${url}/up`)).ok);
  } catch (error) {
    await stop();
    throw error;
  }
  return { port, url, lines: child.lines, stop };
}
