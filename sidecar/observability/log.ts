/** The log: one JSON object a line on standard output, secrets never in it. */

import { pino, type DestinationStream, type Logger } from "pino";

export type { Logger };

export type LogLevel = "trace" | "debug" | "info" | "warn" | "error" | "fatal" | "silent";

/** Fields that could carry a secret are blanked wherever an object with them is logged. */
const secretFields = ["secret", "auth", "auth_signature", "cookie", "authorization", "password"];

/** @param destination standard output, but for tests. */
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

/** `kind` tells apart what has the same message: the fault, the reason, the endpoint. */
export type Warn = (message: string, fields: Record<string, unknown>, kind?: string) => void;

/** Beyond so many, kinds of the same message share its turn. */
const maxKinds = 1_000;

/**
 * Logs the first of many equal warnings at once and then at most one every `intervalMs`, with how many there
 * were since; for what can happen at every request. Equal are those of one message and one kind.
 */
export function createThrottledWarning(
  log: Logger,
  options: { intervalMs: number; now: () => number },
): Warn {
  const seen = new Map<string, { loggedMs: number; suppressed: number }>();
  return (message, fields, kind = "") => {
    const nowMs = options.now();
    const own = `${message}\n${kind}`;
    const key = seen.has(own) || seen.size < maxKinds ? own : message;
    const last = seen.get(key);
    if (last && nowMs - last.loggedMs < options.intervalMs) {
      last.suppressed += 1;
      return;
    }
    log.warn(last?.suppressed ? { ...fields, suppressed: last.suppressed } : fields, message);
    seen.set(key, { loggedMs: nowMs, suppressed: 0 });
  };
}
