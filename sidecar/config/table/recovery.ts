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
    docs: "After which closes a client that comes back is sent what it missed. `orderly`: those of a node that stops, each event exactly once; it needs Redis or `POGO_RECOVERY_STATE_DIR`, and does nothing without. `all`: cut connections too, where the last events may come twice; with Redis also those of a killed node, for pages with a token in their path. `off`: after none.",
  }),
  windowMs: option({
    env: "POGO_RECOVERY_WINDOW",
    parser: duration({ minMs: 1_000, maxMs: 10 * 60_000 }),
    fallback: 60_000,
    docs: "How long a client may be away and still be sent what it missed. With `POGO_RECOVERY=all` it stays listed in presence channels for as long.",
  }),
  setsCookie: option({
    env: "POGO_RECOVERY_COOKIE",
    parser: boolean,
    fallback: true,
    docs: "Recognize browsers by a cookie of the WebSocket handshake, `pogo_recovery`: random, HttpOnly, and sent to `/app/{key}` alone. Without it only clients with a token of their own in their path are recognized (`wsPath: '/r/' + crypto.randomUUID()` in Echo's options).",
  }),
  authorizes: option({
    env: "POGO_RECOVERY_AUTH",
    parser: boolean,
    fallback: false,
    docs: "Answer `POGO_AUTH_PATH` in the app's place for pages that are back, where the app had granted them the channel. A restart then costs PHP nothing. Only within `POGO_RECOVERY_WINDOW`, for pages with a token in their path, in the same browser, with the same credentials. Whoever has lost a right or was logged out meanwhile keeps a channel as if the connection had stayed open; ADR 27 says who could gain by it.",
  }),
  maxEvents: option({
    env: "POGO_RECOVERY_MAX_EVENTS",
    parser: count,
    fallback: 1_000,
    docs: "Events of one channel that are kept, and that one client is sent over all its channels when it comes back. Beyond it the channel gets `pogo:gap` in their place.",
  }),
  maxBytes: option({
    env: "POGO_RECOVERY_MAX_BYTES",
    parser: bytes({ min: 1_024, max: 1024 ** 3 }),
    fallback: 1_048_576,
    docs: "As `POGO_RECOVERY_MAX_EVENTS`, in bytes. What a client is sent must also fit into `POGO_OUTBOUND_QUEUE_BYTES`.",
  }),
  totalEvents: option({
    env: "POGO_RECOVERY_TOTAL_EVENTS",
    parser: count,
    fallback: 100_000,
    docs: "Events that a node keeps over all channels, each app an equal part; the oldest give way. With Redis its log is what is kept, some 10,000 events of an app.",
  }),
  totalBytes: option({
    env: "POGO_RECOVERY_TOTAL_BYTES",
    parser: bytes({ min: 1_024, max: 1024 ** 4 }),
    fallback: 67_108_864,
    docs: "As `POGO_RECOVERY_TOTAL_EVENTS`, in bytes of memory.",
  }),
  stateDirectory: option({
    env: "POGO_RECOVERY_STATE_DIR",
    parser: optional(absolutePath),
    fallback: null,
    fallbackText: "none",
    docs: "Directory in which a node without Redis leaves for its successor who was connected and what was published last. It is one file, `pogo-recovery.json`, with the permissions 600: written when the node stops, read once and deleted when the next one starts. Events stand in it as they were published.",
  }),
} as const;
