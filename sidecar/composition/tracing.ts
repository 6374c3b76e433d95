/** Tracing, if a collector is configured; otherwise null, and no code of it is loaded. */

import type { Config } from "../config.ts";
import type { Report } from "../core/report.ts";
import type { Tracing } from "../tracing/tracing.ts";

export async function connectTracing(
  { tracing }: Config,
  options: {
    readonly version: string;
    readonly now: () => number;
    readonly report: Report;
    readonly afterWrites: (run: () => void) => void;
  },
): Promise<Tracing | null> {
  const { endpoint, headers } = tracing;
  if (endpoint === null) return null;
  const { createTracing } = await import("../tracing/tracing.ts");
  return createTracing({
    ...tracing,
    ...options,
    endpoint,
    headers: headers ?? {},
    unixNow: Date.now,
  });
}
