/** The log: one JSON object per line on standard output, or text for people (`text-log.ts`); never secrets. */

import { pino, type DestinationStream, type Logger } from "pino";

export type { Logger };

export type LogLevel = "trace" | "debug" | "info" | "warn" | "error" | "fatal" | "silent";

/** Fields that could carry a secret are blanked wherever an object with them is logged. */
const secretFields = ["secret", "auth", "auth_signature", "cookie", "authorization", "password"];

/** @param destination standard output as JSON, if left out. */
export function createLog(
  options: { level: LogLevel; version: string },
  destination: DestinationStream = standardOutput(),
): Logger {
  const paths = secretFields.flatMap((field) => [field, `*.${field}`, `*.*.${field}`]);
  return pino(
    {
      level: options.level,
      base: { version: options.version },
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (level) => ({ level }) },
      redact: { paths, censor: "[redacted]" },
    },
    destination,
  );
}

/** Synchronous: the last lines before an exit are the ones that are needed. */
function standardOutput(): DestinationStream {
  return pino.destination({ fd: 1, sync: true });
}

/**
 * Whether one more of many equal lines may be logged: how many were left out since the last one, or null if this one
 * is to be left out too. Equal are those of one message and one key.
 */
export type Throttle = (message: string, key: string) => number | null;

/** Beyond so many, keys of the same message share its turn. */
const maxKeys = 1_000;

/** Lets the first of many equal lines pass at once and then at most one every `intervalMs`. */
export function createThrottle(options: { intervalMs: number; now: () => number }): Throttle {
  const seen = new Map<string, { passedMs: number; suppressed: number }>();
  return (message, key) => {
    const nowMs = options.now();
    const own = `${message}\n${key}`;
    const name = seen.has(own) || seen.size < maxKeys ? own : message;
    const last = seen.get(name);
    if (last && nowMs - last.passedMs < options.intervalMs) {
      last.suppressed += 1;
      return null;
    }
    seen.set(name, { passedMs: nowMs, suppressed: 0 });
    return last?.suppressed ?? 0;
  };
}
