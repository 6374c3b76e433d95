/**
 * Configuration: `Config`, the values of the option table, and `loadConfig`, which reads it from flags, environment and
 * files.
 */

export {
  formatErrors,
  formatWarnings,
  lacksAllCredentials,
  type ConfigError,
} from "./config/errors.ts";
export { loadAdmin, loadConfig, type Loaded } from "./config/load.ts";
export { findUnknownFlags } from "./config/sources/flags.ts";
export type { ConfigInput } from "./config/sources/places.ts";
export type { Setting } from "./config/sources/reader.ts";
export type { Config } from "./config/derive.ts";
