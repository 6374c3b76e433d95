/** What is said of the events that came: nothing missed, nothing twice, or no more than was promised. */

import assert from "node:assert/strict";
import { until } from "../../../sidecar/testing/eventually.ts";
import { judge, type NumberedLoad, type Verdict } from "../../kit/numbered.ts";

/** How long what was published last is waited for: what has not come by then is missed. */
const patienceMs = 10_000;

/** Ends the load, waits for its last events, and judges what came of each channel. */
export async function judgeAll(
  load: NumberedLoad,
  seen: (channel: string) => readonly number[] | Promise<readonly number[]>,
): Promise<Readonly<Record<string, Verdict>>> {
  await load.stop();
  const verdicts: Record<string, Verdict> = {};
  for (const [channel, taken] of load.taken) {
    assert.ok(taken.length > 0, `nothing was published to ${channel}`);
    const last = taken.at(-1) ?? 0;
    const hasCome = async () => (await seen(channel)).includes(last);
    await until("the last event", hasCome, patienceMs).catch(() => undefined);
    verdicts[channel] = judge(taken, await seen(channel));
  }
  return verdicts;
}

/** Nothing missed, nothing twice, all in order. */
export function assertFaultless(verdicts: Readonly<Record<string, Verdict>>): void {
  const none = Object.fromEntries(
    Object.keys(verdicts).map((channel) => [channel, { missed: [], doubled: [], late: [] }]),
  );
  assert.deepEqual(verdicts, none);
}

/** Came once in order, and again, at most, from some number on: the last of what had come before it was away. */
export function assertContinuedOnce(seen: readonly number[]): void {
  assert.deepEqual(judge([], seen).late, []);
  const turns = seen.filter((n, index) => n <= (seen[index - 1] ?? 0));
  assert.ok(turns.length <= 1, `it went back more than once: ${seen.join()}`);
}
