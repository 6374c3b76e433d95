/** A fact on its way to the endpoints of one app: encoded once, however many want it. */

import type { WebhookEvent } from "../core/ports.ts";

export interface Fact {
  /** As it stands in `events` of the body. */
  readonly json: string;
  /** Of `json` as UTF-8. */
  readonly bytes: number;
  /** When it happened, Unix ms. */
  readonly atMs: number;
}

export function toFact(event: WebhookEvent, atMs: number): Fact {
  const json = JSON.stringify(event);
  return { json, bytes: Buffer.byteLength(json), atMs };
}
