/** For tests: a clock that stands still until it is put forward. */

/** A `Clock` of the webhooks. */
export interface FakeClock {
  unixMs(): number;
  now(): number;
  setTimeout(run: () => void, delayMs: number): () => void;
  /** Timers that were neither run nor cancelled. */
  readonly timers: number;
  /** Goes on, running on its way what is due, at the time it is due. */
  advance(ms: number): void;
}

export const startUnixMs = 1_700_000_000_000;

export function createFakeClock(): FakeClock {
  const timers = new Map<number, { dueMs: number; run: () => void }>();
  let nowMs = 0;
  let lastId = 0;

  function earliest(): [number, { dueMs: number; run: () => void }] | undefined {
    // A stable sort: of two that are due together, the older one runs first.
    return [...timers].toSorted(([, a], [, b]) => a.dueMs - b.dueMs)[0];
  }

  return {
    unixMs: () => startUnixMs + nowMs,
    now: () => nowMs,
    setTimeout(run, delayMs) {
      const id = (lastId += 1);
      timers.set(id, { dueMs: nowMs + delayMs, run });
      return () => timers.delete(id);
    },
    get timers() {
      return timers.size;
    },
    advance(ms) {
      const endMs = nowMs + ms;
      for (let next = earliest(); next && next[1].dueMs <= endMs; next = earliest()) {
        const [id, timer] = next;
        timers.delete(id);
        nowMs = Math.max(nowMs, timer.dueMs);
        timer.run();
      }
      nowMs = endMs;
    },
  };
}
