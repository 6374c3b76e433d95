/** What becomes of an event: which metrics it moves, which line it logs, and how often. */

import type { EventKind, SidecarEvent } from "../core/report.ts";

/** Fields of a log line, spelt as in the metrics' labels. */
export type Fields = Readonly<Record<string, unknown>>;

export type LineLevel = "trace" | "debug" | "info" | "warn" | "error";

export interface LogLine<Event> {
  readonly level: LineLevel | ((event: Event) => LineLevel);
  /** What happened, to what: the same text for all events of a kind, so that it can be searched for. */
  readonly message: string;
  readonly fields?: (event: Event) => Fields;
  /** What to do about it, logged as `hint`; undefined: nothing can be said of this one. */
  readonly hint?: string | ((event: Event) => string | undefined);
  /**
   * For what may happen at every request. Of events with the same key one is logged at once and then at most one in
   * some seconds, with how many were left out. Nothing that a client makes up may be in the key. Null: not logged.
   */
  readonly throttle?: (event: Event) => string | null;
}

export interface Row<Event> {
  /** Moves the metrics. MUST NOT throw. */
  readonly count?: (event: Event) => void;
  readonly log?: LogLine<Event>;
  /** Somebody was refused something: the last ones are kept for who asks why (`recent-refusals.ts`). */
  readonly isRefusal?: true;
}

/** One row for each kind of event: a kind without one does not compile. */
export type Rows<K extends EventKind = EventKind> = {
  readonly [P in K]: Row<SidecarEvent<P>>;
};
