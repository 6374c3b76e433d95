/** Publishes to Redis: taken, or not delivered anywhere; tried again within a bound, and delivered once all the same. */

import { channelKind } from "../../core/channel-name.ts";
import type { BrokerResult } from "../../core/ports.ts";
import type { RedisClock } from "./clock.ts";
import * as scripts from "./scripts.ts";

/** One message for some channels. */
export interface Publication {
  readonly message: string;
  readonly channels: readonly string[];
}

export interface PublisherOptions {
  readonly run: (script: scripts.Script, ...args: (string | number)[]) => Promise<unknown>;
  readonly clock: RedisClock;
  /** Resolves once commands can be sent, or after so long. */
  readonly whenReady: (withinMs: number) => Promise<void>;
  readonly isReady: () => boolean;
  readonly now: () => number;
  /** For all attempts together. */
  readonly timeoutMs: number;
  readonly cacheTtlMs: number;
}

/** What the log keeps for nodes that are cut off. */
const maxLogEntries = 10_000;
const maxLogBytes = 64 * 1_048_576;

/** What goes away by itself, and soon: a failover, a restart, a slot that moves. */
const temporary =
  /^(LOADING|CLUSTERDOWN|TRYAGAIN|MASTERDOWN|READONLY|UNBLOCKED|MOVED|ASK|BUSY|NOREPLICAS)\b/;

export async function publishTo(
  publications: readonly Publication[],
  { run, clock, whenReady, isReady, now, timeoutMs, cacheTtlMs }: PublisherOptions,
): Promise<BrokerResult> {
  const messages = publications.flatMap(({ message, channels }) => [
    message,
    channels.length,
    ...channels.map((channel) => (channelKind(channel).cache ? `c${channel}` : `-${channel}`)),
  ]);
  const endMs = now() + timeoutMs;
  for (let attempt = 0; ; attempt++) {
    const leftMs = endMs - now();
    // Whoever waits is a PHP worker: while Redis is away for longer, nobody does.
    if (leftMs <= 0) return { ok: false, reason: "broker_failed" };
    if (!isReady()) {
      await whenReady(leftMs);
      if (!isReady()) return { ok: false, reason: "broker_failed" };
    }
    const deadline = clock.toRedis(endMs);
    if (deadline === null) return { ok: false, reason: "broker_failed" };
    try {
      const limits = [deadline, maxLogEntries, maxLogBytes, cacheTtlMs];
      const isTaken = await run(scripts.publish, ...limits, ...messages);
      if (isTaken === 1) return { ok: true };
      return { ok: false, reason: "broker_failed" };
    } catch (error) {
      const isRefused = error instanceof Error && error.name === "ReplyError";
      const isFinal = isRefused && !temporary.test(error.message);
      if (isFinal) return { ok: false, reason: "broker_failed" };
      await pause(Math.min(20 * 2 ** attempt, 250));
    }
  }
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, ms);
  });
}
