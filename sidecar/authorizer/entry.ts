/** One request in the bulkhead. */

import type { Admission } from "./circuit-breaker.ts";
import type { CountedOutcome } from "./failure-limit.ts";
import type { Place } from "./fair-queue.ts";

export interface Entry<T> {
  readonly request: T;
  readonly place: Place;
  readonly seq: number;
  readonly arrivedMs: number;
  attempts: number;
  /** Of an attempt under way. */
  admission: Admission | null;
  isCalledOff: boolean;
  /** Its last attempt failed since the app did not answer. */
  isAppsFault: boolean;
  /** What it counts as against its session. Further attempts are the sidecar's own, and paced by their pauses. */
  counted: CountedOutcome | null;
}

export function createEntry<T>(
  arrived: Pick<Entry<T>, "request" | "place" | "seq" | "arrivedMs">,
): Entry<T> {
  return {
    ...arrived,
    attempts: 0,
    admission: null,
    isCalledOff: false,
    isAppsFault: false,
    counted: null,
  };
}
