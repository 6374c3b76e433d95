/**
 * Reads `apps` in the config file: entries with the keys that apps have in Laravel's `config/reverb.php`, and some
 * more.
 */

import type { ConfigError } from "../errors.ts";
import { isObject } from "../../core/json.ts";
import { toText, whatTextIs } from "./json-values.ts";
import { canBeNone, type Option } from "../table/option.ts";
import { allOptions, perAppOptions } from "../table/table.ts";
import { explainUnknown } from "./suggest.ts";

/** One of the apps, as it was written. */
export interface AppEntry {
  /** `apps[1]`. */
  readonly name: string;
  /** By place within the entry: `ping_interval`, `rate_limiting.enabled`, `webhooks[0].url`. */
  readonly texts: ReadonlyMap<string, string>;
  /** Null: it has none of its own, those of the node are its. */
  readonly webhookCount: number | null;
  /** What a place in it is called in messages: `apps[1].ping_interval in /etc/pogo.json`. */
  readonly nameOf: (place: string) => string;
}

export function readApps(
  value: unknown,
  path: string,
): { readonly apps: readonly AppEntry[]; readonly errors: readonly ConfigError[] } {
  const errors: ConfigError[] = [];
  if (!Array.isArray(value) || value.length === 0) {
    const message =
      'a list of at least one app goes here: [{"app_id": "1", "key": "…", "secret": "…"}].';
    return { apps: [], errors: [{ kind: "invalid", name: `apps in ${path}`, message }] };
  }
  const entries: readonly unknown[] = value;
  const apps = entries.map((entry, index) => readEntry(entry, `apps[${index}]`, path, errors));
  return { apps, errors };
}

/** What may stand at one level of an entry, by key. */
type Level = ReadonlyMap<string, Option<unknown>>;

const levels: Readonly<Record<"app" | "rateLimiting" | "webhook", Level>> = {
  app: levelBelow(""),
  rateLimiting: levelBelow("rate_limiting."),
  webhook: levelBelow("webhooks[]."),
};

function readEntry(value: unknown, name: string, path: string, errors: ConfigError[]): AppEntry {
  const texts = new Map<string, string>();
  const nameOf = (place: string): string => `${name}.${place} in ${path}`;
  let webhookCount: number | null = null;

  const branches: ReadonlyMap<string, (value: unknown) => void> = new Map([
    ["rate_limiting", (inner) => readLevel(inner, "rate_limiting", levels.rateLimiting)],
    ["webhooks", readWebhooks],
    // Where Laravel and browsers find the server; this one has an address of its own.
    ["options", () => undefined],
  ]);

  function readWebhooks(list: unknown): void {
    const entries: readonly unknown[] | null = Array.isArray(list) ? list : null;
    webhookCount = entries?.length ?? 0;
    if (!entries) invalid("webhooks", 'a list goes here: [{"url": "https://…"}].');
    for (const [index, entry] of (entries ?? []).entries()) {
      readLevel(entry, `webhooks[${index}]`, levels.webhook);
    }
  }

  function readLevel(object: unknown, place: string, level: Level, inner?: typeof branches): void {
    if (!isObject(object)) return invalid(place, "an object goes here, as in {…}.");
    for (const [key, item] of Object.entries(object)) {
      const at = place === "" ? key : `${place}.${key}`;
      const [option, branch] = [level.get(key), inner?.get(key)];
      if (option) readValue(option, at, item);
      else if (branch && item !== null) branch(item);
      else if (!branch) unknown(at, explain(key, level));
    }
  }

  function readValue(option: Option<unknown>, at: string, item: unknown): void {
    // Laravel's null is no limit, where there can be none; elsewhere it is as if left out.
    const text = item === null && canBeNone(option) ? "none" : toText(item);
    if (text === undefined) invalid(at, whatTextIs);
    else if (text !== null) texts.set(at, text);
  }

  function unknown(place: string, message: string): void {
    errors.push({ kind: "unknown", name: nameOf(place), message });
  }

  function invalid(place: string, message: string): void {
    const where = place === "" ? `${name} in ${path}` : nameOf(place);
    errors.push({ kind: "invalid", name: where, message });
  }

  readLevel(value, "", levels.app, branches);
  return { name, texts, webhookCount, nameOf };
}

function levelBelow(prefix: string): Level {
  const rows = perAppOptions.flatMap((option): (readonly [string, Option<unknown>])[] => {
    const key = option.perApp.startsWith(prefix) ? option.perApp.slice(prefix.length) : "";
    if (!/^\w+$/.test(key)) return [];
    return option.secret
      ? [
          [key, option],
          [`${key}_file`, option],
        ]
      : [[key, option]];
  });
  return new Map(rows);
}

function explain(key: string, level: Level): string {
  const name = key.toLowerCase();
  const renamed = perAppOptions.find((option) => option.key === name);
  if (renamed) return `in an app it is ${renamed.perApp}.`;
  if (allOptions.some((option) => option.key === name)) {
    return "it holds for all apps together; it goes beside apps, not into one of them.";
  }
  const known =
    level === levels.app ? [...level.keys(), "rate_limiting", "webhooks"] : [...level.keys()];
  return explainUnknown(
    name,
    known,
    (other) => other,
    "docs/configuration.md has what an app may have.",
  );
}
