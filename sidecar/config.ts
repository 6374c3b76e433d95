/** Configuration: the documented `Config`, and `loadConfig` that makes it of flags, environment and file. */

export { formatErrors, type ConfigError } from "./config/errors.ts";
export { loadAdmin, loadConfig, type Loaded } from "./config/load.ts";
export type { ConfigInput } from "./config/places.ts";
export type { Setting } from "./config/reader.ts";
export type { Config, LogLevel } from "./config/shape.ts";
