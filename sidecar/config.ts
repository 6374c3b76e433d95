/** Configuration: the documented `Config`, and `loadConfig` that makes it of flags, environment and file. */

export type { Config, LogLevel } from "./config/shape.ts";
