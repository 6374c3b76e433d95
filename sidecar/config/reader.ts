/** Finds the value of one option: flags before environment before file before its default. */

import { readEnvironment, type Environment } from "./environment.ts";
import { quote, withoutUrlPassword, type ConfigError } from "./errors.ts";
import { readConfigFile, readText, type ReadFile } from "./file.ts";
import { readFlags } from "./flags.ts";
import { allOptions } from "./options.ts";
import type { Option } from "./option.ts";

export interface ConfigInput {
  /** Flags: what follows the command. */
  readonly argv: readonly string[];
  readonly env: Environment;
  readonly readFile: ReadFile;
}

/** The value of one option as it is shown, and where it was found: a flag, a name, `port in FILE`, `default`. */
export interface Setting {
  readonly option: Option<unknown>;
  /** Masked if secret. */
  readonly text: string;
  readonly source: string;
}

export interface Reader {
  /** The option's value; where it can't be had, that is an error and the fallback stands in for it. */
  readonly read: <T>(option: Option<T>, fallback?: T) => T;
  /** A text in the environment that is no option of ours; undefined if not set. */
  readonly readForeign: (name: string) => string | undefined;
  /** Whether the option was given but could not be had. */
  readonly hasFailed: (option: Option<unknown>) => boolean;
  /** Of all that has been read, in the order of the table. */
  readonly settings: () => readonly Setting[];
  readonly errors: ConfigError[];
}

/** A place where an option may stand. */
interface Place {
  readonly texts: ReadonlyMap<string, string>;
  /** In `texts`. */
  readonly key: string;
  /** In messages. */
  readonly name: string;
  readonly fileSuffix: string;
  readonly kind: "flag" | "env" | "laravel" | "file";
}

interface Found {
  readonly text: string;
  readonly source: string;
  readonly kind: Place["kind"];
}

export function createReader({ argv, env, readFile }: ConfigInput): Reader {
  const flags = readFlags(argv);
  const environment = readEnvironment(env);
  const errors: ConfigError[] = [...flags.errors, ...environment.errors];
  const settings = new Map<string, Setting>();
  const failed = new Set<string>();

  const configPath = flags.texts.get("config") ?? environment.texts.get("POGO_CONFIG")?.trim();
  const file = configPath ? readConfigFile(configPath, readFile) : null;
  if (file) errors.push(...file.errors);
  // What seems to be missing may well be in there.
  const isFileLost = file?.errors.some(({ kind }) => kind === "file") ?? false;

  function placesOf({ key, flag, env, original, laravel }: Option<unknown>): readonly Place[] {
    const inEnv = { texts: environment.texts, fileSuffix: "_FILE" };
    const places: Place[] = [
      { texts: flags.texts, key, name: flag, fileSuffix: "_file", kind: "flag" },
      { ...inEnv, key: env, name: env, kind: "env" },
    ];
    if (original) places.push({ ...inEnv, key: original, name: original, kind: "env" });
    if (laravel) places.push({ ...inEnv, key: laravel, name: laravel, kind: "laravel" });
    if (file) {
      const name = `${key} in ${configPath}`;
      places.push({ texts: file.texts, key, name, fileSuffix: "_file", kind: "file" });
    }
    return places;
  }

  /** Null: not set, or not to be had, which is an error then. */
  function find(option: Option<unknown>): Found | null {
    for (const { texts, key, name, fileSuffix, kind } of placesOf(option)) {
      const direct = textAt(texts.get(key), kind, option);
      const path = option.secret && textAt(texts.get(key + fileSuffix), kind, option);
      if (direct !== undefined && path) {
        const message = "it is given twice, as a value and as a file; leave one of them out.";
        errors.push({ kind: "conflict", name, message });
        return null;
      }
      if (direct !== undefined) return { text: direct, source: name, kind };
      if (path) return findInFile(path, `${name}${kind === "flag" ? "-file" : fileSuffix}`);
    }
    return null;
  }

  function findInFile(path: string, name: string): Found | null {
    const read = readText(path, readFile);
    const text = read.ok ? read.text.replace(/\r?\n$/, "") : "";
    if (read.ok && text !== "") return { text, source: `${name} (${path})`, kind: "file" };
    const message = `${quote(path)}: ${read.ok ? "the file is empty." : read.message}`;
    errors.push({ kind: "file", name, message });
    return null;
  }

  function read<T>(option: Option<T>, fallback = option.fallback): T {
    const errorsBefore = errors.length;
    const found = find(option);
    const value = found ? parse(option, found) : undefined;
    const hasSaidWhy = isFileLost || errors.length > errorsBefore;
    if (value === undefined && option.required && !hasSaidWhy) {
      errors.push({ kind: "missing", name: option.env, message: missing(option) });
    }
    if (errors.length > errorsBefore) failed.add(option.key);
    const used = value === undefined ? fallback : value;
    const text = option.secret ? "(hidden)" : option.parser.show(used);
    settings.set(option.key, { option, text, source: found?.source ?? sourceOfDefault(option) });
    return used;
  }

  /** Undefined: the text is no value, which is an error then. */
  function parse<T>(option: Option<T>, { text, source, kind }: Found): T | undefined {
    const fail = (message: string): undefined => {
      errors.push({ kind: "invalid", name: source, message });
    };
    if (text === "") {
      return option.whenEmpty === undefined ? fail("it needs a value.") : option.whenEmpty;
    }
    if (/^(["']).*\1$/s.test(text)) {
      return fail(
        "the quotes around it are part of the value (docker's --env-file keeps them); leave them out.",
      );
    }
    const isSeconds = kind === "laravel" && option.laravelSeconds && /^\d+(\.\d+)?$/.test(text);
    const parsed = option.parser.parse(isSeconds ? `${text}s` : text);
    if (parsed.ok) return parsed.value;
    const shown = option.secret ? "its value (hidden)" : quote(text);
    const why = parsed.why === undefined ? "" : `: ${withoutUrlPassword(parsed.why)}`;
    return fail(`${shown} is not ${option.parser.allowed}${why}.`);
  }

  return {
    read,
    readForeign: (name) => environment.texts.get(name),
    hasFailed: ({ key }) => failed.has(key),
    settings: () => allOptions.flatMap(({ key }) => settings.get(key) ?? []),
    errors,
  };
}

/** What stands at a place; undefined if that counts as not set. */
function textAt(
  text: string | undefined,
  kind: Place["kind"],
  option: Option<unknown>,
): string | undefined {
  if (text === undefined) return undefined;
  // A secret's white space is kept, to be refused: whoever made the signature did not leave it out.
  const trimmed = option.secret && text.trim() !== "" ? text : text.trim();
  const isNothing =
    trimmed === "" || (kind === "laravel" && laravelNothing.has(trimmed.toLowerCase()));
  if (!isNothing) return trimmed;
  // A flag was written by hand: nothing in its place is a mistake (`--port=$PROT`).
  return kind === "flag" || option.whenEmpty !== undefined ? "" : undefined;
}

/** What Laravel's `env()` takes for null or for an empty text. */
const laravelNothing: ReadonlySet<string> = new Set(["null", "(null)", "empty", "(empty)"]);

function sourceOfDefault({ fallbackText }: Option<unknown>): string {
  return fallbackText === undefined ? "default" : `default: ${fallbackText}`;
}

function missing({ env, flag, key, laravel, secret }: Option<unknown>): string {
  const ours = secret ? `${env}, ${env}_FILE` : env;
  const names = laravel === undefined ? ours : `${ours} or Laravel's ${laravel}`;
  const byFlag = secret ? `${flag}-file` : flag;
  return `it is not set. Give it as ${names}, with ${byFlag}, or as ${key} in a config file.`;
}
