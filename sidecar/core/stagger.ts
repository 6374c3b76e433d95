/** Calls a function for each of many items, spread evenly over a period, so that the reactions are spread as well. */

export interface StaggerOptions {
  /** For all of them. Few take less: one a millisecond is fast enough to be no crowd. */
  readonly windowMs: number;
  /** Milliseconds of a clock that never goes back. */
  readonly now: () => number;
  /** Runs its argument once, later; the function it returns cancels that. */
  readonly schedule: (run: () => void, delayMs: number) => () => void;
}

export interface Stagger {
  /** Resolves when it has come to all of them, or was called off. */
  readonly done: Promise<void>;
  /** Leaves the rest alone. */
  cancel(): void;
}

const stepMs = 1;

/** The first one comes at once. A step that is late makes up for it. */
export function stagger<T>(
  items: readonly T[],
  { windowMs, now, schedule }: StaggerOptions,
  act: (item: T) => void,
): Stagger {
  const usedMs = Math.min(windowMs, items.length * stepMs);
  const begunMs = now();
  const { promise: done, resolve } = Promise.withResolvers<void>();
  let next = 0;
  let cancelStep = (): void => {};

  function step(): void {
    const elapsedMs = now() - begunMs;
    const end =
      elapsedMs >= usedMs ? items.length : 1 + Math.floor((items.length * elapsedMs) / usedMs);
    for (const item of items.slice(next, end)) act(item);
    next = end;
    if (next >= items.length) resolve();
    else cancelStep = schedule(step, stepMs);
  }

  step();
  return {
    done,
    cancel() {
      cancelStep();
      resolve();
    },
  };
}
