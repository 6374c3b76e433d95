/** The header fields that say which trace a request belongs to. */

import { formatTraceparent, traceparentField, type TraceContext } from "../core/trace.ts";

/**
 * Names and values in turn, with this span in the place of the one that was named.
 *
 * @param isContinued false: the trace began here, and what another tracer said of its own goes too.
 */
export function withTrace(
  fields: readonly string[],
  context: TraceContext,
  { isContinued }: { isContinued: boolean },
): string[] {
  const kept: string[] = [];
  for (let index = 0; index + 1 < fields.length; index += 2) {
    const name = fields[index] ?? "";
    const lowerCase = name.toLowerCase();
    if (lowerCase === traceparentField || (lowerCase === "tracestate" && !isContinued)) continue;
    kept.push(name, fields[index + 1] ?? "");
  }
  kept.push(traceparentField, formatTraceparent(context));
  return kept;
}
