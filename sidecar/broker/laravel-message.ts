/**
 * What Laravel's `redis` broadcaster publishes: `{"event", "data", "socket"}`, validated as the HTTP API validates its
 * events.
 */

import { isObject, parseExactJson } from "../core/json.ts";
import type { PublishFault } from "../core/ports.ts";

export interface LaravelMessage {
  readonly name: string;
  /** As Laravel's other drivers send it: the payload's JSON, without the socket that is in it here. */
  readonly data: string;
  /** `toOthers()`: the connection that is left out. */
  readonly socketId: string | null;
}

export type ParsedMessage =
  | { readonly ok: true; readonly message: LaravelMessage }
  | { readonly ok: false; readonly reason: PublishFault };

export function parseLaravelMessage(text: string): ParsedMessage {
  const json = parseExactJson(text);
  if (!json.ok || !isObject(json.value)) return { ok: false, reason: "invalid_payload_json" };
  const { event, data, socket = null } = json.value;
  const isValid =
    typeof event === "string" &&
    event.trim() !== "" &&
    data !== undefined &&
    (socket === null || typeof socket === "string");
  if (!isValid) return { ok: false, reason: "invalid_fields" };
  const message = { name: event, data: JSON.stringify(withoutSocket(data)), socketId: socket };
  return { ok: true, message };
}

/** Laravel takes it out of the payload only after it has put the payload into the message. */
function withoutSocket(data: unknown): unknown {
  if (!isObject(data)) return data;
  const { socket: _, ...payload } = data;
  return payload;
}
