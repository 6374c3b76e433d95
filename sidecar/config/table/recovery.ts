/** Options of recovery: what a client missed while it was away. */

import { absolutePath } from "../parsers/addresses.ts";
import { boolean, count, oneOf, optional } from "../parsers/parser.ts";
import { bytes, duration } from "../parsers/units.ts";
import { option } from "./option.ts";

export const recovery = {
  mode: option({
    env: "POGO_RECOVERY",
    parser: oneOf(["off", "orderly", "all"]),
    fallback: "orderly",
    docs: "After which kind of close a client that comes back is sent what it missed. `orderly`: closes by a node that stops, each event exactly once; it needs Redis or `POGO_RECOVERY_STATE_DIR`, and does nothing without. `all`: broken connections too, where the last events may come twice; with Redis also after a node was killed, for pages with a token in their path. `off`: never.",
  }),
  windowMs: option({
    env: "POGO_RECOVERY_WINDOW",
    parser: duration({ minMs: 1_000, maxMs: 10 * 60_000 }),
    fallback: 60_000,
    docs: "How long a client may be away and still be sent what it missed. With `POGO_RECOVERY=all` it stays listed in presence channels as long.",
  }),
  setsCookie: option({
    env: "POGO_RECOVERY_COOKIE",
    parser: boolean,
    fallback: true,
    docs: "Recognize browsers by a cookie set with the WebSocket handshake, `pogo_recovery`: random, HttpOnly, and sent to `/app/{key}` only. Without it only clients with a token of their own in their path are recognized (`wsPath: '/r/' + crypto.randomUUID()` in Echo's options).",
  }),
  authorizes: option({
    env: "POGO_RECOVERY_AUTH",
    parser: boolean,
    fallback: false,
    docs: "Answer `POGO_AUTH_PATH` in the app's place for pages that come back to a channel that the app had granted them. A restart then costs PHP nothing. It applies within `POGO_RECOVERY_WINDOW`, to pages with a token in their path, in the same browser, with the same credentials. Whoever lost a right or was logged out meanwhile keeps the channel as if the connection had stayed open; ADR 27 covers who could abuse it.",
  }),
  maxEvents: option({
    env: "POGO_RECOVERY_MAX_EVENTS",
    parser: count,
    fallback: 1_000,
    docs: "Maximum number of events kept for a channel, and sent to one client over all its channels when it comes back. Beyond it the channel gets `pogo:gap` instead.",
  }),
  maxBytes: option({
    env: "POGO_RECOVERY_MAX_BYTES",
    parser: bytes({ min: 1_024, max: 1024 ** 3 }),
    fallback: 1_048_576,
    docs: "Same as `POGO_RECOVERY_MAX_EVENTS`, in bytes. What a client is sent must also fit into `POGO_OUTBOUND_QUEUE_BYTES`.",
  }),
  totalEvents: option({
    env: "POGO_RECOVERY_TOTAL_EVENTS",
    parser: count,
    fallback: 100_000,
    docs: "Maximum number of events that a node keeps over all channels, divided equally among the apps; the oldest are dropped. With Redis it does not apply: its log keeps some 10,000 events per app.",
  }),
  totalBytes: option({
    env: "POGO_RECOVERY_TOTAL_BYTES",
    parser: bytes({ min: 1_024, max: 1024 ** 4 }),
    fallback: 67_108_864,
    docs: "Same as `POGO_RECOVERY_TOTAL_EVENTS`, in bytes of memory.",
  }),
  stateDirectory: option({
    env: "POGO_RECOVERY_STATE_DIR",
    parser: optional(absolutePath),
    fallback: null,
    fallbackText: "none",
    docs: "Directory in which a node without Redis leaves its state for its successor: who was connected, and what was published last. It is one file, `pogo-recovery.json`, with permissions 600, written when the node stops, and read and deleted when the next one starts. It contains events as they were published.",
  }),
} as const;
