/**
 * Reads the config file: one JSON object, `{ "port": 8080, "allowed_origins": ["example.com"] }`, with or without
 * `apps`.
 */

import { readApps, type AppEntry } from "./app-entry.ts";
import { quote, type ConfigError } from "../errors.ts";
import { isObject } from "../../core/json.ts";
import { toText, whatTextIs } from "./json-values.ts";
import { allOptions, perAppOptions } from "../table/table.ts";
import { explainUnknown } from "./suggest.ts";
import { errorCode } from "../../http/error-code.ts";

/** Gives a file's text, or throws as `fs.readFileSync` does. */
export type ReadFile = (path: string) => string;

export interface ConfigFile {
  readonly path: string;
  /** By key; a list is joined with commas, null is not set. */
  readonly texts: ReadonlyMap<string, string>;
  /** Null: the file names none, the one app is that of the options. */
  readonly apps: readonly AppEntry[] | null;
  readonly errors: readonly ConfigError[];
}

const optionKeys = allOptions.flatMap(({ key, secret }) => (secret ? [key, `${key}_file`] : [key]));
const knownKeys = [...optionKeys, "apps"];

export function readConfigFile(path: string, readFile: ReadFile): ConfigFile {
  const texts = new Map<string, string>();
  const parsed = readObject(path, readFile);
  if (!parsed.ok) {
    const error: ConfigError = { kind: "file", name: quote(path), message: parsed.message };
    return { path, texts, apps: null, errors: [error] };
  }
  const errors: ConfigError[] = [];
  let apps: readonly AppEntry[] | null = null;
  for (const [key, value] of Object.entries(parsed.value)) {
    const name = `${key} in ${path}`;
    const text = toText(value);
    if (key === "apps" && value !== null) {
      const read = readApps(value, path);
      apps = read.apps;
      errors.push(...read.errors);
    } else if (!knownKeys.includes(key)) {
      errors.push({ kind: "unknown", name, message: explain(key.toLowerCase()) });
    } else if (text === undefined) {
      errors.push({ kind: "invalid", name, message: whatTextIs });
    } else if (text !== null) {
      texts.set(key, text);
    }
  }
  return { path, texts, apps, errors };
}

/** The text of a file, or why there is none; a problem never quotes what is in the file. */
export function readText(
  path: string,
  readFile: ReadFile,
):
  | { readonly ok: true; readonly text: string }
  | { readonly ok: false; readonly message: string; readonly isMissing: boolean } {
  try {
    return { ok: true, text: readFile(path) };
  } catch (error) {
    const code = errorCode(error) ?? "unknown error";
    return {
      ok: false,
      message: `it can't be read: ${readFaults.get(code) ?? code}.`,
      isMissing: code === "ENOENT",
    };
  }
}

const readFaults: ReadonlyMap<string, string> = new Map([
  ["ENOENT", "there is no such file"],
  ["EACCES", "this user may not read it"],
  ["EISDIR", "it is a directory"],
]);

function readObject(
  path: string,
  readFile: ReadFile,
):
  | { readonly ok: true; readonly value: object }
  | { readonly ok: false; readonly message: string } {
  const read = readText(path, readFile);
  if (!read.ok) return read;
  try {
    const value: unknown = JSON.parse(read.text);
    if (isObject(value)) return { ok: true, value };
    return { ok: false, message: 'it must hold one JSON object, as in {"port": 8080}.' };
  } catch (error) {
    // V8's message quotes the text around the fault, which may be a secret; only its place is given.
    const place = /\(line \d+ column \d+\)/.exec(error instanceof Error ? error.message : "")?.[0];
    return { ok: false, message: `it is not JSON${place === undefined ? "" : ` ${place}`}.` };
  }
}

function explain(key: string): string {
  const ofAnApp = perAppOptions.filter(({ perApp }) => /^\w+/.exec(perApp)?.[0] === key);
  return ofAnApp.length === 0
    ? explainUnknown(key, knownKeys, (known) => known)
    : `it goes into an app, in apps; for the one app without apps it is ${ofAnApp.map((option) => option.key).join(", ")}.`;
}
