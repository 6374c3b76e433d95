/** The open connections to the app: idle ones are kept for the next request for a while. */

import { keptIdleMs } from "../../http/stale.ts";
import { Connection, type ConnectionOptions } from "./connection.ts";
import type { Call, RequestMessage, ResponseHandler } from "./call.ts";

export type PoolOptions = Pick<ConnectionOptions, "address" | "connectTimeoutMs" | "maxHeadBytes">;

export interface Pool {
  /**
   * Sends a request on a kept connection, or on one of its own. How many at a time is the caller's business. No handler
   * is called before this returns.
   */
  send(message: RequestMessage, handler: ResponseHandler, options: { isFresh: boolean }): Call;
  /** Closes all connections; who waits for an answer hears that it broke off. */
  close(): void;
}

/** How much earlier than the app says it will. */
const marginMs = 1_000;
/** How often kept connections are looked through. */
const sweepMs = 500;

interface Kept {
  readonly connection: Connection;
  readonly untilMs: number;
}

export function createPool(options: PoolOptions): Pool {
  const open = new Set<Connection>();
  /** The one that was used last is used next, so that those too many grow old. */
  let kept: Kept[] = [];
  let sweeping: NodeJS.Timeout | null = null;

  function connect(): Connection {
    const connection = new Connection({
      ...options,
      onFree: keep,
      onClose: (closed) => void open.delete(closed),
    });
    open.add(connection);
    return connection;
  }

  function keep(connection: Connection, keepAliveMs: number | undefined): void {
    const forMs = Math.min(keptIdleMs, (keepAliveMs ?? Infinity) - marginMs);
    if (forMs <= 0) return connection.destroy();
    kept.push({ connection, untilMs: performance.now() + forMs });
    sweeping ??= setInterval(sweep, sweepMs).unref();
  }

  function takeKept(): Connection | undefined {
    for (let next = kept.pop(); next; next = kept.pop()) {
      if (next.connection.isUsable && performance.now() < next.untilMs) return next.connection;
      next.connection.destroy();
    }
    return undefined;
  }

  function sweep(): void {
    const nowMs = performance.now();
    kept = kept.filter(({ connection, untilMs }) => {
      const isKept = connection.isUsable && nowMs < untilMs;
      if (!isKept) connection.destroy();
      return isKept;
    });
    if (kept.length > 0 || sweeping === null) return;
    clearInterval(sweeping);
    sweeping = null;
  }

  return {
    send(message, handler, { isFresh }) {
      const connection = (isFresh ? undefined : takeKept()) ?? connect();
      return connection.send(message, handler);
    },
    close() {
      for (const connection of open) connection.destroy();
      kept = [];
      if (sweeping) clearInterval(sweeping);
      sweeping = null;
    },
  };
}
