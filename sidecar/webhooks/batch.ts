/** One webhook request: its body, made once, and the headers that sign it (Pusher: "Webhooks"). */

import { sign } from "../core/signature.ts";
import type { EncodedEvent } from "./encoded-event.ts";

export interface Batch {
  /** How many events are in it. */
  readonly count: number;
  /** Of the events, without what stands around them. */
  readonly bytes: number;
  /** `{"time_ms":…,"events":[…]}`; every attempt sends these very bytes. */
  readonly body: Buffer;
  readonly headers: Readonly<Record<string, string>>;
}

/** `time_ms` is when the first of the events happened, as an end that was delayed happened before it was sent. */
export function createBatch(
  events: readonly EncodedEvent[],
  app: { key: string; secret: string },
): Batch {
  const timeMs = events.reduce((first, { atMs }) => Math.min(first, atMs), Infinity);
  const text = `{"time_ms":${timeMs},"events":[${events.map(({ json }) => json).join(",")}]}`;
  return {
    count: events.length,
    bytes: events.reduce((sum, { bytes }) => sum + bytes, 0),
    body: Buffer.from(text),
    headers: {
      "Content-Type": "application/json",
      "X-Pusher-Key": app.key,
      "X-Pusher-Signature": sign(app.secret, text),
      "User-Agent": "Pogo-Sidecar",
      // So that Laravel answers an error in JSON, and does not redirect.
      Accept: "application/json",
    },
  };
}
