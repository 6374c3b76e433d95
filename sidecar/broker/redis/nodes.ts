/** Which other nodes are alive, by their beats: told by whoever has watched them without a break, by its own clock. */

interface SeenNode {
  readonly beats: string;
  readonly sinceMs: number;
}

export class Nodes {
  readonly #deadAfterMs: number;
  readonly #seen = new Map<string, SeenNode>();

  /** @param deadAfterMs silence after which a node is dead */
  constructor(deadAfterMs: number) {
    this.#deadAfterMs = deadAfterMs;
  }

  get count(): number {
    return this.#seen.size;
  }

  /** Redis was lost: what was seen before says nothing about who was silent since. */
  forget(): void {
    this.#seen.clear();
  }

  /** Takes every node's beats; returns the dead ones, with the beats they were last seen with. */
  watch(nodes: ReadonlyMap<string, string>, nowMs: number): { node: string; beats: string }[] {
    const dead: { node: string; beats: string }[] = [];
    for (const node of this.#seen.keys()) if (!nodes.has(node)) this.#seen.delete(node);
    for (const [node, beats] of nodes) {
      const seen = this.#seen.get(node);
      if (beats === claimed) dead.push({ node, beats });
      else if (seen?.beats !== beats) this.#seen.set(node, { beats, sinceMs: nowMs });
      else if (nowMs - seen.sinceMs >= this.#deadAfterMs) dead.push({ node, beats });
    }
    return dead;
  }
}

/** Somebody has begun to take the node's holdings, and may have died over it. */
const claimed = "claimed";
