/** A node of one app whose clients are sent what they missed, kept in memory: for tests only. */

import type { App } from "../app.ts";
import { createMemoryPresence } from "../../broker/memory-presence.ts";
import type { PresenceListener, PresenceStore } from "../presence-store.ts";
import { MemoryLog } from "../recovery/memory-log.ts";
import { MemorySessions } from "../recovery/memory-sessions.ts";
import type { RecoveryMode } from "../recovery/ports.ts";
import { Recovery } from "../recovery/recovery.ts";
import { createTestNode, testApp } from "./doubles.ts";

export interface RecoveringOptions {
  readonly mode?: Exclude<RecoveryMode, "off">;
  readonly windowMs?: number;
  readonly maxEvents?: number;
  readonly maxBytes?: number;
  readonly totalEvents?: number;
  readonly totalBytes?: number;
  readonly maxSessions?: number;
  readonly maxSeats?: number;
  readonly app?: Partial<App>;
  /** Has it said later which session was taken, as over Redis. */
  readonly later?: (run: () => void) => void;
  /** The same of what was missed. */
  readonly readLater?: (run: () => void) => void;
  /** And that every node knows of a channel here. */
  readonly enterLater?: (run: () => void) => void;
}

export type RecoveringNode = ReturnType<typeof createRecoveringNode>;

export function createRecoveringNode(options: RecoveringOptions = {}) {
  const bounds = {
    windowMs: 60_000,
    maxEvents: 1_000,
    maxBytes: 1_048_576,
    totalEvents: 10_000,
    totalBytes: 1_048_576,
    maxSessions: 1_000,
    maxSeats: 10_000,
    ...options,
  };
  const log = new MemoryLog({ ...bounds, maxAgeMs: 2 * bounds.windowMs });
  const { mode = "all", app = {}, later = atOnce } = options;
  const { readLater = atOnce, enterLater = atOnce } = options;
  const read = log.read.bind(log);
  log.read = (channel, after, done) =>
    read(channel, after, (missed) => readLater(() => done(missed)));
  let waiting: MemorySessions | null = null;
  const node = createTestNode({
    app,
    presence: presenceWith(enterLater),
    recovery(report, onSeatEnded) {
      const sessions = new MemorySessions({
        ...bounds,
        compare: (a, b) => log.compare(a, b),
        onEnded(token, session, outcome) {
          report({ kind: "recovery_session", appId: testApp.id, outcome });
          for (const channel of session.seats.keys()) onSeatEnded(token, channel);
        },
      });
      waiting = sessions;
      const take = sessions.take.bind(sessions);
      sessions.take = (token, done) => take(token, (session) => later(() => done(session)));
      return new Recovery({
        ...bounds,
        appId: testApp.id,
        mode,
        log,
        sessions,
        report,
        onSeatEnded,
      });
    },
  });
  const { hub, broker, clock } = node;
  return {
    ...node,
    /** What is in its memory. */
    kept: () => ({ events: [...log.entries()], sessions: [...(waiting?.entries() ?? [])] }),
    /** An event of the app's, whose name is all that is in it. */
    publish(channel: string, event: string, exceptSocketId?: string): void {
      const except = exceptSocketId === undefined ? {} : { exceptSocketId };
      void broker.publish([{ appId: testApp.id, channel, event, dataJson: '"{}"', ...except }]);
    },
    /** Lets so much time pass, and the tick at its end. */
    pass(ms: number): void {
      clock.nowMs += ms;
      hub.tick(clock.nowMs);
    },
  };
}

const atOnce = (run: () => void): void => run();

function presenceWith(enterLater: (run: () => void) => void) {
  return (listener: PresenceListener): PresenceStore => {
    const store = createMemoryPresence(listener);
    const enter = store.enter.bind(store);
    return Object.assign(store, {
      enter: (channel: string, done: () => void): void => enter(channel, () => enterLater(done)),
    });
  };
}
