/** What the console can see of the node, as an interface. */

import type { Connection } from "../core/connection.ts";
import type { Hub } from "../core/hub.ts";
import type { Handshake } from "../core/ports.ts";
import type { Report, SidecarEvent } from "../core/report.ts";
import type { Traffic } from "../core/transport.ts";

/** What the log has of an event, or would have at another level. */
export interface Line {
  readonly level: string;
  readonly message: string;
  readonly fields: Readonly<Record<string, unknown>>;
  readonly hint: string | undefined;
}

export interface Watcher {
  readonly see: (event: SidecarEvent) => void;
  /** `Report.details` are wanted too. */
  readonly hasDetails: boolean;
  readonly contents: Report["contents"] | null;
}

export interface KeptRefusal {
  /** Since 1970. */
  readonly atMs: number;
  readonly event: SidecarEvent;
}

/** What the app answers now about a subscribe that was refused; `fix` is the line that mends it. */
export type Explanation =
  | { readonly isAllowed: true; readonly text: string }
  | { readonly isAllowed: false; readonly text: string; readonly fix: string };

export interface TestEvent {
  readonly appId: string;
  readonly channel: string;
  readonly event: string;
  readonly data: string;
}

/** What changes something, or asks the app. */
export interface ConsoleActions {
  /** False: the connection has ended before. */
  disconnect(socketId: string): boolean;
  /** Null: it was published to every node; else a sentence that says why not. */
  publish(event: TestEvent): Promise<string | null>;
  replay(socketId: string, channel: string): Promise<Explanation>;
}

/** One of those that Redis joins. */
export interface ConsoleNode {
  readonly id: string;
  /** That are subscribed to anything. */
  readonly connections: number;
  /** Of its own console, as browsers reach it; null: it has not said. */
  readonly adminUrl: string | null;
}

export interface ConsoleSources {
  /** Which of POGO_WORKERS this process is, from 1; null: there is one process. */
  readonly worker: number | null;
  readonly hubs: readonly Hub[];
  /** Where the app is; null: there is none behind. */
  readonly upstream: string | null;
  /** Milliseconds of a clock that never goes back. */
  readonly now: () => number;
  readonly clientIp: (handshake: Handshake) => string;
  readonly trafficOf: (connection: Connection) => Traffic | null;
  /** The figures of the node, by name: as JSON, nothing secret. Read once a second while somebody looks. */
  readonly figures: () => Promise<object>;
  /** Null: there is one node, or nobody can say. */
  readonly nodes: () => Promise<readonly ConsoleNode[] | null>;
  readonly watch: (watcher: Watcher | null) => void;
  readonly lineOf: (event: SidecarEvent) => Line | null;
  readonly refusals: () => readonly KeptRefusal[];
  readonly actions: ConsoleActions;
}
