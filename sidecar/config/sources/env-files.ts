/** `.env` files, which rank below the environment: those of `--env-file`, or the one in the working directory. */

import { quote, type ConfigError, type ConfigWarning } from "../errors.ts";
import { table } from "../table/table.ts";
import { parseDotenv, resolveDotenv, type DotenvEntry } from "./dotenv.ts";
import { readText, type ReadFile } from "./file.ts";

/** Variables by name. */
export type Environment = Readonly<Record<string, string | undefined>>;

export interface LayeredEnvironment {
  /** The process's own variables, and under them what the files have. */
  readonly env: Environment;
  /** By name, of what is not the process's own: the file that it stands in. */
  readonly origins: ReadonlyMap<string, string>;
  /** The files that were read, in their order; the last wins. */
  readonly files: readonly string[];
  readonly errors: readonly ConfigError[];
  readonly warnings: readonly ConfigWarning[];
}

/** Which files are wanted: those named, else the usual one if it has the app's credentials. */
export interface WantedFiles {
  readonly named: readonly string[];
  /** Null: none is looked for. */
  readonly usual: string | null;
}

export function layerEnvironment(
  env: Environment,
  { named, usual }: WantedFiles,
  readFile: ReadFile,
): LayeredEnvironment {
  const errors: ConfigError[] = [];
  const warnings: ConfigWarning[] = [];
  let texts: ReadonlyMap<string, string> = new Map();
  const origins = new Map<string, string>();
  const files: string[] = [];

  function add(path: string, entries: readonly DotenvEntry[]): void {
    files.push(path);
    texts = resolveDotenv(entries, (name) => env[name], texts);
    for (const { name } of entries) if (env[name] === undefined) origins.set(name, path);
  }

  for (const path of named) {
    const read = readText(path, readFile);
    const name = quote(path);
    if (!read.ok) errors.push({ kind: "file", name, message: read.message });
    else errors.push(...take(path, read.text));
  }

  function take(path: string, text: string): readonly ConfigError[] {
    const parsed = parseDotenv(text);
    if (parsed.ok) {
      add(path, parsed.entries);
      return [];
    }
    const message = `Laravel's loader can't read it either: ${parsed.fault}.`;
    return [{ kind: "file", name: `${path} line ${parsed.line}`, message }];
  }

  for (const path of named.length > 0 || usual === null ? [] : usualNames(usual, env)) {
    const read = readText(path, readFile);
    if (!read.ok && read.isMissing) continue;
    if (!read.ok) warnings.push({ kind: "file", name: quote(path), message: read.message });
    // Whose `.env` it is, is known by the app's credentials; what else lies in a directory is not read.
    else if (hasCredentials(read.text)) errors.push(...take(path, read.text));
    break;
  }
  return {
    env: { ...Object.fromEntries(texts), ...withoutUndefined(env) },
    origins,
    files,
    errors,
    warnings,
  };
}

/** A name as messages have it: `REVERB_APP_KEY in .env`. */
export function inEnvFile(name: string, origins: LayeredEnvironment["origins"]): string {
  const file = origins.get(name);
  return file === undefined ? name : `${name} in ${file}`;
}

/** Laravel reads `.env.production` in place of `.env` where the process has `APP_ENV=production`. */
function usualNames(usual: string, { APP_ENV: name }: Environment): readonly string[] {
  return name === undefined || !/^[\w-]+$/.test(name) ? [usual] : [`${usual}.${name}`, usual];
}

const credentials = [table.app.id, table.app.key, table.app.secret].flatMap((row) => [
  row.env,
  row.laravel ?? row.env,
]);

function hasCredentials(text: string): boolean {
  return credentials.some((name) => new RegExp(`^\\s*(export\\s+)?${name}\\s*=`, "m").test(text));
}

function withoutUndefined(env: Environment): Environment {
  return Object.fromEntries(Object.entries(env).filter(([, text]) => text !== undefined));
}
