/**
 * Which nodes are alive. A node may judge another's heartbeats only after watching them without a break, by its own
 * clock.
 */

import type { Heartbeat } from "./heartbeat.ts";

interface SeenNode {
  readonly text: string;
  readonly sinceMs: number;
}

export class Nodes {
  readonly #ownId: string;
  readonly #deadAfterMs: number;
  readonly #seen = new Map<string, SeenNode>();

  /** @param deadAfterMs silence after which a node is dead */
  constructor(ownId: string, deadAfterMs: number) {
    this.#ownId = ownId;
    this.#deadAfterMs = deadAfterMs;
  }

  get count(): number {
    return this.#seen.size;
  }

  get others(): readonly string[] {
    return [...this.#seen.keys()].filter((node) => node !== this.#ownId);
  }

  /** It has registered just now. */
  meet(node: string, nowMs: number): void {
    if (!this.#seen.has(node)) this.#seen.set(node, { text: "", sinceMs: nowMs });
  }

  /** Redis was lost: what was seen before says nothing about who was silent since. */
  forget(): void {
    this.#seen.clear();
  }

  /** Takes every node's last heartbeat; returns the dead ones, with the text of theirs. */
  watch(
    heartbeats: ReadonlyMap<string, Heartbeat>,
    nowMs: number,
  ): { node: string; text: string }[] {
    const dead: { node: string; text: string }[] = [];
    for (const node of this.#seen.keys()) if (!heartbeats.has(node)) this.#seen.delete(node);
    for (const [node, { text, isClaimed }] of heartbeats) {
      const seen = this.#seen.get(node);
      if (isClaimed) dead.push({ node, text });
      else if (seen?.text !== text) this.#seen.set(node, { text, sinceMs: nowMs });
      else if (nowMs - seen.sinceMs >= this.#deadAfterMs) dead.push({ node, text });
    }
    return dead;
  }
}
