/** What may come from the sidecar over a WebSocket, whatever was sent: asserted of each message and each close. */

import assert from "node:assert/strict";
import { errors, type ProtocolError } from "../../sidecar/core/errors.ts";

type Data = "object" | "none" | "any";

/** Every event of docs/protocol.md that this node can send, and what its `data` is: a JSON string of an object, or nothing. */
const events: Readonly<Record<string, Data>> = {
  "pusher:connection_established": "object",
  "pusher:error": "object",
  "pusher:ping": "none",
  "pusher:pong": "none",
  "pusher:signin_success": "object",
  "pusher:signin_error": "object",
  "pusher:subscription_error": "object",
  "pusher:cache_miss": "none",
  "pusher_internal:subscription_succeeded": "object",
  "pusher_internal:member_added": "object",
  "pusher_internal:member_removed": "object",
  "pusher_internal:watchlist_events": "object",
};

const known: readonly ProtocolError[] = Object.values(errors);

/** Asserts that it is one of them, and returns what it is: the event, or `pusher:error 4200`. */
export function assertInCatalogue(text: string): string {
  const message = JSON.parse(text);
  const { event, data } = message;
  const expected: Data | undefined = event.startsWith("client-") ? "any" : events[event];
  assert.ok(expected, `no event of ours: ${text}`);
  if (expected === "none") assert.equal(data, undefined, text);
  if (expected !== "object") return event.startsWith("client-") ? "client-*" : event;
  const fields = JSON.parse(data);
  assert.ok(typeof fields === "object" && fields !== null && !Array.isArray(fields), text);
  if (event !== "pusher:error") return event;
  const isKnown = known.some(
    ({ code, message: words }) => fields.code === code && fields.message === words,
  );
  assert.ok(isKnown, `no error of the catalogue: ${text}`);
  assert.deepEqual(Object.keys(fields), ["code", "message"]);
  return `${event} ${fields.code}`;
}

export interface ServerFrame {
  readonly opcode: number;
  readonly payload: Buffer;
}

/** The frames behind the handshake's answer: whole, unmasked, without extension (RFC 6455 §5.1, §5.2). */
export function readFrames(received: Buffer): readonly ServerFrame[] {
  const frames: ServerFrame[] = [];
  let at = received.indexOf("\r\n\r\n") + 4;
  while (at < received.length) {
    const [first = 0, second = 0] = received.subarray(at);
    assert.ok((first & 0x80) !== 0 && (first & 0x70) === 0, "neither fragmented nor reserved bits");
    assert.ok(second < 127, "unmasked, and no longer than 65,535 bytes");
    const length = second === 126 ? received.readUInt16BE(at + 2) : second;
    const start = at + (second === 126 ? 4 : 2);
    assert.ok(start + length <= received.length, "whole");
    frames.push({ opcode: first & 0x0f, payload: received.subarray(start, start + length) });
    at = start + length;
  }
  return frames;
}
