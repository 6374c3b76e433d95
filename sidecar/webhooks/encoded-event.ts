/** A webhook event of one app, encoded once for all endpoints that want it. */

import type { WebhookEvent } from "../core/ports.ts";
import { groupOf, type EventGroup } from "./groups.ts";

export interface EncodedEvent {
  /** As it stands in `events` of the body. */
  readonly json: string;
  /** Of `json` as UTF-8. */
  readonly bytes: number;
  /** When it happened, Unix ms. */
  readonly atMs: number;
  readonly group: EventGroup;
  /** The connection that caused it; null where that is not known. */
  readonly socketId: string | null;
  /** Of events with the same key only the last one counts; null: each counts. */
  readonly key: string | null;
}

export function encodeEvent(event: WebhookEvent, atMs: number): EncodedEvent {
  const json = JSON.stringify(event);
  return {
    json,
    bytes: Buffer.byteLength(json),
    atMs,
    group: groupOf(event),
    socketId: event.name === "client_event" ? event.socket_id : null,
    key: keyOf(event),
  };
}

function keyOf(event: WebhookEvent): string | null {
  const isState = event.name === "cache_miss" || event.name === "subscription_count";
  return isState ? `${event.name}:${event.channel}` : null;
}
