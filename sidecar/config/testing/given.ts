/** A configuration to load, as tests give it: flags, environment and files that are no files. */

import assert from "node:assert/strict";
import { formatErrors, loadConfig, type Config, type ConfigInput } from "../../config.ts";

export interface Given {
  readonly argv?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** Texts by path. */
  readonly files?: Readonly<Record<string, string>>;
  readonly envFile?: string;
}

export const credentials = {
  REVERB_APP_ID: "1",
  REVERB_APP_KEY: "key",
  REVERB_APP_SECRET: "secret",
};

export function input({ argv = [], env = {}, files = {}, envFile }: Given): ConfigInput {
  return {
    argv,
    env,
    ...(envFile !== undefined && { envFile }),
    readFile(path: string): string {
      const text = files[path];
      if (text === undefined) throw Object.assign(new Error(path), { code: "ENOENT" });
      return text;
    },
  };
}

/** With Laravel's credentials beside what is given. */
export function load(given: Given = {}): ReturnType<typeof loadConfig> {
  return loadConfig(input({ ...given, env: { ...credentials, ...given.env } }));
}

export function configOf(given: Given = {}): Config {
  const loaded = load(given);
  assert.ok(loaded.ok, loaded.ok ? "" : formatErrors(loaded.errors));
  return loaded.config;
}

export function sourceOf(key: string, given: Given): string | undefined {
  const loaded = load(given);
  assert.ok(loaded.ok, loaded.ok ? "" : formatErrors(loaded.errors));
  return loaded.settings.find(({ option }) => option.key === key)?.source;
}

/** The errors as `name: message`. */
export function errorsOf(given: Given): readonly string[] {
  const loaded = load(given);
  assert.equal(loaded.ok, false, "it must not be taken");
  return loaded.ok ? [] : loaded.errors.map(({ name, message }) => `${name}: ${message}`);
}
