/** Configuration: `Config`, which is the option table's values, and `loadConfig` that makes it of flags, environment and file. */

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
