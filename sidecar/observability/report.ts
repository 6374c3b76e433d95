/** The receiver of all reports: looks up an event's row, moves its metrics and logs its line. */

import type { EventKind, Report, SidecarEvent } from "../core/report.ts";
import { apiRows } from "./events/api.ts";
import { authorizerRows } from "./events/authorizer.ts";
import { brokerRows } from "./events/broker.ts";
import { detailRows } from "./events/details.ts";
import { nodeRows } from "./events/node.ts";
import { proxyRows } from "./events/proxy.ts";
import { recoveryRows } from "./events/recovery.ts";
import { webhookRows } from "./events/webhooks.ts";
import { webSocketRows } from "./events/websocket.ts";
import { workerRows } from "./events/workers.ts";
import { createThrottle, type Logger, type Throttle } from "./log.ts";
import type { Metrics } from "./metrics.ts";
import type { LogLine, Rows } from "./rows.ts";

/** The first of many equal lines is logged at once, then at most one in so long. */
const throttleMs = 10_000;

export function createReport(options: {
  metrics: Metrics;
  log: Logger;
  /** Milliseconds of a clock that never goes back. */
  now: () => number;
}): Report {
  const { metrics, log, now } = options;
  const rows = createRows(metrics);
  const throttle = createThrottle({ intervalMs: throttleMs, now });

  // What is logged at these levels is not even made unless it is read: see `Report`.
  return Object.assign(handle, {
    ...(log.isLevelEnabled("debug") && { details: handle }),
    ...(log.isLevelEnabled("trace") && { wire: handle }),
  });

  function handle<K extends EventKind>(event: SidecarEvent<K>): void {
    const row: Rows[K] = rows[event.kind];
    row.count?.(event);
    if (row.log) write(row.log, event);
  }

  function write<Event>(line: LogLine<Event>, event: Event): void {
    const level = typeof line.level === "function" ? line.level(event) : line.level;
    if (!log.isLevelEnabled(level)) return;
    const suppressed = pass(line, event, throttle);
    if (suppressed === null) return;
    const hint = typeof line.hint === "function" ? line.hint(event) : line.hint;
    const fields = {
      ...line.fields?.(event),
      ...(hint !== undefined && { hint }),
      ...(suppressed > 0 && { suppressed }),
    };
    log[level](fields, line.message);
  }
}

/** The table. */
function createRows(metrics: Metrics): Rows {
  return {
    ...nodeRows(metrics),
    ...webSocketRows(metrics),
    ...recoveryRows(metrics),
    ...apiRows(metrics),
    ...proxyRows(metrics),
    ...authorizerRows(metrics),
    ...brokerRows(metrics),
    ...webhookRows(metrics),
    ...workerRows(metrics),
    ...detailRows(),
  };
}

/** How many equal lines were left out before this one; null: this one is left out too. */
function pass<Event>({ message, throttle }: LogLine<Event>, event: Event, may: Throttle) {
  if (!throttle) return 0;
  const key = throttle(event);
  return key === null ? null : may(message, key);
}
