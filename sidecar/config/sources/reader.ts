/** Finds the value of one option: an app's entry before flags before environment before file before its default. */

import { quote, type ConfigError, type ConfigWarning } from "../errors.ts";
import { readText } from "./file.ts";
import { parseFound, type Found } from "./parse-found.ts";
import { allOptions } from "../table/table.ts";
import type { Option } from "../table/option.ts";
import type { Parser } from "../parsers/parser.ts";
import {
  keyInEntry,
  placesOf,
  readSources,
  textsAt,
  type ConfigInput,
  type Entry,
  type Place,
} from "./places.ts";

/** The value of one option as it is shown, and where it was found: a flag, a name, `port in FILE`, `default`. */
export interface Setting {
  readonly option: Option<unknown>;
  /** In the config file: `port`, or `ping_interval` and `webhooks[0].url` within an app. */
  readonly key: string;
  /** Masked if secret. */
  readonly text: string;
  readonly source: string;
  /** `apps[1]`: the value is that app's; null: it holds for the node, or for its only app. */
  readonly app: string | null;
}

/** Whose values are read: the node's, those of one of its apps, or of one webhook of an app. */
export interface Scope {
  /** The option's value; where it can't be had, that is an error and the fallback stands in for it. */
  readonly read: <T>(option: Option<T>, how?: Reading<T>) => T;
  /** What is in the file that an option names; null: it names none, or the file can't be had, which is an error. */
  readonly readFileAt: <T>(option: Option<string>, content: Parser<T>) => T | null;
  /** Whether the option was given but could not be had, or is missing. */
  readonly hasFailed: (option: Option<unknown>) => boolean;
  /** Where to change it: `POGO_PORT`, `apps[1].ping_interval in /etc/pogo.json`. */
  readonly nameOf: (option: Option<unknown>) => string;
}

export interface Reading<T> {
  /** `pogo`: Laravel's name for it is left out. */
  readonly from?: "any" | "pogo";
  /** In place of the option's own. */
  readonly fallback?: T;
}

export interface AppScope extends Scope {
  /** One for each entry of its `webhooks`; where it has no `webhooks`, the app's own scope. */
  readonly webhooks: readonly Scope[];
  readonly hasOwnWebhooks: boolean;
}

export interface Reader extends Scope {
  /** One for each app: the entries of `apps` in the config file, or the node itself with its only app. */
  readonly apps: readonly AppScope[];
  /** The file that has `apps`; null: there is one app, that of the options. */
  readonly appsFile: string | null;
  /** Under which names an option is given outside of entries, Laravel's left out. */
  readonly namesGiven: (option: Option<unknown>) => readonly string[];
  /** A text in the environment that is no option; undefined if not set. */
  readonly readForeign: (name: string) => string | undefined;
  /** Of all that has been read: the node's in the order of the table, then each app's. */
  readonly settings: () => readonly Setting[];
  /** Two apps that read the same wrong value have an error each. */
  readonly errors: readonly ConfigError[];
  readonly warnings: readonly ConfigWarning[];
  /** The `.env` files that were read. */
  readonly envFiles: readonly string[];
}

export function createReader(input: ConfigInput): Reader {
  const sources = readSources(input);
  const { file } = sources;
  const errors: ConfigError[] = [...sources.errors];
  const warnings: ConfigWarning[] = [...sources.warnings];
  // What seems to be missing may well be in there.
  const isFileLost = file?.errors.some(({ kind }) => kind === "file") ?? false;
  const settings: Map<Option<unknown>, Setting>[] = [];

  function createScope(entry: Entry | null): Scope {
    const found = new Map<Option<unknown>, Setting>();
    settings.push(found);
    const failed = new Set<Option<unknown>>();

    const nameOf = (option: Option<unknown>): string => {
      const key = entry === null ? null : keyInEntry(option, entry);
      return entry === null || key === null || key.includes("[]")
        ? option.env
        : entry.app.nameOf(key);
    };

    function read<T>(option: Option<T>, { from = "any", fallback }: Reading<T> = {}): T {
      const places = placesOf(option, sources, entry).filter(
        ({ kind }) => from === "any" || kind !== "laravel",
      );
      const errorsBefore = errors.length;
      const place = find(option, places);
      const value = place ? parse(option, place) : undefined;
      const hasSaidWhy = isFileLost || errors.length > errorsBefore;
      if (value === undefined && option.required && !hasSaidWhy) {
        const message = entry === null ? missing(option) : "it is not set; every app has its own.";
        errors.push({ kind: "missing", name: nameOf(option), message });
      }
      if (errors.length > errorsBefore) failed.add(option);
      const used =
        value === undefined ? (fallback === undefined ? fallbackOf(option) : fallback) : value;
      found.set(option, {
        option,
        key: (entry && keyInEntry(option, entry)) ?? option.key,
        text: option.secret ? "(hidden)" : option.parser.show(used),
        source: (value === undefined ? undefined : place?.source) ?? sourceOfDefault(option),
        app: entry?.app.name ?? null,
      });
      return used;
    }

    function fallbackOf<T>({ fallback, fallbackFrom }: Option<T>): T {
      return fallbackFrom ? fallbackFrom((other) => read(other)) : fallback;
    }

    function readFileAt<T>(option: Option<string>, content: Parser<T>): T | null {
      const path = read(option);
      const name = found.get(option)?.source ?? option.env;
      const file = path === "" ? null : findInFile(path, name);
      const parsed = file && content.parse(file.text);
      if (parsed?.ok) return parsed.value;
      if (path !== "") failed.add(option);
      if (parsed) {
        const message = `${quote(path)} is not ${content.allowed}.`;
        errors.push({ kind: "file", name, message });
      }
      return null;
    }

    return { read, readFileAt, nameOf, hasFailed: (option) => failed.has(option) };
  }

  /** Null: not set, or not to be had, which is an error then. */
  function find(option: Option<unknown>, places: readonly Place[]): Found | null {
    for (const place of places) {
      const { name, fileName, kind } = place;
      const { direct, path } = textsAt(place, option);
      if (direct !== undefined && path) {
        const message = "it is given twice, as a value and as a file; leave one of them out.";
        errors.push({ kind: "conflict", name, message });
        return null;
      }
      if (direct !== undefined) return { text: direct, source: name, kind };
      if (path) return findInFile(path, fileName);
    }
    return null;
  }

  function findInFile(path: string, name: string): Found | null {
    const read = readText(path, input.readFile);
    const text = read.ok ? read.text.replace(/\r?\n$/, "") : "";
    if (read.ok && text !== "") return { text, source: `${name} (${path})`, kind: "file" };
    const message = `${quote(path)}: ${read.ok ? "the file is empty." : read.message}`;
    errors.push({ kind: "file", name, message });
    return null;
  }

  /** Undefined: the text is no value, which is an error then. */
  function parse<T>(option: Option<T>, found: Found): T | undefined {
    const parsed = parseFound(option, found, sources.environment);
    if (parsed.ok) return parsed.value;
    const { source: name, kind } = found;
    const { message } = parsed;
    if (kind !== "standard") errors.push({ kind: "invalid", name, message });
    else warnings.push({ name, message: `${message} ${leftOut(option)}` });
    return undefined;
  }

  function namesGiven(option: Option<unknown>): readonly string[] {
    return placesOf(option, sources, null).flatMap((place) => {
      if (place.kind === "laravel") return [];
      const { direct, path } = textsAt(place, option);
      if (direct !== undefined) return [place.name];
      return path === undefined ? [] : [place.fileName];
    });
  }

  const node = createScope(null);
  const apps = file?.apps?.map((app): AppScope => {
    const scope = createScope({ app, webhook: null });
    if (app.webhookCount === null) return { ...scope, webhooks: [scope], hasOwnWebhooks: false };
    const webhooks = Array.from({ length: app.webhookCount }, (_, webhook) =>
      createScope({ app, webhook }),
    );
    return { ...scope, webhooks, hasOwnWebhooks: true };
  });

  return {
    ...node,
    apps: apps ?? [{ ...node, webhooks: [node], hasOwnWebhooks: false }],
    appsFile: apps && file ? file.path : null,
    namesGiven,
    readForeign: (name) => sources.environment.get(name),
    settings: () =>
      settings.flatMap((found) => allOptions.flatMap((option) => found.get(option) ?? [])),
    errors,
    warnings,
    envFiles: sources.envFiles,
  };
}

/** Of a name that the app reads too: what is wrong for the sidecar may be right for the app. */
function leftOut({ env }: Option<unknown>): string {
  return `It is left out, for it may be meant for the app alone; ${env} is for the sidecar alone.`;
}

function sourceOfDefault({ fallbackText }: Option<unknown>): string {
  return fallbackText === undefined ? "default" : `default: ${fallbackText}`;
}

function missing({ env, flag, key, laravel, secret }: Option<unknown>): string {
  const own = secret ? `${env}, ${env}_FILE` : env;
  const names = laravel === undefined ? own : `${own} or Laravel's ${laravel}`;
  const byFlag = secret ? `${flag}-file` : flag;
  return `it is not set. Give it as ${names}, with ${byFlag}, or as ${key} in a config file.`;
}
