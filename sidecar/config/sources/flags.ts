/** Reads the command line: flags by the key of their option. */

import { parseArgs } from "node:util";
import type { ConfigError } from "../errors.ts";
import { allOptions } from "../table/table.ts";
import { boolean } from "../parsers/parser.ts";
import { explainUnknown } from "./suggest.ts";

/** All there are: those that say what is read, those of the options, and `--…-file` for secrets. */
const flagTypes: Readonly<Record<string, { type: "string" | "boolean" }>> = {
  config: { type: "string" },
  "env-file": { type: "string" },
  "no-env-file": { type: "boolean" },
  ...Object.fromEntries(
    allOptions.flatMap(({ flag, parser, secret }) => {
      const name = flag.slice(2);
      const row = [name, { type: parser === boolean ? "boolean" : "string" }] as const;
      return secret ? [row, [`${name}-file`, { type: "string" }] as const] : [row];
    }),
  ),
};

const knownKeys = Object.keys(flagTypes).map(toKey);

interface Flag {
  readonly name: string;
  /** As it was typed: `--port`. */
  readonly rawName: string;
  readonly value?: string | undefined;
}

function typeOf(flagName: string): "string" | "boolean" | undefined {
  return Object.hasOwn(flagTypes, flagName) ? flagTypes[flagName]?.type : undefined;
}

/**
 * @param argv what follows the command
 * @param ownFlags flags of the command itself, taken out of `argv` already: a misspelt one may have meant them
 * @returns texts by key (`app_key`); a switch without a value is `true`
 */
export function readFlags(
  argv: readonly string[],
  ownFlags: readonly string[] = [],
): {
  readonly texts: ReadonlyMap<string, string>;
  /** Of `--env-file`, which alone may be given again. */
  readonly envFiles: readonly string[];
  readonly errors: readonly ConfigError[];
} {
  const texts = new Map<string, string>();
  const envFiles: string[] = [];
  const errors: ConfigError[] = [];
  const { tokens } = parseArgs({
    args: [...argv],
    options: flagTypes,
    strict: false,
    allowPositionals: true,
    tokens: true,
  });
  /** Null: it is one, and has been taken. */
  function take({ name, rawName, value }: Flag): ConfigError | null {
    const key = toKey(name);
    const type = typeOf(name);
    if (type === undefined) {
      const message = explainUnknown(key, [...ownFlags, ...knownKeys], toFlag);
      return { kind: "unknown", name: rawName, message };
    }
    if (key === "env_file" && value !== undefined) {
      envFiles.push(value);
      return null;
    }
    if (texts.has(key)) return { kind: "conflict", name: rawName, message: "it is given twice." };
    if (value === undefined && type === "string") {
      return { kind: "invalid", name: rawName, message: "it needs a value." };
    }
    texts.set(key, value ?? "true");
    return null;
  }

  const strayIndexes = new Set<number>();
  let isAfterUnknown = false;
  for (const token of tokens) {
    if (token.kind === "option-terminator") continue;
    if (token.kind === "positional") {
      // What follows an unknown flag was meant as its value, and may be a secret.
      if (!isAfterUnknown) strayIndexes.add(token.index);
      isAfterUnknown = false;
      continue;
    }
    // `-abc` is three short flags to the parser, of which there are none.
    if (!token.rawName.startsWith("--")) {
      strayIndexes.add(token.index);
      continue;
    }
    isAfterUnknown = typeOf(token.name) === undefined;
    const error = take(token);
    if (error) errors.push(error);
  }
  errors.push(...[...strayIndexes].map(stray));
  if (envFiles.length > 0 && texts.has("no_env_file")) {
    const message = "--env-file names one. Leave out one of the two.";
    errors.push({ kind: "conflict", name: "--no-env-file", message });
  }
  return { texts, envFiles, errors };
}

/** What of a command line is no flag that there is. */
export function findUnknownFlags(
  argv: readonly string[],
  ownFlags: readonly string[] = [],
): readonly ConfigError[] {
  return readFlags(argv, ownFlags).errors.filter(({ kind }) => kind === "unknown");
}

/** Not shown: `--app-secret= S3CR3T` has a secret there. */
function stray(index: number): ConfigError {
  const message =
    "it is no flag: these start with --, and a command comes before them. Its text is not shown, as it may be a secret.";
  return { kind: "unknown", name: `argument ${index + 1}`, message };
}

function toKey(flagName: string): string {
  return flagName.replaceAll("-", "_");
}

function toFlag(key: string): string {
  return `--${key.replaceAll("_", "-")}`;
}
