/**
 * The receiver of all reports: looks up an event's row, updates its metrics, writes its line, and passes it to
 * observers.
 */

import type { EventKind, Report, SidecarEvent } from "../core/report.ts";
import { apiRows } from "./events/api.ts";
import { authorizerRows } from "./events/authorizer.ts";
import { brokerRows } from "./events/broker.ts";
import { detailRows } from "./events/details.ts";
import { nodeRows } from "./events/node.ts";
import { proxyRows } from "./events/proxy.ts";
import { recoveryRows } from "./events/recovery.ts";
import { tracingRows } from "./events/tracing.ts";
import { webhookRows } from "./events/webhooks.ts";
import { webSocketRows } from "./events/websocket.ts";
import { workerRows } from "./events/workers.ts";
import { createThrottle, type Logger, type Throttle } from "./log.ts";
import type { Metrics } from "./metrics.ts";
import { RecentRefusals, type KeptRefusal } from "./recent-refusals.ts";
import type { Fields, LineLevel, LogLine, Rows } from "./rows.ts";

/** The first of many equal lines is logged at once, then at most one in so long. */
const throttleMs = 10_000;
/** Some 200 bytes each. */
const maxRefusals = 200;

/** Gets events as they happen. MUST NOT throw or wait; keeps nothing of them, as `Report` has it. */
export interface Watcher {
  readonly see: (event: SidecarEvent) => void;
  /** `details` are wanted too. */
  readonly hasDetails: boolean;
  /** Of what is in events; null: it is not wanted. */
  readonly contents: Report["contents"] | null;
}

/** What the log has of an event, or would have at another level. */
export interface Line {
  readonly level: LineLevel;
  readonly message: string;
  readonly fields: Fields;
  readonly hint: string | undefined;
}

export interface WatchableReport extends Report {
  /** One at a time; null: nobody watches, and what only watchers read is not even made. */
  watch(watcher: Watcher | null): void;
  /** Null: it is only counted. */
  lineOf(event: SidecarEvent): Line | null;
  /** The last ones, the oldest first, whether or not anybody watched. */
  refusals(): readonly KeptRefusal[];
}

export function createReport(options: {
  metrics: Metrics;
  log: Logger;
  /** Milliseconds of a clock that never goes back. */
  now: () => number;
  /** Milliseconds since 1970. */
  wallClock?: () => number;
}): WatchableReport {
  const { metrics, now, wallClock = Date.now } = options;
  const logger = options.log;
  const rows = createRows(metrics);
  const throttle = createThrottle({ intervalMs: throttleMs, now });
  const refusals = new RecentRefusals({ max: maxRefusals, now: wallClock });
  let watcher: Watcher | null = null;

  // What is logged at these levels is not even made unless it is read: see `Report`.
  const whenLogged = logger.isLevelEnabled("debug") ? receive : undefined;
  const wanted: Wanted = { details: whenLogged, contents: undefined };
  const report = Object.assign(receive, wanted, {
    ...(logger.isLevelEnabled("trace") && { wire: receive }),
    refusals: () => refusals.all(),
    watch,
    lineOf,
  });
  return report;

  function receive(event: SidecarEvent): void {
    if (handle(event)) refusals.add(event);
    watcher?.see(event);
  }

  /** True: it is a refusal that somebody may ask about. */
  function handle<K extends EventKind>(event: SidecarEvent<K>): boolean {
    const row: Rows[K] = rows[event.kind];
    row.count?.(event);
    if (!row.log) return false;
    write(row.log, event);
    return row.isRefusal === true && row.log.throttle?.(event) !== null;
  }

  function watch(next: Watcher | null): void {
    watcher = next;
    report.details = next?.hasDetails ? receive : whenLogged;
    report.contents = next?.contents ?? undefined;
  }

  function lineOf<K extends EventKind>(event: SidecarEvent<K>): Line | null {
    const { log }: Rows[K] = rows[event.kind];
    return log && log.throttle?.(event) !== null ? toLine(log, event) : null;
  }

  function write<Event>(line: LogLine<Event>, event: Event): void {
    if (!logger.isLevelEnabled(levelOf(line, event))) return;
    const suppressed = pass(line, event, throttle);
    if (suppressed === null) return;
    const { level, message, fields, hint } = toLine(line, event);
    const all = {
      ...fields,
      ...(hint !== undefined && { hint }),
      ...(suppressed > 0 && { suppressed }),
    };
    logger[level](all, message);
  }
}

/** What comes and goes with who watches. */
interface Wanted {
  details: Report["details"];
  contents: Report["contents"];
}

function levelOf<Event>({ level }: LogLine<Event>, event: Event): LineLevel {
  return typeof level === "function" ? level(event) : level;
}

function toLine<Event>(line: LogLine<Event>, event: Event): Line {
  const { message, hint } = line;
  return {
    level: levelOf(line, event),
    message,
    fields: line.fields?.(event) ?? {},
    hint: typeof hint === "function" ? hint(event) : hint,
  };
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
    ...tracingRows(metrics),
    ...detailRows(),
  };
}

/** How many equal lines were left out before this one; null: this one is left out too. */
function pass<Event>({ message, throttle }: LogLine<Event>, event: Event, may: Throttle) {
  if (!throttle) return 0;
  const key = throttle(event);
  return key === null ? null : may(message, key);
}
