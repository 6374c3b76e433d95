/** For tests: waits for what has to be asked for, such as the state of a cluster. */

import { setTimeout as sleep } from "node:timers/promises";

/**
 * Resolves with the first answer that is not false or undefined; a question that throws is asked again.
 * @throws naming `what` and the last answer, after `deadlineMs`
 */
export async function until<T>(
  what: string,
  ask: () => Promise<T | false | undefined>,
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
    await sleep(25);
  }
}
