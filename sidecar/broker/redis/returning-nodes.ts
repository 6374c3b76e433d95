/**
 * After an outage of Redis: which nodes that were there before it have yet to come back and register what they have.
 * Until then a list in Redis may lack members who never left.
 */

import type { Heartbeat } from "./heartbeat.ts";

interface Awaited {
  /** Its heartbeats have to be more than these. */
  readonly moreThan: number;
  /** Redis has known it since this node came back. */
  wasSeen: boolean;
}

const unseen = (): Awaited => ({ moreThan: 0, wasSeen: false });

export class ReturningNodes {
  readonly #leaseMs: number;
  readonly #awaited = new Map<string, Awaited>();
  #giveUpAtMs: number | null = null;

  /** @param leaseMs how long those are waited for that do not come back */
  constructor(leaseMs: number) {
    this.#leaseMs = leaseMs;
  }

  /** Nobody is waited for. */
  get isEmpty(): boolean {
    return this.#awaited.size === 0;
  }

  /** Redis is lost: these other nodes were there before. */
  lose(nodes: Iterable<string>): void {
    for (const node of nodes) this.#awaited.set(node, unseen());
    this.#giveUpAtMs = null;
  }

  /** This node is back. @param heartbeats of all nodes, as they were before it read any list */
  begin(heartbeats: ReadonlyMap<string, Heartbeat>, nowMs: number): void {
    for (const node of this.#awaited.keys()) {
      const heartbeat = heartbeats.get(node);
      // The next one may have been under way since before the outage; the one behind it was sent after its node's return.
      const awaited = heartbeat ? { moreThan: heartbeat.count + 1, wasSeen: true } : unseen();
      this.#awaited.set(node, awaited);
    }
    this.#giveUpAtMs = nowMs + this.#leaseMs;
  }

  /** True, once, when nobody is waited for any more. */
  isOver(heartbeats: ReadonlyMap<string, Heartbeat>, nowMs: number): boolean {
    if (this.#giveUpAtMs === null) return false;
    for (const [node, awaited] of this.#awaited) {
      const heartbeat = heartbeats.get(node);
      // A node that Redis has known and knows no more was given up, and its members with it.
      const isDone = heartbeat
        ? heartbeat.hasSynced && heartbeat.count > awaited.moreThan
        : awaited.wasSeen;
      if (isDone) this.#awaited.delete(node);
      else awaited.wasSeen ||= heartbeat !== undefined;
    }
    if (this.#awaited.size > 0 && nowMs < this.#giveUpAtMs) return false;
    this.#awaited.clear();
    this.#giveUpAtMs = null;
    return true;
  }
}
