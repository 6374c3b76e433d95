/** Builds each app's recovery: which log and which session store it uses. */

import type { Config } from "../config.ts";
import type { Hub } from "../core/hub.ts";
import { MemoryLog } from "../core/recovery/memory-log.ts";
import { MemorySessions } from "../core/recovery/memory-sessions.ts";
import { Recovery } from "../core/recovery/recovery.ts";
import type { Report } from "../core/report.ts";
import type { Cluster } from "./cluster.ts";
import { discardState, restoreState, saveState, type KeptApp } from "./recovery-state.ts";

export interface Recoveries {
  /** Null: there is nothing that clients could come back to, so nothing is kept, and no cookie set. */
  of(appId: string): ((onSeatEnded: (token: string, channel: string) => void) => Recovery) | null;
  /** Goes on with what this node's predecessor left. */
  restore(hubs: readonly Hub[]): void;
  /** What was restored is not restored a second time; to be called once clients can come. */
  discard(): void;
  /** Leaves what there is for the successor. */
  save(): void;
}

/** An acknowledgement may be older than the cut: what a session needs of the log is at most this many windows old. */
const windowsKept = 2;

export function createRecoveries(
  config: Config,
  {
    cluster,
    report,
    now,
  }: {
    readonly cluster: Cluster;
    readonly report: Report;
    readonly now: () => number;
  },
): Recoveries {
  const { recovery, websocket, apps } = config;
  const { mode, windowMs, stateDirectory } = recovery;
  const isOfUse = mode === "all" || stateDirectory !== null || cluster.recovery !== null;
  const totalBytes = Math.ceil(recovery.totalBytes / apps.length);
  const parts = new Map<string, Omit<KeptApp, "hub">>();
  let kept: readonly KeptApp[] = [];
  return {
    of(appId) {
      if (mode === "off" || !isOfUse) return null;
      return (onSeatEnded) => {
        const more = { ...recovery, appId, mode, report, onSeatEnded };
        const shared = cluster.recovery?.(appId, { windowMs, maxBytes: totalBytes });
        if (shared) return new Recovery({ ...more, ...shared });
        const log = new MemoryLog({
          ...recovery,
          totalEvents: Math.ceil(recovery.totalEvents / apps.length),
          totalBytes,
          maxAgeMs: windowsKept * windowMs,
        });
        const sessions = new MemorySessions({
          windowMs,
          maxSessions: websocket.maxConnections,
          maxSeats: websocket.maxSubscriptions,
          compare: (a, b) => log.compare(a, b),
          onEnded(token, session, outcome) {
            report({ kind: "recovery_session", appId, outcome });
            for (const channel of session.seats.keys()) onSeatEnded(token, channel);
          },
        });
        parts.set(appId, { log, sessions });
        return new Recovery({ ...more, log, sessions });
      };
    },
    restore(hubs) {
      // So that they know the time from the start.
      for (const hub of hubs) hub.tick(now());
      kept = hubs.flatMap((hub) => {
        const part = parts.get(hub.app.id);
        return part ? [{ hub, ...part }] : [];
      });
      if (stateDirectory === null || kept.length === 0) return;
      restoreState(stateDirectory, kept, { atMs: Date.now(), report });
    },
    discard() {
      if (stateDirectory !== null && kept.length > 0) discardState(stateDirectory, report);
    },
    save() {
      if (stateDirectory === null || kept.length === 0) return;
      saveState(stateDirectory, kept, { nowMs: now(), atMs: Date.now(), report });
    },
  };
}
