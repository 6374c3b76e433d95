/** For tests: waits, each with an end: for a condition, for what has to be asked for, and for a promise. */

import { setTimeout as sleep } from "node:timers/promises";

/** How long a wait may take before the test fails; far above what any of them needs. */
const patienceMs = 10_000;

/** Polls a condition at every turn of the loop or so; fails the test when patience ends. */
export async function waitFor(
  condition: () => unknown,
  describe: () => string = () => String(condition),
): Promise<void> {
  const deadline = performance.now() + patienceMs;
  while (!condition()) {
    if (performance.now() > deadline) throw new Error(`waited in vain for ${describe()}`);
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
}

/**
 * Resolves with the first answer that is not false or undefined; a question that throws is asked again.
 * @throws naming `what` and the last answer, after `deadlineMs`
 */
export async function until<T>(
  what: string,
  ask: () => Promise<T | false | undefined> | T | false | undefined,
  deadlineMs = 20_000,
): Promise<T> {
  const deadline = performance.now() + deadlineMs;
  for (;;) {
    let last: unknown;
    try {
      const answer = await ask();
      if (answer !== false && answer !== undefined) return answer;
      last = answer;
    } catch (error) {
      last = error;
    }
    if (performance.now() > deadline) {
      throw new Error(`${what} did not come within ${deadlineMs} ms`, { cause: last });
    }
    await sleep(10);
  }
}

/** @throws naming `what`, when `promise` has not settled after `deadlineMs` */
export async function within<T>(what: string, promise: Promise<T>, deadlineMs = 5_000): Promise<T> {
  const { promise: late, reject } = Promise.withResolvers<never>();
  const fail = () => reject(new Error(`${what} did not come within ${deadlineMs} ms`));
  const timer = setTimeout(fail, deadlineMs);
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}
