/** Publishes without a pause, each event after the one before it was answered, and knows what must have come of it. */

import assert from "node:assert/strict";
import { setTimeout as sleep } from "node:timers/promises";
import type { Client } from "./client.ts";
import type { ClusterNode } from "./node.ts";

interface Sent {
  readonly id: string;
  readonly isTaken: boolean;
  /** Answered while a fault came or went: it may have been delivered though it was refused. */
  readonly isUncertain: boolean;
}

export interface Pump {
  readonly taken: readonly string[];
  readonly refused: readonly string[];
  /** Does to Redis or to a link what may lose an answer on its way. */
  during<T>(fault: () => T | Promise<T>): Promise<T>;
  /** Resolves once so many more were taken, or refused. */
  untilTaken(count: number): Promise<void>;
  untilRefused(count: number): Promise<void>;
  /** Resolves when the last one was answered. */
  stop(): Promise<void>;
  /**
   * What was taken came once, and in its order; what was refused did not come. For a client subscribed throughout.
   * @throws naming what is wrong
   */
  check(client: Client): void;
}

/** Between the answer and the next publish. */
const paceMs = 15;
/** An answer that is still on its way when a fault begins. */
const marginMs = 100;

export function startPump(node: ClusterNode, channel: string): Pump {
  const sent: Sent[] = [];
  const watchers = new Set<() => void>();
  const stopping = new AbortController();
  let faults = 0;
  let faultsUnderWay = 0;

  const pump = async (): Promise<void> => {
    for (let i = 0; !stopping.signal.aborted; i++) {
      const id = `${node.pid}-${i}`;
      const faultsBefore = faults;
      const began = faultsUnderWay;
      const { status, text } = await node.api.publish(channel, id);
      if (status !== 200) assert.deepEqual([status, text.split(":")[0]], [503, "broker_failed"]);
      const isUncertain = began > 0 || faultsUnderWay > 0 || faults !== faultsBefore;
      sent.push({ id, isTaken: status === 200, isUncertain });
      for (const watcher of watchers) watcher();
      await sleep(paceMs);
    }
  };
  const pumping = pump();
  pumping.catch(() => undefined); // `stop` says it.

  const ids = (isTaken: boolean): string[] =>
    sent.filter((one) => one.isTaken === isTaken).map(({ id }) => id);
  const untilMore = async (isTaken: boolean, count: number): Promise<void> => {
    const wanted = ids(isTaken).length + count;
    const { promise, resolve } = Promise.withResolvers<void>();
    const look = (): void => {
      if (ids(isTaken).length >= wanted) resolve();
    };
    watchers.add(look);
    const what = `${count} more ${isTaken ? "taken" : "refused"}`;
    const late = sleep(20_000, undefined, { ref: false }).then(() => assert.fail(what));
    await Promise.race([promise, late, pumping]);
    watchers.delete(look);
  };
  return {
    get taken() {
      return ids(true);
    },
    get refused() {
      return ids(false);
    },
    during: async (fault) => {
      faultsUnderWay += 1;
      faults += 1;
      try {
        return await fault();
      } finally {
        await sleep(marginMs);
        faultsUnderWay -= 1;
      }
    },
    untilTaken: (count) => untilMore(true, count),
    untilRefused: (count) => untilMore(false, count),
    stop: async () => {
      stopping.abort();
      await pumping;
    },
    check: (client) => {
      const mine = new Set(sent.map(({ id }) => id));
      const got = client.ids(channel).filter((id) => mine.has(id));
      const maybe = new Set(
        sent.filter((one) => one.isUncertain && !one.isTaken).map(({ id }) => id),
      );
      assert.deepEqual(
        got.filter((id) => !maybe.has(id)),
        ids(true),
      );
      assert.equal(new Set(got).size, got.length, "something came twice");
    },
  };
}
