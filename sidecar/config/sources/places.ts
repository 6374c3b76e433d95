/** The places where an option can be set, and what counts as set in each. */

import type { AppEntry } from "./app-entry.ts";
import { readEnvironment } from "./environment.ts";
import type { ConfigError, ConfigWarning } from "../errors.ts";
import { readConfigFile, type ConfigFile, type ReadFile } from "./file.ts";
import { inEnvFile, layerEnvironment, type Environment } from "./env-files.ts";
import { readFlags } from "./flags.ts";
import type { Option } from "../table/option.ts";

export interface ConfigInput {
  /** Flags: what follows the command. */
  readonly argv: readonly string[];
  /** Names of flags that are the command's own, without dashes: what a misspelt one may have meant. */
  readonly ownFlags?: readonly string[];
  readonly env: Environment;
  readonly readFile: ReadFile;
  /** The `.env` that is read where it has the app's credentials and no flag says otherwise; left out: none. */
  readonly envFile?: string;
}

/** All that was given, read and not yet understood. */
export interface Sources {
  readonly flags: ReadonlyMap<string, string>;
  readonly environment: ReadonlyMap<string, string>;
  /** Of names that are not the process's own: the `.env` that they stand in. */
  readonly origins: ReadonlyMap<string, string>;
  /** The `.env` files that were read. */
  readonly envFiles: readonly string[];
  readonly file: ConfigFile | null;
  readonly errors: readonly ConfigError[];
  readonly warnings: readonly ConfigWarning[];
}

/** A part of the config file whose values come before all others. */
export interface Entry {
  readonly app: AppEntry;
  /** Which of its webhooks; null: the app itself. */
  readonly webhook: number | null;
}

export interface Place {
  readonly texts: ReadonlyMap<string, string>;
  /** In `texts`: of the value, and of the path of a file that it may stand in instead. */
  readonly key: string;
  readonly fileKey: string;
  /** The two in messages. */
  readonly name: string;
  readonly fileName: string;
  /** `standard`: OpenTelemetry's name, which may be meant for the app alone. */
  readonly kind: "entry" | "flag" | "env" | "standard" | "laravel" | "file";
}

export function readSources({ argv, ownFlags, env, readFile, envFile }: ConfigInput): Sources {
  const flags = readFlags(argv, ownFlags);
  const usual = flags.texts.has("no_env_file") ? null : (envFile ?? null);
  const layered = layerEnvironment(env, { named: flags.envFiles, usual }, readFile);
  const environment = readEnvironment(layered.env, layered.origins);
  const path = flags.texts.get("config") ?? environment.texts.get("POGO_CONFIG")?.trim();
  const file = path ? readConfigFile(path, readFile) : null;
  return {
    flags: flags.texts,
    environment: environment.texts,
    origins: layered.origins,
    envFiles: layered.files,
    file,
    errors: [...flags.errors, ...layered.errors, ...environment.errors, ...(file?.errors ?? [])],
    warnings: [...layered.warnings, ...environment.warnings],
  };
}

/** The one that wins first. An app of several has its credentials in its entry alone. */
export function placesOf(
  option: Option<unknown>,
  sources: Sources,
  entry: Entry | null,
): readonly Place[] {
  const ofEntry = entry === null ? [] : placesInEntry(option, entry);
  return entry !== null && option.required
    ? ofEntry
    : [...ofEntry, ...placesOfNode(option, sources)];
}

/** The option's key within an entry: `ping_interval`, `webhooks[0].url`; null: it has none there. */
export function keyInEntry({ perApp }: Option<unknown>, { webhook }: Entry): string | null {
  if (perApp === undefined) return null;
  return webhook === null ? perApp : perApp.replace("[]", `[${webhook}]`);
}

function placesInEntry(option: Option<unknown>, entry: Entry): readonly Place[] {
  const key = keyInEntry(option, entry);
  if (key === null) return [];
  const { texts, nameOf } = entry.app;
  const fileKey = `${key}_file`;
  return [{ texts, key, fileKey, name: nameOf(key), fileName: nameOf(fileKey), kind: "entry" }];
}

function placesOfNode(
  { key, flag, env, original, standard, laravel }: Option<unknown>,
  { flags, environment, origins, file }: Sources,
): readonly Place[] {
  const fileKey = `${key}_file`;
  const inEnvironment = (name: string, kind: "env" | "standard" | "laravel"): Place => {
    const fileKey = `${name}_FILE`;
    return {
      texts: environment,
      key: name,
      fileKey,
      name: inEnvFile(name, origins),
      fileName: inEnvFile(fileKey, origins),
      kind,
    };
  };
  const places: Place[] = [
    { texts: flags, key, fileKey, name: flag, fileName: `${flag}-file`, kind: "flag" },
    inEnvironment(env, "env"),
  ];
  if (original) places.push(inEnvironment(original, "env"));
  if (standard) places.push(inEnvironment(standard, "standard"));
  const isLast = laravel?.startsWith("REDIS_");
  if (laravel && !isLast) places.push(inEnvironment(laravel, "laravel"));
  if (file) {
    const [name, fileName] = [`${key} in ${file.path}`, `${fileKey} in ${file.path}`];
    places.push({ texts: file.texts, key, fileKey, name, fileName, kind: "file" });
  }
  if (laravel && isLast) places.push(inEnvironment(laravel, "laravel"));
  return places;
}

/** What stands at a place, and the path of the file that it may stand in instead; undefined: not set. */
export function textsAt(
  { texts, key, fileKey, kind }: Place,
  option: Option<unknown>,
): { readonly direct: string | undefined; readonly path: string | undefined } {
  return {
    direct: meaningOf(texts.get(key), kind, option),
    path: option.secret && meaningOf(texts.get(fileKey), kind, option),
  };
}

/** Undefined if a text counts as not set. */
function meaningOf(
  text: string | undefined,
  kind: Place["kind"],
  option: Option<unknown>,
): string | undefined {
  if (text === undefined) return undefined;
  // A secret's white space is kept, to be refused: whoever made the signature did not leave it out.
  const trimmed = option.secret && text.trim() !== "" ? text : text.trim();
  const isOfApp = kind === "laravel" || kind === "standard";
  const isNothing = trimmed === "" || (isOfApp && laravelNothing.has(trimmed.toLowerCase()));
  if (!isNothing) return trimmed;
  // Flags and files are written by hand: nothing in its place is a mistake (`--port=$PROT`, `"allowed_origins": []`).
  const isFromEnvironment = kind === "env" || isOfApp;
  return isFromEnvironment && option.whenEmpty === undefined ? undefined : "";
}

/** What Laravel's `env()` takes for null or for an empty text. */
const laravelNothing: ReadonlySet<string> = new Set(["null", "(null)", "empty", "(empty)"]);
