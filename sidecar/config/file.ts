/** Reads the config file: one JSON object, `{ "port": 8080, "allowed_origins": ["example.com"] }`. */

import { quote, type ConfigError } from "./errors.ts";
import { allOptions } from "./options.ts";
import { explainUnknown } from "./suggest.ts";

/** Gives a file's text, or throws as `fs.readFileSync` does. */
export type ReadFile = (path: string) => string;

const knownKeys = allOptions.flatMap(({ key, secret }) => (secret ? [key, `${key}_file`] : [key]));

/** @returns texts by key; a list is joined with commas, null is not set */
export function readConfigFile(
  path: string,
  readFile: ReadFile,
): { readonly texts: ReadonlyMap<string, string>; readonly errors: readonly ConfigError[] } {
  const texts = new Map<string, string>();
  const parsed = readObject(path, readFile);
  if (!parsed.ok) {
    return { texts, errors: [{ kind: "file", name: quote(path), message: parsed.message }] };
  }
  const errors: ConfigError[] = [];
  for (const [key, value] of Object.entries(parsed.value)) {
    const name = `${key} in ${path}`;
    const text = toText(value);
    if (!knownKeys.includes(key)) {
      const message = explainUnknown(key.toLowerCase(), knownKeys, (known) => known);
      errors.push({ kind: "unknown", name, message });
    } else if (text === undefined) {
      const message = "a text, a number, true, false or a list of texts goes here.";
      errors.push({ kind: "invalid", name, message });
    } else if (text !== null) {
      texts.set(key, text);
    }
  }
  return { texts, errors };
}

/** The text of a file, or why there is none; a problem never quotes what is in the file. */
export function readText(
  path: string,
  readFile: ReadFile,
): { readonly ok: true; readonly text: string } | { readonly ok: false; readonly message: string } {
  try {
    return { ok: true, text: readFile(path) };
  } catch (error) {
    const code = error instanceof Error && "code" in error ? String(error.code) : "unknown error";
    return { ok: false, message: `it can't be read: ${readFaults.get(code) ?? code}.` };
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
    const isObject = typeof value === "object" && value !== null && !Array.isArray(value);
    if (isObject) return { ok: true, value };
    return { ok: false, message: 'it must hold one JSON object, as in {"port": 8080}.' };
  } catch (error) {
    // V8's message quotes the text around the fault, which may be a secret; only its place is told.
    const place = /\(line \d+ column \d+\)/.exec(error instanceof Error ? error.message : "")?.[0];
    return { ok: false, message: `it is not JSON${place === undefined ? "" : ` ${place}`}.` };
  }
}

/** Null: not set. Undefined: no value of an option. */
function toText(value: unknown): string | null | undefined {
  if (value === null) return null;
  if (typeof value === "string") return value;
  if (typeof value === "number" || typeof value === "boolean") return String(value);
  const isList = Array.isArray(value) && value.every((item) => typeof item === "string");
  return isList ? value.join(",") : undefined;
}
