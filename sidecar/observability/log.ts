/** The log: one JSON object a line on standard output, secrets never in it. */

import { pino, type DestinationStream, type Logger } from "pino";

export type { Logger };

export type LogLevel = "trace" | "debug" | "info" | "warn" | "error" | "fatal" | "silent";

/** Fields that could carry a secret are blanked wherever an object with them is logged. */
const secretFields = ["secret", "auth", "auth_signature", "cookie", "authorization", "password"];

export function createLog(
  options: { level: LogLevel; version: string },
  // Synchronous: the last lines before an exit are the ones that are needed.
  destination: DestinationStream = pino.destination({ fd: 1, sync: true }),
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

/**
 * Logs the first of many equal warnings at once and then at most one every `intervalMs`, with how many there
 * were since; for what can happen at every request.
 */
export function createThrottledWarning(
  log: Logger,
  options: { intervalMs: number; now: () => number },
): (message: string, fields: Record<string, unknown>) => void {
  const seen = new Map<string, { loggedMs: number; suppressed: number }>();
  return (message, fields) => {
    const nowMs = options.now();
    const last = seen.get(message);
    if (last && nowMs - last.loggedMs < options.intervalMs) {
      last.suppressed += 1;
      return;
    }
    log.warn(last?.suppressed ? { ...fields, suppressed: last.suppressed } : fields, message);
    seen.set(message, { loggedMs: nowMs, suppressed: 0 });
  };
}
