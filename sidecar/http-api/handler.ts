/** The type of all API handlers: from a request, authenticated and read, to its answer. */

import type { Eventual } from "../core/eventual.ts";
import type { Hub } from "../core/hub.ts";
import type { Broker } from "../core/ports.ts";
import type { Report } from "../core/report.ts";
import type { Span } from "../core/trace.ts";
import type { Query } from "./query.ts";
import type { Reply } from "./reply.ts";

export interface ApiRequest {
  readonly hub: Hub;
  readonly broker: Broker;
  readonly report: Report;
  /** Of the whole request; null: no traces are recorded. */
  readonly span: Span<"api"> | null;
  /** The route's parts in braces, decoded. */
  readonly params: Readonly<Record<string, string>>;
  readonly query: Query;
  readonly body: Buffer;
  /** Milliseconds of a clock that never goes back. */
  readonly nowMs: number;
  /** The same clock, for what takes a while. */
  readonly now: () => number;
}

export type ApiHandler = (request: ApiRequest) => Eventual<Reply>;
