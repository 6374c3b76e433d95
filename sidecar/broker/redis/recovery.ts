/** Recovery of one app's clients over Redis: the nodes' common log, and sessions that any node may resume. */

import { wait } from "../../http/timers.ts";
import { LogMirror } from "./log-mirror.ts";
import { createLogReader } from "./log-reader.ts";
import { RedisRecoveryLog } from "./recovery-log.ts";
import type { RunScript } from "./scripts/script.ts";
import { RedisSessions } from "./sessions.ts";

export interface RecoveryBounds {
  /** How long a client may be away. */
  readonly windowMs: number;
  /** What this node keeps of the log for those who come back. */
  readonly maxBytes: number;
}

export interface RedisRecovery {
  readonly log: RedisRecoveryLog;
  readonly sessions: RedisSessions;
}

export function createRedisRecovery(options: {
  readonly appId: string;
  readonly nodeId: string;
  readonly run: RunScript;
  /** Resolves once all that was published before the call has been delivered here; rejects if nobody can say. */
  readonly whenReceived: () => Promise<void>;
  /** Resolves once Redis is there again, or as soon as nobody waits for it any more. */
  readonly whenUp: () => Promise<void>;
  readonly bounds: RecoveryBounds;
}): RedisRecovery {
  const { appId, nodeId, run, whenReceived, whenUp, bounds } = options;
  const { windowMs, maxBytes } = bounds;
  const mirror = new LogMirror({
    appId,
    ...createLogReader(run),
    whenReceived,
    maxBytes,
    idleMs: windowMs,
  });
  const sessions = new RedisSessions({ nodeId, run, mirror, windowMs, whenUp, wait });
  return { log: new RedisRecoveryLog(mirror), sessions };
}
