/** Makes the configuration of flags, environment and config file, or says all that is wrong with them. */

import { assemble, readAdmin } from "./assemble.ts";
import { findConflicts } from "./conflicts.ts";
import type { ConfigError } from "./errors.ts";
import type { ConfigInput } from "./places.ts";
import { createReader, type Setting } from "./reader.ts";
import type { Config } from "./shape.ts";

export type Loaded =
  | {
      readonly ok: true;
      readonly config: Config;
      /** Every option, its value as text and where it came from. */
      readonly settings: readonly Setting[];
    }
  | { readonly ok: false; readonly errors: readonly ConfigError[] };

/**
 * Flags win over environment, environment over config file, file over defaults; in the environment, our name over
 * the original's over Laravel's. Never throws: a file that can't be read is an error among the others.
 */
export function loadConfig(input: ConfigInput): Loaded {
  const reader = createReader(input);
  const config = assemble(reader);
  const errors = withoutRepeats([...reader.errors, ...findConflicts(config, reader)]);
  return errors.length === 0
    ? { ok: true, config, settings: reader.settings() }
    : { ok: false, errors };
}

/** The admin address alone, whatever else is wrong: what `healthcheck` needs. */
export function loadAdmin(
  input: ConfigInput,
):
  | { readonly ok: true; readonly admin: Config["admin"] }
  | { readonly ok: false; readonly errors: readonly ConfigError[] } {
  const reader = createReader(input);
  const admin = readAdmin(reader);
  const ours: ReadonlySet<string> = new Set(["invalid", "conflict", "file"]);
  const errors = reader.errors.filter(({ kind }) => ours.has(kind));
  return errors.length === 0 ? { ok: true, admin } : { ok: false, errors };
}

/** Several apps may have found the same wrong value. */
function withoutRepeats(errors: readonly ConfigError[]): readonly ConfigError[] {
  return [...new Map(errors.map((error) => [`${error.name}: ${error.message}`, error])).values()];
}
