/** Builds the configuration from flags, environment and files, or lists everything that is wrong with them. */

import { findConflicts } from "./checks/node.ts";
import { findRisks } from "./checks/risks.ts";
import { derive, type Config } from "./derive.ts";
import type { ConfigError, ConfigWarning } from "./errors.ts";
import { findRedis } from "./redis.ts";
import type { ConfigInput } from "./sources/places.ts";
import { createReader, type Setting } from "./sources/reader.ts";
import { nodeTable } from "./table/table.ts";
import { readAll } from "./table/values.ts";

export type Loaded =
  | {
      readonly ok: true;
      readonly config: Config;
      /** Every option, its value as text and where it came from. */
      readonly settings: readonly Setting[];
      readonly warnings: readonly ConfigWarning[];
      /** The `.env` files that were read. */
      readonly envFiles: readonly string[];
    }
  | {
      readonly ok: false;
      readonly errors: readonly ConfigError[];
      /** Of the sources alone: what the values risk is not asked while they are wrong. */
      readonly warnings: readonly ConfigWarning[];
    };

/**
 * Flags win over environment, environment over config file, file over defaults; in the environment, our name over
 * the original's over Laravel's. Never throws: a file that can't be read is an error among the others.
 */
export function loadConfig(input: ConfigInput): Loaded {
  const reader = createReader(input);
  const redis = findRedis(reader);
  const config = derive(reader, redis);
  const errors = withoutRepeats([...reader.errors, ...findConflicts({ config, redis, reader })]);
  return errors.length === 0
    ? {
        ok: true,
        config,
        settings: reader.settings(),
        warnings: [...reader.warnings, ...findRisks(config, reader)],
        envFiles: reader.envFiles,
      }
    : { ok: false, errors, warnings: reader.warnings };
}

/** The admin address alone, whatever else is wrong: what `healthcheck` needs. */
export function loadAdmin(input: ConfigInput):
  | {
      readonly ok: true;
      readonly admin: Config["admin"];
      /** Of a file that can't be read alone: the address may be in there. */
      readonly warnings: readonly ConfigWarning[];
    }
  | { readonly ok: false; readonly errors: readonly ConfigError[] } {
  const reader = createReader(input);
  const admin = readAll(nodeTable.admin, reader.read);
  const relevant: ReadonlySet<string> = new Set(["invalid", "conflict", "file"]);
  const errors = reader.errors.filter(({ kind }) => relevant.has(kind));
  if (errors.length > 0) return { ok: false, errors };
  const warnings = reader.warnings.filter(({ kind }) => kind === "file");
  return { ok: true, admin, warnings };
}

/** An option that others follow from is read again for each of them, and by each app. */
function withoutRepeats(errors: readonly ConfigError[]): readonly ConfigError[] {
  return [...new Map(errors.map((error) => [`${error.name}: ${error.message}`, error])).values()];
}
